package scenario

import (
	"slices"
	"strings"
	"time"
)

// fields are the values of a table whose keys were looked at. A key that is not there gives the zero value, and a value of
// another kind is told.
type fields struct {
	*reader
	n    *node
	what string
}

// fieldsOf looks at a table: a key that is none of those known is told, with the nearest that is.
func (r *reader) fieldsOf(n *node, what string, known ...string) fields {
	f := r.anyFields(n, what)
	for _, k := range f.n.keys {
		if !slices.Contains(known, k.text) {
			r.unknown(k, what, known)
		}
	}
	return f
}

// anyFields are those of a table that may have keys of any name.
func (r *reader) anyFields(n *node, what string) fields {
	if n.kind != table {
		r.wrong(n.at, "%s: want a table of keys; this is %s", what, n.kind)
		n = &node{kind: table, at: n.at}
	}
	return fields{r, n, what}
}

func (r *reader) unknown(key *node, what string, known []string) {
	if near := Nearest(key.text, known); near != "" {
		r.wrong(key.at, "%s: unknown key %q; did you mean %s?", what, key.text, near)
		return
	}
	r.wrong(key.at, "%s: unknown key %q; want one of %s", what, key.text, strings.Join(known, ", "))
}

// at is the place of a key's value, or of the table where the key is not there.
func (f fields) at(key string) Place {
	if v := f.n.get(key); v != nil {
		return v.at
	}
	return f.n.at
}

func (f fields) has(key string) bool { return f.n.get(key) != nil }

// text is a text that is not empty; empty where the key is not there.
func (f fields) text(key string) string {
	v := f.n.get(key)
	switch {
	case v == nil:
		return ""
	case v.kind == number || v.kind == boolean:
		return v.text
	case v.kind != text || strings.TrimSpace(v.text) == "":
		f.wrong(v.at, "%s: want a text", key)
		return ""
	}
	return v.text
}

// must is a text that has to be there.
func (f fields) must(key string) string {
	if !f.has(key) {
		f.wrong(f.n.at, "%s: %s is missing", f.what, key)
	}
	return f.text(key)
}

// word is one of some words.
func (f fields) word(key string, words ...string) string {
	w := f.text(key)
	if w == "" || slices.Contains(words, w) {
		return w
	}
	near := Nearest(w, words)
	if near != "" {
		near = "; did you mean " + near + "?"
	}
	f.wrong(f.at(key), "%s %q: want one of %s%s", key, w, strings.Join(words, ", "), near)
	return ""
}

func (f fields) truth(key string) bool {
	v := f.n.get(key)
	if v != nil && v.kind != boolean {
		f.wrong(v.at, "%s: want true or false", key)
		return false
	}
	return v != nil && v.text == "true"
}

// whole is a whole number within bounds.
func (f fields) whole(key string, lowest, highest int) int {
	v := f.n.get(key)
	if v == nil {
		return 0
	}
	x, ok := v.value()
	if n := int(x); v.kind == number && ok && float64(n) == x && n >= lowest && n <= highest {
		return n
	}
	f.wrong(v.at, "%s %s: want a whole number from %d to %d", key, v.text, lowest, highest)
	return 0
}

// seconds is a number of seconds, as Chaos Toolkit has it, from 0 to an hour.
func (f fields) seconds(key string) time.Duration {
	v := f.n.get(key)
	if v == nil {
		return 0
	}
	x, ok := v.value()
	if (v.kind == number || v.kind == text) && ok && x >= 0 && x <= longest.Seconds() {
		return time.Duration(x*float64(time.Second) + 0.5)
	}
	f.wrong(v.at, "%s %s: want a number of seconds from 0 to %v", key, v.text, longest.Seconds())
	return 0
}

// longest bounds whatever takes time.
const longest = time.Hour

// span is a duration, such as 500ms, of at least so much and at most the longest.
func (f fields) span(key string, lowest time.Duration) time.Duration {
	v := f.n.get(key)
	if v == nil {
		return 0
	}
	d, err := time.ParseDuration(v.text)
	switch {
	case v.kind != text && v.kind != number || err != nil:
		f.wrong(v.at, "%s %s: want a duration, such as 500ms", key, v.text)
	case d < lowest || d > longest:
		f.wrong(v.at, "%s %v: want %v to %v", key, d, lowest, longest)
	default:
		return d
	}
	return 0
}

// list are the entries of a list, up to a bound.
func (f fields) list(key string, most int) []*node {
	v := f.n.get(key)
	switch {
	case v == nil:
		return nil
	case v.kind != list:
		f.wrong(v.at, "%s: want a list; this is %s", key, v.kind)
		return nil
	case len(v.items) > most:
		f.wrong(v.at, "%s: %d entries, want at most %d", key, len(v.items), most)
		return nil
	}
	return v.items
}

// texts are the texts of a list.
func (f fields) texts(key string, most int) (all []string) {
	for _, v := range f.list(key, most) {
		if v.kind == null || v.kind == list || v.kind == table || strings.TrimSpace(v.text) == "" {
			f.wrong(v.at, "%s: want texts", key)
			continue
		}
		all = append(all, v.text)
	}
	return all
}
