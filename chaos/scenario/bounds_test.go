package scenario

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// grown is a text of about MaxBytes, of lines that grow.
func grown(line func(i int) string) string {
	var b strings.Builder
	for i := 0; ; i++ {
		if l := line(i); b.Len()+len(l) < MaxBytes {
			b.WriteString(l)
			continue
		}
		return b.String()
	}
}

// TestParse_refusesWhatIsMadeToBeSlow has texts on which a reader without bounds takes minutes, or all the memory or stack.
func TestParse_refusesWhatIsMadeToBeSlow(t *testing.T) {
	again := func(s string) string { return strings.Repeat(s, (MaxBytes-100)/len(s)) }
	for name, text := range map[string]string{
		"keys":            grown(func(i int) string { return fmt.Sprintf("k%d: 1\n", i) }),
		"keys in braces":  "a: {" + grown(func(i int) string { return fmt.Sprintf("k%d: 1, ", i) })[:MaxBytes-1000] + "}",
		"keys in entries": "faults:\n- a: 1\n" + grown(func(i int) string { return fmt.Sprintf("  k%d: 1\n", i) })[:MaxBytes-1000],
		"keys of JSON":    "{\"a\": 1" + grown(func(i int) string { return fmt.Sprintf(", \"k%d\": 1", i) })[:MaxBytes-1000] + "}",
		"deep keys":       grown(func(i int) string { return strings.Repeat(" ", i) + "a:\n" }),
		"deep dashes":     grown(func(i int) string { return strings.Repeat(" ", i) + "-\n" }),
		"dashes":          again("- "),
		"entries":         again("- a\n"),
		"brackets":        again("["),
		"braces":          again("{a: "),
		"braces of JSON":  again("{\"a\":"),
		"colons":          again("a: "),
		"commas":          "a: [" + again("1,") + "]",
		"documents":       again("---\n"),
		"a long text":     "a: |\n" + again(" x\n"),
		"blanks":          again(" ") + "a: 1",
	} {
		if _, err := Parse("s.yaml", []byte(text), Options{}); !errors.Is(err, ErrScenario) {
			t.Errorf("%s: %.200v, want a refusal", name, err)
		}
	}
}
