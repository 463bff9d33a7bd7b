package scenario

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// shortest is how little a fault may stand.
const shortest = time.Millisecond

// ownKeys are what an entry says beside the flags of its fault.
var ownKeys = []string{"fault", "name", "at", "every", "for", "with"}

// flagName is what a flag, and a fault, may be called.
var flagName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,39}$`)

// fault reads an entry's fault and flags: each key that is none of own is a flag, and so is each under `with`.
func (r *reader) fault(f fields, own []string) Fault {
	fault := Fault{Kind: f.must("fault"), For: f.span("for", shortest), Place: f.n.at}
	if fault.Kind != "" && !flagName.MatchString(fault.Kind) {
		r.wrong(f.at("fault"), "fault %q: want a word; `fracture faults` lists them", fault.Kind)
		return fault
	}
	before := len(r.findings) - r.warnings
	r.flags(&fault, f.n, own)
	if with := f.n.get("with"); with != nil && slices.Contains(own, "with") {
		r.flags(&fault, r.anyFields(with, "with").n, []string{"for"})
		if with.get("for") != nil {
			r.wrong(with.at, "with: `for` stands beside the fault, not here")
		}
	}
	if arguments := fault.Arguments(); len(arguments) > maxFlags {
		r.wrong(f.n.at, "%s: more than %d words of flags", fault.Kind, maxFlags)
	}
	if before == len(r.findings)-r.warnings {
		r.judge(f.n.at, fault.Arguments())
	}
	return fault
}

// judge tells what the options say of arguments. A noop is this package's own: it takes nothing.
func (r *reader) judge(at Place, arguments []string) {
	if arguments[0] == "noop" {
		if len(arguments) > 1 {
			r.wrong(at, "noop: it does nothing, and takes no flags")
		}
		return
	}
	if r.options.Check == nil {
		return
	}
	if err := r.options.Check(slices.Clone(arguments)); err != nil {
		r.wrong(at, "%s: %v", arguments[0], err)
	}
}

// flags reads the keys of a table that are none of own as flags of inject.
func (r *reader) flags(fault *Fault, n *node, own []string) {
	for i, key := range n.keys {
		name, value := key.text, n.items[i]
		known := r.options.Flags
		switch {
		case slices.Contains(own, name):
			continue
		case len(known) > 0 && !slices.Contains(known, name), !flagName.MatchString(name):
			words := slices.Sorted(slices.Values(slices.Concat(own, known)))
			r.unknown(key, "fault "+fault.Kind, slices.Compact(words))
			continue
		case slices.ContainsFunc(fault.Flags, func(f Flag) bool { return f.Name == name }):
			r.wrong(key.at, "%s is said twice", name)
			continue
		}
		if values, ok := r.flag(name, value); ok {
			fault.Flags = append(fault.Flags, Flag{name, values})
		}
	}
}

// flag reads the value of a flag: true is the flag alone, false is no flag, a list the flag repeated.
func (r *reader) flag(name string, v *node) (values []string, ok bool) {
	items := []*node{v}
	switch v.kind {
	case boolean:
		return nil, v.text == "true"
	case list:
		items = v.items
	case null, number, text, table:
	}
	for _, item := range items {
		if item.kind != text && item.kind != number || strings.TrimSpace(item.text) == "" {
			r.wrong(item.at, "%s: want a value as one types it behind --%s, a list of such, or true", name, name)
			return nil, false
		}
		values = append(values, item.text)
	}
	if len(values) == 0 {
		r.wrong(v.at, "%s: an empty list", name)
	}
	return values, len(values) > 0
}

// times are when an entry strikes, since the entry's own start.
type times struct {
	at, every time.Duration
	n         int
}

// schedule reads at, every and times. Where every stands without times, it strikes until the end.
func (r *reader) schedule(f fields, last, end time.Duration) times {
	t := times{at: f.span("at", 0), every: f.span("every", shortest), n: 1}
	if t.every == 0 {
		return t
	}
	t.n = f.whole("times", 1, maxStrikes)
	switch {
	case t.n > 0:
	case f.has("times"):
		t.n = 1 // told already
	case end == 0:
		r.wrong(f.at("every"), "every %v: how often? Say times: 3, or for the whole, end: 1m", t.every)
		t.n = 1
	default:
		t.n = max(1, min(int((end-t.at-last)/t.every)+1, maxStrikes+1))
	}
	return t
}
