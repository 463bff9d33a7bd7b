package scenario

import (
	"regexp"
	"strings"
)

// Tolerance is what a probe must answer.
type Tolerance struct {
	Kind    ToleranceKind
	Want    Scalar   // of Exactly
	OneOf   []Scalar // of Among, and of Path what it must find; there nil: anything
	Low     float64  // of Range, both ends included
	High    float64
	Pattern string // of Regex, in the words of Go's regexp; of Path, the path
	Count   int    // of Path: how many it must find; -1: at least one
	Target  string // which part of the answer: status, stdout, stderr, headers, body; empty: all of it
}

// ToleranceKind says how an answer is judged.
type ToleranceKind string

// The kinds of tolerance.
const (
	Exactly ToleranceKind = "exactly"  // a number is the status; true that it is good; a text is all that was said
	Among   ToleranceKind = "among"    // the status is one of some
	Range   ToleranceKind = "range"    // the target is a number within bounds
	Regex   ToleranceKind = "regex"    // the target matches
	Path    ToleranceKind = "jsonpath" // the target is JSON, and something is found in it
)

// Scalar is a text, a number, or true or false.
type Scalar struct {
	Text   string  // where it is neither of the others
	Number float64 // where IsNumber
	Truth  bool    // where IsTruth

	IsNumber, IsTruth bool
}

// tolerance reads what a probe must answer; false where it cannot be judged, which was told.
func (r *reader) tolerance(n *node, by ProviderType) (*Tolerance, bool) {
	switch n.kind {
	case null:
		r.wrong(n.at, "tolerance: want what the probe must answer")
		return nil, false
	case boolean, number, text:
		want, ok := r.scalar(n)
		if n.kind != number {
			r.warn(n.at, "tolerance: Chaos Toolkit finds no answer of a %s equal to %s; here true is a good status, and a text all that was said", by, n.text)
		}
		return &Tolerance{Kind: Exactly, Want: want}, ok
	case list:
		t := &Tolerance{Kind: Among}
		for _, item := range n.items {
			s, ok := r.scalar(item)
			if !ok {
				return nil, false
			}
			t.OneOf = append(t.OneOf, s)
		}
		if len(n.items) == 0 {
			r.wrong(n.at, "tolerance: an empty list holds for nothing")
		}
		return t, len(n.items) > 0
	case table:
	}
	return r.judged(n, by)
}

// judged reads a tolerance that is a table.
func (r *reader) judged(n *node, by ProviderType) (*Tolerance, bool) {
	before := len(r.findings) - r.warnings
	f := r.anyFields(n, "tolerance")
	kind := f.must("type")
	t := &Tolerance{Kind: ToleranceKind(kind), Count: -1}
	switch t.Kind {
	case Range:
		f = r.fieldsOf(n, "tolerance", "type", "range", "target", "name")
		r.bounds(f, t)
	case Regex:
		f = r.fieldsOf(n, "tolerance", "type", "pattern", "target", "name")
		t.Pattern = f.must("pattern")
		if _, err := regexp.Compile(t.Pattern); err != nil {
			r.wrong(f.at("pattern"), "pattern: %v", err)
		}
	case Path:
		f = r.fieldsOf(n, "tolerance", "type", "path", "count", "expect", "target", "name")
		r.path(f, t)
	case Exactly, Among:
		fallthrough
	default:
		switch kind {
		case "":
		case "probe":
			r.wrong(f.at("type"), "a tolerance of type probe is given the answer as an argument, which only Python has; want range, regex or jsonpath")
		default:
			f.word("type", string(Range), string(Regex), string(Path))
		}
		return nil, false
	}
	parts := []string{"status", "stdout", "stderr"}
	if by == HTTP {
		parts = []string{"status", "headers", "body"}
	}
	t.Target = f.word("target", parts...)
	if t.Target == "" && t.Kind != Path && !f.has("target") {
		r.wrong(f.n.at, "tolerance: target is missing: want one of %s", strings.Join(parts, ", "))
	}
	return t, len(r.findings)-r.warnings == before
}

// bounds reads the two ends of a range.
func (r *reader) bounds(f fields, t *Tolerance) {
	ends := f.list("range", 2)
	if len(ends) != 2 || ends[0].kind != number || ends[1].kind != number {
		r.wrong(f.at("range"), "range: want [lowest, highest]")
		return
	}
	low, lowOK := ends[0].value()
	high, highOK := ends[1].value()
	if !lowOK || !highOK || low > high {
		r.wrong(f.at("range"), "range: %s to %s has nothing in it", ends[0].text, ends[1].text)
	}
	t.Low, t.High = low+0, high+0 // no -0
}

// path reads a path, and what it must find.
func (r *reader) path(f fields, t *Tolerance) {
	t.Pattern = f.must("path")
	if _, err := parsePath(t.Pattern); err != nil && t.Pattern != "" {
		r.wrong(f.at("path"), "path: %v", err)
	}
	if f.has("count") {
		t.Count = f.whole("count", 0, maxValues)
	}
	expect := f.n.get("expect")
	if expect == nil {
		return
	}
	items := []*node{expect}
	if expect.kind == list {
		items = expect.items
	}
	t.OneOf = []Scalar{}
	for _, item := range items {
		if s, ok := r.scalar(item); ok {
			t.OneOf = append(t.OneOf, s)
		}
	}
}

// scalar reads a text, a number, or true or false.
func (r *reader) scalar(n *node) (s Scalar, ok bool) {
	switch n.kind {
	case boolean:
		return Scalar{Truth: n.text == "true", IsTruth: true}, true
	case text:
		return Scalar{Text: n.text}, true
	case number:
		if s.Number, ok = n.value(); !ok {
			r.wrong(n.at, "%s: want a number below 2^53", n.text)
		}
		s.Number, s.IsNumber = s.Number+0, true
		return s, ok
	case null, list, table:
	}
	r.wrong(n.at, "want a text, a number, or true or false; this is %s", n.kind)
	return s, false
}

// node is the scalar as a file has it.
func (s Scalar) node() *node {
	switch {
	case s.IsTruth && s.Truth:
		return scalar(boolean, "true")
	case s.IsTruth:
		return scalar(boolean, "false")
	case s.IsNumber:
		return scalar(number, spell(s.Number))
	}
	return scalar(text, s.Text)
}
