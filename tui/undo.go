package tui

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fracture/clock"
	"fracture/work"
)

// maxUndos is how many deeds can be taken back; the oldest are forgotten first.
const maxUndos = 16

// done is a deed that can be taken back: a kill or a freeze of a node, a fault with what ends it, or a change of strategy, with what
// held before.
type done struct {
	verb, node string
	heal       Heal          // nil where another deed ends it
	until      clock.Instant // when what heal ends is over
	strategy   work.Strategy
	factor     uint8
}

// String says what it was.
func (d done) String() string {
	if d.verb == "guard" {
		return "the change of strategy"
	}
	return strings.TrimSpace(d.verb + " " + d.node)
}

// end ends what a deed has broken.
func (d done) end(c Control, ctx context.Context) error {
	switch {
	case d.heal != nil:
		return d.heal(ctx)
	case d.verb == "freeze":
		return c.Thaw(ctx, d.node)
	}
	return c.Revive(ctx, d.node)
}

// did notes what a deed has broken, or, once something is mended, that it need not be taken back any more.
func (s *state) did(d done) {
	switch {
	case d.heal != nil, d.verb == "kill", d.verb == "freeze", d.verb == "guard":
		if d.verb == "kill" { // what befell the process before went with it
			s.forget(d.node)
		}
		if len(s.undos) >= maxUndos {
			s.undos = slices.Delete(s.undos, 0, 1)
		}
		s.undos = append(s.undos, d)
	case d.verb == "heal":
		s.undos = slices.DeleteFunc(s.undos, func(o done) bool { return o.verb != "guard" })
	default:
		s.forget(d.node)
	}
}

// forget has nothing of what befell a node's process be taken back.
func (s *state) forget(node string) {
	s.undos = slices.DeleteFunc(s.undos, func(o done) bool { return o.verb != "guard" && o.heal == nil && o.node == node })
}

// undoable are the deeds that can be taken back now: what stood for a while may be over.
func (s *state) undoable() []done {
	s.undos = slices.DeleteFunc(s.undos, func(o done) bool { return o.heal != nil && s.now >= o.until })
	return s.undos
}

// undo takes the last fault or change of strategy back that was brought about here.
func (m *model) undo(string) tea.Cmd {
	m.soil(paneFooter)
	s := &m.state
	if len(s.undoable()) == 0 {
		s.say(true, "undo: nothing was broken here that stands")
		return nil
	}
	last := s.undos[len(s.undos)-1]
	if last.verb == "guard" {
		if s.changing {
			s.say(true, "undo: the change of strategy before is not done yet")
			return nil
		}
		m.guardBy(last.strategy, last.factor, func(*state) {})
	} else if !m.give(deed{name: "undo " + last.String(), do: func(c Control, ctx context.Context) (string, error) {
		return "took back: " + last.String(), last.end(c, ctx)
	}, then: func(s *state, err error) {
		if err != nil && last.heal == nil { // what ends by itself may be over
			s.did(last) // for another try
		}
	}}) {
		return nil
	}
	s.undos = s.undos[:len(s.undos)-1]
	return nil
}
