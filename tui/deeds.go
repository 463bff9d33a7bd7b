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
)

// maxDeeds is how many deeds wait to be begun; more are refused.
const maxDeeds = 16

// deed is something asked of [Control], and how to speak of it.
type deed struct {
	verb, done string // "kill", "killed"
	node       string
	do         func(c Control, ctx context.Context, node string) error
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
			msg = failure{&panicked{d.verb + " " + d.node, r, debug.Stack()}}
		}
	}()
	if control == nil {
		return answer{d.verb + " " + d.node, ErrNotOurs}
	}
	ctx, cancel := context.WithTimeout(ctx, DeedTimeout)
	defer cancel()
	err := d.do(control, ctx, d.node)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return answer{d.verb + " " + d.node, fmt.Errorf("not done within %v", DeedTimeout)}
	case err != nil:
		return answer{d.verb + " " + d.node, err}
	}
	return answer{d.done + " " + d.node, nil}
}

// order has something done to the picked node, beside the loop; what comes of it is an [answer].
func (m *model) order(verb, done string, do func(Control, context.Context, string) error) tea.Cmd {
	m.soil(paneFooter)
	n := m.state.target()
	if n == nil {
		m.state.say(true, "%s: there is no node to pick yet", verb)
		return nil
	}
	select {
	case m.deeds <- deed{verb, done, n.Name, do}:
	default:
		m.state.say(true, "%s %s: refused, %d deeds wait already", verb, n.Name, maxDeeds)
	}
	return nil
}

// What the actions do. Each leaves the panes it changed dirty.

func (m *model) pick(key string) tea.Cmd {
	if i := int(key[0] - '1'); i < len(m.state.nodes) {
		m.choose(m.state.nodes[i].Name)
	}
	return nil
}

func (m *model) pickNext(string) tea.Cmd     { return m.step(1) }
func (m *model) pickPrevious(string) tea.Cmd { return m.step(-1) }

func (m *model) step(by int) tea.Cmd {
	if n := len(m.state.nodes); n > 0 {
		m.choose(m.state.nodes[(m.state.ordinal(m.state.picked)+by+n)%n].Name)
	}
	return nil
}

// choose makes a node the target of what follows.
func (m *model) choose(name string) {
	m.state.picked = name
	m.state.message = ""
	m.soil(paneNodes, paneFooter)
}

func (m *model) kill(string) tea.Cmd { return m.order("kill", "killed", Control.Kill) }

func (m *model) freezeOrThaw(string) tea.Cmd {
	if n := m.state.target(); n != nil && n.State == Frozen {
		return m.order("thaw", "thawed", Control.Thaw)
	}
	return m.order("freeze", "froze", Control.Freeze)
}

func (m *model) revive(string) tea.Cmd { return m.order("revive", "started", Control.Revive) }

func (m *model) toggleOwners(string) tea.Cmd {
	m.state.owners = !m.state.owners
	m.canvas.tint(m.state.owners, m.state.ordinal)
	m.soil(panePicture, paneCaption, paneNodes, paneFooter)
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

func (m *model) toggleHold(string) tea.Cmd {
	if m.state.held != 0 {
		m.hold(0)
	} else {
		m.hold(m.state.now)
	}
	return nil
}

func (m *model) toggleHelp(string) tea.Cmd {
	m.state.help = !m.state.help
	m.soil(panePicture, paneCaption, paneNodes, paneFailure, paneLog, paneHelp, paneFooter)
	return nil
}

func (m *model) closeAll(string) tea.Cmd {
	if m.state.help {
		return m.toggleHelp("")
	}
	if m.state.held != 0 {
		m.hold(0)
	}
	return nil
}

// click picks the node whose line or tile lies at a cell.
func (m *model) click(x, y int) {
	if a := m.place(paneNodes); a.contains(x, y) {
		if i := m.state.nodeAt(y-a.y, a.h); i >= 0 {
			m.choose(m.state.nodes[i].Name)
		}
	}
	if a := m.place(panePicture); a.contains(x, y) {
		if name := m.canvas.tileAt(x-a.x, y-a.y); m.state.ordinal(name) >= 0 {
			m.choose(name)
		}
	}
}
