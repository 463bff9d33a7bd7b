package scenario

import (
	"regexp"
	"strconv"
	"strings"
)

// variable is how a text names a value of the configuration.
var variable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// maxVariableBytes bounds a value of the configuration, for it may be named often.
const maxVariableBytes = 1 << 10

// putIn reads the configuration, and puts its values in wherever ${name} stands: a text that is nothing but the name becomes
// the value, be it a text or not. A name that is not there stays as it is.
func (r *reader) putIn(f fields) {
	values := map[string]*node{}
	c := r.anyFields(f.n.get("configuration"), "configuration")
	for i, key := range c.n.keys {
		v := r.configured(key, c.n.items[i])
		if v == nil || r.sound(v) == nil {
			continue
		}
		if len(v.text) > maxVariableBytes {
			r.wrong(v.at, "configuration: %s: more than %d bytes", key.text, maxVariableBytes)
			continue
		}
		values[key.text] = v
	}
	for i, key := range f.n.keys {
		switch key.text {
		case "configuration", "secrets", "controls", "contributions":
		default:
			r.substitute(f.n.items[i], values)
		}
	}
}

// configured is one value of the configuration; nil where it cannot be had, which was told.
func (r *reader) configured(key, v *node) *node {
	switch v.kind {
	case null, list:
		r.wrong(v.at, "configuration: %s: want a text, a number, true or false, or {type: env, key: NAME}", key.text)
		return nil
	case boolean, number, text:
		return v
	case table:
	}
	f := r.anyFields(v, "configuration")
	if kind := f.must("type"); kind != "env" {
		if kind != "" {
			r.wrong(f.at("type"), "configuration: %s: type %s cannot be had here: want env", key.text, kind)
		}
		return nil
	}
	f = r.fieldsOf(v, "configuration", "type", "key", "default", "env_var_type")
	name, kind := f.must("key"), f.word("env_var_type", "str", "int", "float", "bool", "bytes")
	var value string
	set := false
	if r.options.Environment != nil {
		value, set = r.options.Environment(name)
	}
	if !set {
		d := f.n.get("default")
		if d == nil || d.kind == null || d.kind == list || d.kind == table {
			r.wrong(f.n.at, "configuration: %s: %s is not set in the environment, and there is no default", key.text, name)
			return nil
		}
		if kind == "" {
			return d
		}
		value = d.text
	}
	return r.typed(&node{kind: text, text: value, at: v.at}, name, kind)
}

// typed is a text from the environment as the type that was asked for.
func (r *reader) typed(n *node, name, kind string) *node {
	var err error
	switch kind {
	case "int":
		n.kind = number
		_, err = strconv.ParseInt(n.text, 10, 64)
	case "float":
		n.kind = number
		_, err = strconv.ParseFloat(n.text, 64)
	case "bool":
		var truth bool
		n.kind = boolean
		truth, err = strconv.ParseBool(n.text)
		n.text = strconv.FormatBool(truth)
	}
	if err != nil {
		r.wrong(n.at, "configuration: %s is not the %s that is asked for", name, kind)
		return nil
	}
	return n
}

// substitute puts values into all texts of a tree but the keys of tables.
func (r *reader) substitute(n *node, values map[string]*node) {
	for _, item := range n.items {
		r.substitute(item, values)
	}
	if n.kind != text || !strings.Contains(n.text, "${") {
		return
	}
	if whole := variable.FindStringSubmatch(n.text); whole != nil && whole[0] == n.text && values[whole[1]] != nil {
		n.kind, n.text = values[whole[1]].kind, values[whole[1]].text
		return
	}
	n.text = variable.ReplaceAllStringFunc(n.text, func(found string) string {
		name := found[2 : len(found)-1]
		if v := values[name]; v != nil {
			return v.text
		}
		r.warn(n.at, "%s: the configuration has no such value; it stays as it is", found)
		return found
	})
	if r.sound(n) == nil {
		n.text = ""
	}
}
