package scenario

import (
	"errors"
	"maps"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// fromYAML reads a text of YAML; nil where it is none. What makes a short text long is refused, and so is depth, before the
// library builds anything of it.
func (r *reader) fromYAML(source []byte) *node {
	if !r.tame(lexer.Tokenize(string(source))) {
		return nil
	}
	file, err := parser.ParseBytes(source, 0)
	if err != nil {
		var told yaml.Error
		if errors.As(err, &told) {
			r.wrong(placeOf(told.GetToken()), "%s", told.GetMessage())
		} else {
			r.wrong(Place{1, 1}, "%v", err)
		}
		return nil
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		r.wrong(Place{1, 1}, "want one document with a table of keys")
		return nil
	}
	return r.yaml(file.Docs[0].Body, 0)
}

// tame reports whether the tokens promise a tree of bounded size. The library's time for a table goes with the square of its
// keys, so they are counted here.
func (r *reader) tame(tokens token.Tokens) bool {
	dashes, line, indent, entries := 0, 0, 0, 0
	block := map[int]int{} // keys of the open tables of each indent
	var flow []int         // keys of those in brackets, outermost first
	for _, t := range tokens {
		at := placeOf(t)
		if at.Line != line {
			dashes, line, indent = 0, at.Line, 0
		}
		if indent == 0 && t.Type != token.SequenceEntryType {
			indent = at.Column
		}
		keys := 0
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType, token.MappingKeyType, token.DirectiveType:
			r.wrong(at, "anchors, aliases, merges, tags, directives and `?` are not for scenarios")
			return false
		case token.SequenceStartType, token.MappingStartType:
			flow = append(flow, 0)
		case token.SequenceEndType, token.MappingEndType:
			flow = flow[:max(0, len(flow)-1)]
		case token.SequenceEntryType:
			dashes, entries = dashes+1, entries+1
			maps.DeleteFunc(block, func(column, _ int) bool { return column > at.Column })
		case token.CollectEntryType:
			entries++
		case token.MappingValueType:
			if len(flow) > 0 {
				flow[len(flow)-1]++
				keys = flow[len(flow)-1]
				break
			}
			maps.DeleteFunc(block, func(column, _ int) bool { return column > indent })
			block[indent]++
			keys = block[indent]
		default:
		}
		switch {
		case keys > maxKeys:
			r.wrong(at, "a table of more than %d keys", maxKeys)
			return false
		case entries > maxValues:
			r.wrong(at, "more than %d values", maxValues)
			return false
		case len(flow)+dashes > maxDepth || len(block) > maxDepth:
			r.wrong(at, "lists and tables more than %d deep", maxDepth)
			return false
		}
	}
	return true
}

// yaml takes a value of the library's tree, and all that is in it; nil where it cannot, which was told.
func (r *reader) yaml(from ast.Node, depth int) *node {
	if from == nil {
		return &node{at: Place{1, 1}}
	}
	n := &node{at: placeOf(from.GetToken())}
	if !r.count(n.at, depth) {
		return nil
	}
	switch from := from.(type) {
	case *ast.NullNode:
		return n
	case *ast.BoolNode:
		n.kind, n.text = boolean, "false"
		if from.Value {
			n.text = "true"
		}
		return n
	case *ast.IntegerNode, *ast.FloatNode:
		n.kind, n.text = number, from.GetToken().Value
		return r.sound(n)
	case *ast.StringNode:
		n.kind, n.text = text, from.Value
		return r.sound(n)
	case *ast.LiteralNode:
		n.kind, n.text = text, from.Value.Value
		return r.sound(n)
	case *ast.SequenceNode:
		n.kind = list
		for _, value := range from.Values {
			item := r.yaml(value, depth+1)
			if item == nil {
				return nil
			}
			n.items = append(n.items, item)
		}
		return n
	case *ast.MappingNode:
		n.kind = table
		return r.pairs(n, from.Values, depth)
	case *ast.MappingValueNode:
		n.kind = table
		return r.pairs(n, []*ast.MappingValueNode{from}, depth)
	}
	r.wrong(n.at, "%s is not for scenarios", from.Type())
	return nil
}

// pairs fills a table. Its place is that of its first key.
func (r *reader) pairs(n *node, values []*ast.MappingValueNode, depth int) *node {
	for i, v := range values {
		key := r.yaml(v.Key, depth+1)
		if key == nil {
			return nil
		}
		if i == 0 {
			n.at = key.at
		}
		switch key.kind {
		case text, number, boolean:
			key.kind = text
		case null, list, table:
			r.wrong(key.at, "a key is to be a word")
			return nil
		}
		value := r.yaml(v.Value, depth+1)
		if value == nil || !r.addTo(n, key, value) {
			return nil
		}
	}
	return n
}

func placeOf(t *token.Token) Place {
	if t == nil || t.Position == nil {
		return Place{1, 1}
	}
	return Place{t.Position.Line, t.Position.Column}
}
