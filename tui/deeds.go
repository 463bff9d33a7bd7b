package tui

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	tea "charm.land/bubbletea/v2"

	"fracture/render"
	"fracture/work"
)

// maxDeeds is how many deeds wait to be begun; more are refused.
const maxDeeds = 16

// deed is something asked of [Control], and how to speak of it.
type deed struct {
	name string // "kill n3": what an answer begins with that says why not
	do   func(c Control, ctx context.Context) (done string, err error)
	then func(s *state, err error) // takes in what came of it; may be nil
}

// perform carries out deeds until ctx ends, each beside the others, and returns when all have. What comes of each is
// told by send: an [answer], or, if Control panics, a [failure].
func perform(ctx context.Context, control Control, deeds <-chan deed, send func(tea.Msg)) {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-deeds:
			running.Go(func() { send(d.perform(ctx, control)) })
		}
	}
}

func (d deed) perform(ctx context.Context, control Control) (msg tea.Msg) {
	defer func() {
		if r := recover(); r != nil {
			msg = failure{&panicked{d.name, r, debug.Stack()}}
		}
	}()
	if control == nil {
		return answer{d.name, ErrNotOurs, d.then}
	}
	ctx, cancel := context.WithTimeout(ctx, DeedTimeout)
	defer cancel()
	done, err := d.do(control, ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return answer{d.name, fmt.Errorf("not done within %v", DeedTimeout), d.then}
	case err != nil:
		return answer{d.name, err, d.then}
	}
	return answer{done, nil, d.then}
}

// order has something done to the picked node, beside the loop; what comes of it is an [answer], which says of the node what was
// done. What breaks the last one is asked for twice.
func (m *model) order(verb, said, key string, do orderOf) tea.Cmd {
	m.soil(paneFooter)
	n := m.state.target()
	if n == nil {
		m.state.say(true, "%s: there is no node to pick yet", verb)
		return nil
	}
	if n.Foreign {
		m.state.say(true, "%s %s: %v", verb, n.Name, ErrNotOurs)
		return nil
	}
	name, again := n.Name, question{verb, n.Name}
	sure := m.state.asked == again
	var heal Heal // told by the deed before its answer comes
	m.give(deed{name: verb + " " + name, do: func(c Control, ctx context.Context) (string, error) {
		var err error
		heal, err = do(c, ctx, name, sure)
		return fmt.Sprintf(said, name), err
	}, then: func(s *state, err error) {
		if doubt := (*Doubt)(nil); errors.As(err, &doubt) { // what to press first: the rest may be cut
			s.ask(again, "%s %s? %s again does it: %s", verb, name, key, doubt.Why)
		}
		if err == nil {
			s.did(done{verb: verb, node: name, heal: heal, until: s.now.Add(faultFor)})
		}
	}})
	return nil
}

// orderOf is what is to be done to a node. What it answers with ends it; nil where another deed does.
type orderOf func(c Control, ctx context.Context, node string, sure bool) (Heal, error)

// roughly makes an order of a deed that may end the last one.
func roughly(do func(Control, context.Context, string, bool) error) orderOf {
	return func(c Control, ctx context.Context, node string, sure bool) (Heal, error) {
		return nil, do(c, ctx, node, sure)
	}
}

// gently makes an order of a deed that breaks nothing.
func gently(do func(Control, context.Context, string) error) orderOf {
	return func(c Control, ctx context.Context, node string, _ bool) (Heal, error) { return nil, do(c, ctx, node) }
}

// give hands a deed over to be carried out, and reports whether there was room for it.
func (m *model) give(d deed) bool {
	select {
	case m.deeds <- d:
		m.given++
		return true
	default:
		m.state.say(true, "%s: refused, %d deeds wait already", d.name, maxDeeds)
		return false
	}
}

// What the actions do. Each leaves the panes it changed dirty.

// pick picks the node of a number, or the one after the picked one, or before it.
func (m *model) pick(key string) tea.Cmd {
	switch key {
	case "]":
		m.pickBeside(1)
	case "[":
		m.pickBeside(-1)
	default:
		if i := int(key[0] - '1'); i >= 0 && i < len(m.state.nodes) {
			m.choose(m.state.nodes[i].Name)
		}
	}
	return nil
}

// choose makes a node the target of what follows.
func (m *model) choose(name string) {
	m.state.picked = name
	m.state.message, m.state.asked, m.state.parting = "", question{}, ""
	m.soil(paneNodes, paneTopology, paneFooter)
}

func (m *model) kill(key string) tea.Cmd {
	return m.order("kill", "killed %s", key, roughly(Control.Kill))
}

func (m *model) freezeOrThaw(key string) tea.Cmd {
	if n := m.state.target(); n != nil && n.State == Frozen {
		return m.order("thaw", "thawed %s", key, gently(Control.Thaw))
	}
	return m.order("freeze", "froze %s", key, roughly(Control.Freeze))
}

func (m *model) revive(key string) tea.Cmd {
	if n := m.state.target(); n != nil && !n.Foreign && n.State != Dead {
		m.state.say(true, "%s", running(n))
		m.soil(paneFooter)
		return nil
	}
	return m.order("revive", "started %s", key, gently(Control.Revive))
}

// heal ends everything that stands, whoever broke it.
func (m *model) heal(string) tea.Cmd {
	m.soil(paneFooter)
	m.state.loose = false
	m.give(deed{name: "heal", do: func(c Control, ctx context.Context) (string, error) { return c.Heal(ctx) }, then: func(s *state, err error) {
		if err == nil {
			s.did(done{verb: "heal"})
		}
	}})
	return nil
}

// running says why a node need not be started.
func running(n *Node) string {
	switch n.State {
	case Starting, Leaving:
		return n.Name + " is " + n.State.String()
	case Frozen:
		return n.Name + " is frozen: p thaws it"
	case Alive, Late, Dead:
	}
	return n.Name + " runs"
}

// guard changes to the next strategy, one change at a time: each begins where the one before has ended.
func (m *model) guard(string) tea.Cmd {
	m.soil(paneFooter)
	s := &m.state
	next := s.nextStrategy()
	switch {
	case s.changing:
		s.say(true, "guard: the change before is not done yet")
		return nil
	case next == 0:
		s.say(true, "guard: it is not known yet how the picture is guarded")
		return nil
	}
	before := done{verb: "guard", factor: uint8(s.opts.Factor)}
	before.strategy, _ = work.ParseStrategy(s.opts.Strategy) // it is one, or there were no next
	factor, _ := next.Factors()
	m.guardBy(next, factor, func(s *state) { s.did(before) })
	return nil
}

// guardBy has the picture guarded so, and then notes that in the way given.
func (m *model) guardBy(strategy work.Strategy, factor uint8, note func(s *state)) {
	m.state.changing = m.give(deed{
		name: "guard by " + strategy.String(),
		do: func(c Control, ctx context.Context) (string, error) {
			return c.Guard(ctx, strategy, factor)
		},
		then: func(s *state, err error) {
			s.changing = false
			if err == nil { // a node will tell the same
				s.opts.Strategy, s.opts.Factor, s.stopped = strategy.String(), int(factor), ""
				note(s)
			}
		},
	})
}

// record begins a recording, or ends it.
func (m *model) record(string) tea.Cmd {
	m.soil(paneFooter)
	m.give(deed{name: "record", do: func(c Control, ctx context.Context) (string, error) { return c.Record(ctx) }})
	return nil
}

func (m *model) toggleOwners(string) tea.Cmd {
	m.state.owners = !m.state.owners
	m.canvas.tint(m.state.owners, m.state.ordinal)
	m.soil(panePicture, paneCaption, paneTopology, paneNodes, paneFooter)
	return nil
}

func (m *model) nextPalette(string) tea.Cmd {
	i := slices.Index(render.PaletteNames, m.canvas.palette.Name)
	name := render.PaletteNames[(i+1)%len(render.PaletteNames)]
	palette, err := render.NewPalette(name)
	if err != nil {
		m.state.say(true, "palette: %v", err)
	} else {
		m.canvas.palette = palette
		m.canvas.repaint()
		m.state.say(false, "palette %s", name)
	}
	m.soil(panePicture, paneCaption, paneFooter)
	return nil
}

// toggleFull gives the whole screen to the panel with the focus, or room to all.
func (m *model) toggleFull(string) tea.Cmd {
	m.state.full = !m.state.full
	m.arrange(m.lay.w, m.lay.h)
	return nil
}

func (m *model) toggleHold(string) tea.Cmd {
	if m.state.held != 0 {
		m.hold(0)
	} else {
		m.hold(m.state.now)
	}
	return nil
}

func (m *model) toggleHelp(string) tea.Cmd {
	m.state.help, m.state.find = !m.state.help, finder{}
	m.soil(panePicture, paneCaption, paneTopology, paneNodes, paneFailure, paneLog, paneHelp, paneFooter)
	return nil
}

func (m *model) closeAll(string) tea.Cmd {
	switch {
	case m.state.help:
		return m.toggleHelp("")
	case m.state.full:
		return m.toggleFull("")
	}
	if m.state.filter != "" || m.state.back != 0 {
		m.state.filter, m.state.back = "", 0
		m.soil(paneLog)
	}
	if m.state.held != 0 {
		m.hold(0)
	}
	m.attend(panePicture)
	return nil
}

// click picks the node whose line or tile lies at a cell, gives the panel the focus whose title does, or presses the key that does.
func (m *model) click(x, y int) tea.Cmd {
	if a := m.place(paneFooter); a.contains(x, y) && !m.lay.small {
		_, spots := footer(&m.state, m.look, m.table, a.w)
		for _, s := range spots {
			if s.holds(x - a.x) {
				return m.press(s.key)
			}
		}
	}
	if a := m.place(paneHelp); a.contains(x, y) {
		if rows := helpRows(&m.state, m.look, m.table, a.w, a.h); y-a.y < len(rows) {
			for _, s := range rows[y-a.y].spots {
				if s.holds(x - a.x) {
					return m.runListed(s.key)
				}
			}
		}
		return nil
	}
	if p, ok := m.titleAt(x, y); ok {
		m.attend(p)
		return nil
	}
	if a := m.place(paneNodes); a.contains(x, y) {
		if i := m.state.nodeAt(y-a.y, a.h); i >= 0 {
			m.choose(m.state.nodes[i].Name)
		}
	}
	if a := m.place(paneTopology); a.contains(x, y) {
		if i := m.state.bondsAt(y-a.y, a.w, a.h); i >= 0 {
			m.choose(m.state.nodes[i].Name)
		}
	}
	if a := m.place(panePicture); a.contains(x, y) {
		m.grab(x, y)
		if name := m.canvas.tileAt(x-a.x, y-a.y); m.state.ordinal(name) >= 0 {
			m.choose(name)
		}
	}
	return nil
}
