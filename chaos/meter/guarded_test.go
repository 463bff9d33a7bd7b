package meter

import (
	"strings"
	"testing"
)

func TestReport_saysWhatWasInForceWhen(t *testing.T) {
	two := []Guarded{{0, "standby", 2}, {2041.3, "reschedule", 1}}
	r := Report{Guarded: two, Strategy: InTurn(two)}
	if r.Strategy != "standby ×2, then reschedule ×1" || r.Since() != "standby ×2, from 2.04 s on reschedule ×1" {
		t.Errorf("%q, %q; want both, one after the other", r.Strategy, r.Since())
	}
	var text strings.Builder
	if err := r.WriteText(&text); err != nil || !strings.Contains(text.String(), "\nguarded by standby ×2, from 2.04 s on reschedule ×1\n") {
		t.Errorf("the text, %v, does not say so:\n%s", err, &text)
	}
	var many []Guarded
	for range 10 {
		many = append(many, two...)
	}
	r.Guarded = many
	if got := InTurn(many); got != "standby ×2 and reschedule ×1 in turn, changed 19 times" || !strings.HasSuffix(r.Since(), ", and 12 more") {
		t.Errorf("%q, %q; want it short", got, r.Since())
	}
	if r = (Report{Strategy: "standby"}); r.Since() != "" {
		t.Errorf("%q of a run that was guarded one way", r.Since())
	}
}
