package scenario

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// kind is what a value of a file is.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	list
	table
)

func (k kind) String() string {
	return [...]string{"nothing", "true or false", "a number", "a text", "a list", "a table"}[k]
}

// node is a value of a file, be it YAML or JSON, with its place.
type node struct {
	kind  kind
	text  string  // of a scalar, as it was written but for quotes
	keys  []*node // of a table: texts, each once
	items []*node // of a list, or the values of a table
	at    Place
}

// get finds a value of a table; nil where the key is not there.
func (n *node) get(key string) *node {
	for i, k := range n.keys {
		if k.text == key {
			return n.items[i]
		}
	}
	return nil
}

// add appends a pair to a table.
func (n *node) add(key string, value *node) {
	n.keys, n.items = append(n.keys, scalar(text, key)), append(n.items, value)
}

func scalar(k kind, value string) *node { return &node{kind: k, text: value} }

// value is the float of a number; false where the number is none of JSON's, or too large to be kept exactly.
func (n *node) value() (float64, bool) {
	if whole, err := strconv.ParseInt(n.text, 0, 64); err == nil {
		return float64(whole), whole < 1<<53 && whole > -1<<53
	}
	f, err := strconv.ParseFloat(n.text, 64)
	return f, err == nil && f < 1<<53 && f > -1<<53
}

// count counts a value against the bound; false where there are too many, which is told once.
func (r *reader) count(at Place, depth int) bool {
	r.values++
	switch {
	case depth > maxDepth:
		r.wrong(at, "lists and tables more than %d deep", maxDepth)
	case r.values > maxValues:
		r.wrong(at, "more than %d values", maxValues)
	default:
		return true
	}
	return false
}

// sound looks at a text.
func (r *reader) sound(n *node) *node {
	switch {
	case len(n.text) > maxTextBytes:
		r.wrong(n.at, "a text of more than %d bytes", maxTextBytes)
	case strings.ContainsFunc(n.text, func(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\t' }),
		strings.ContainsAny(n.text, "\u2028\u2029\ufeff"):
		r.wrong(n.at, "a control character in a text")
	default:
		return n
	}
	return nil
}

// addTo puts a pair into a table that is read; false where the key is there already.
func (r *reader) addTo(t, key, value *node) bool {
	if t.get(key.text) != nil {
		r.wrong(key.at, "key %q is there already", key.text)
		return false
	}
	if len(t.keys) == maxKeys {
		r.wrong(key.at, "a table of more than %d keys", maxKeys)
		return false
	}
	t.keys, t.items = append(t.keys, key), append(t.items, value)
	return true
}

// jsonText reads JSON token by token, so that each value has a place.
type jsonText struct {
	*reader
	text   []byte
	tokens *json.Decoder
	seen   int // the bytes up to which lines were counted
	line   int
	start  int // of that line
}

// fromJSON reads a text of JSON; nil where it is none.
func (r *reader) fromJSON(source []byte) *node {
	j := &jsonText{reader: r, text: source, tokens: json.NewDecoder(bytes.NewReader(source)), line: 1}
	j.tokens.UseNumber()
	top := j.value(0)
	if top == nil {
		return nil
	}
	if _, err := j.tokens.Token(); !errors.Is(err, io.EOF) {
		r.wrong(j.place(), "something follows the end of the object")
		return nil
	}
	return top
}

// place is where the next token begins.
func (j *jsonText) place() Place {
	at := int(j.tokens.InputOffset())
	for at < len(j.text) && strings.IndexByte(" \t\r\n,:", j.text[at]) >= 0 {
		at++
	}
	for ; j.seen < at; j.seen++ {
		if j.text[j.seen] == '\n' {
			j.line, j.start = j.line+1, j.seen+1
		}
	}
	return Place{j.line, at - j.start + 1}
}

// value reads the next value, and all that is in it; nil where it cannot, which was told.
func (j *jsonText) value(depth int) *node {
	at := j.place()
	if !j.count(at, depth) {
		return nil
	}
	word, err := j.tokens.Token()
	if err != nil {
		j.wrong(at, "not JSON: %v", err)
		return nil
	}
	switch word := word.(type) {
	case bool:
		return &node{kind: boolean, text: strconv.FormatBool(word), at: at}
	case json.Number:
		return &node{kind: number, text: word.String(), at: at}
	case string:
		return j.sound(&node{kind: text, text: word, at: at})
	case json.Delim:
		if word == '[' {
			return j.inside(&node{kind: list, at: at}, depth)
		}
		return j.inside(&node{kind: table, at: at}, depth)
	}
	return &node{kind: null, at: at}
}

// inside reads what is in a list or a table, and its end.
func (j *jsonText) inside(n *node, depth int) *node {
	for j.tokens.More() {
		var key *node
		if n.kind == table {
			if key = j.value(depth + 1); key == nil {
				return nil
			}
		}
		item := j.value(depth + 1)
		if item == nil {
			return nil
		}
		if n.kind == list {
			n.items = append(n.items, item)
		} else if !j.addTo(n, key, item) {
			return nil
		}
	}
	at := j.place()
	if _, err := j.tokens.Token(); err != nil {
		j.wrong(at, "not JSON: %v", err)
		return nil
	}
	return n
}
