package scenario

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Answer is what a probe answered.
type Answer struct {
	Status int    // a process's exit code, a reply's status
	Good   bool   // 0, or 2xx
	Said   string // stdout, or the body
	Errors string // of a process: stderr
	Parts  string // of a reply: its headers, a line each
}

// part is what a target names.
func (a Answer) part(target string) string {
	switch target {
	case "status":
		return strconv.Itoa(a.Status)
	case "stderr":
		return a.Errors
	case "headers":
		return a.Parts
	}
	return a.Said
}

// Met tells whether an answer is within the tolerance, and if it is not, why.
func (t *Tolerance) Met(a Answer) (met bool, why string) {
	switch t.Kind {
	case Exactly:
		return t.Want.is(a), fmt.Sprintf("status %d, want %s", a.Status, t.Want.node().text)
	case Among:
		return slices.ContainsFunc(t.OneOf, func(s Scalar) bool { return s.is(a) }), fmt.Sprintf("status %d is none of those wanted", a.Status)
	case Range:
		x, err := strconv.ParseFloat(strings.TrimSpace(a.part(t.Target)), 64)
		if err != nil {
			return false, fmt.Sprintf("%s is no number", t.Target)
		}
		return x >= t.Low && x <= t.High, fmt.Sprintf("%s is %v, want %v to %v", t.Target, x, t.Low, t.High)
	case Regex:
		matched, err := regexp.MatchString(t.Pattern, a.part(t.Target))
		return err == nil && matched, fmt.Sprintf("%s does not match %s", t.Target, t.Pattern)
	case Path:
		return t.found(a)
	}
	return false, "no such tolerance"
}

// is reports whether an answer is what is wanted.
func (s Scalar) is(a Answer) bool {
	switch {
	case s.IsTruth:
		return s.Truth == a.Good
	case s.IsNumber:
		return s.Number == float64(a.Status)
	}
	return s.Text == strings.TrimSpace(a.Said)
}

// found looks for what a path is to find.
func (t *Tolerance) found(a Answer) (bool, string) {
	path, err := parsePath(t.Pattern)
	if err != nil {
		return false, err.Error()
	}
	var value any
	if err := json.Unmarshal([]byte(a.part(t.Target)), &value); err != nil {
		return false, "the answer is not JSON"
	}
	values := []any{value}
	for _, step := range path {
		values = step.from(values)
	}
	switch {
	case t.OneOf != nil:
		same := slices.EqualFunc(t.OneOf, values, func(s Scalar, v any) bool { return s.equals(v) })
		return same, fmt.Sprintf("%s finds %v", t.Pattern, values)
	case t.Count >= 0:
		return len(values) == t.Count, fmt.Sprintf("%s finds %d values, want %d", t.Pattern, len(values), t.Count)
	}
	return len(values) > 0, t.Pattern + " finds nothing"
}

func (s Scalar) equals(v any) bool {
	switch {
	case s.IsTruth:
		return v == s.Truth
	case s.IsNumber:
		return v == s.Number
	}
	return v == s.Text
}

// errPath: the text is no path that is understood; it says what is.
var errPath = errors.New("want a path of $, .name, ['name'], [0], [*] and .*")

// pathStep goes from values to what is in them.
type pathStep struct {
	key   string
	index int // of a list, where key is empty
	all   bool
}

var stepText = regexp.MustCompile(`^(?:\.([A-Za-z_][A-Za-z0-9_-]*)|\['([^']*)'\]|\["([^"]*)"\]|\[([0-9]{1,6})\]|(\[\*\]|\.\*))`)

// parsePath reads the part of JSONPath that needs no filters.
func parsePath(text string) (steps []pathStep, err error) {
	rest, found := strings.CutPrefix(strings.TrimSpace(text), "$")
	if !found {
		return nil, fmt.Errorf("%q: %w", text, errPath)
	}
	for rest != "" {
		m := stepText.FindStringSubmatch(rest)
		if m == nil {
			return nil, fmt.Errorf("%q, at %q: %w", text, rest, errPath)
		}
		s := pathStep{key: m[1] + m[2] + m[3], all: m[5] != ""}
		s.index, _ = strconv.Atoi(m[4]) // digits alone
		steps, rest = append(steps, s), rest[len(m[0]):]
	}
	return steps, nil
}

// from takes the step from each value. The values of an object come in the order of their keys.
func (s pathStep) from(values []any) (all []any) {
	for _, v := range values {
		switch v := v.(type) {
		case map[string]any:
			if s.all {
				var keys []string
				for k := range v {
					keys = append(keys, k)
				}
				slices.Sort(keys)
				for _, k := range keys {
					all = append(all, v[k])
				}
			} else if member, ok := v[s.key]; ok && s.key != "" {
				all = append(all, member)
			}
		case []any:
			if s.all {
				all = append(all, v...)
			} else if s.key == "" && s.index < len(v) {
				all = append(all, v[s.index])
			}
		}
	}
	return all
}
