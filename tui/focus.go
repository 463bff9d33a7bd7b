package tui

import (
	"slices"

	tea "charm.land/bubbletea/v2"
)

// One panel has the focus: the arrows are its own, the footer names its keys first, and it is the one that can fill the screen.

// stops are the panels that can have the focus, in the order in which tab goes round; F2 and the keys after it go to one of them.
func stops() []pane { return []pane{panePicture, paneNodes, paneFailure, paneLog, paneTopology} }

// String is a panel's name, as its title has it; empty for what is none.
func (p pane) String() string {
	switch p {
	case panePicture:
		return "picture"
	case paneNodes:
		return "nodes"
	case paneFailure:
		return "failover"
	case paneLog:
		return "log"
	case paneTopology:
		return "topology"
	case paneHeader, paneCaption, paneHelp, paneFooter, panes:
	}
	return ""
}

// about reports whether an action is about the panel that has the focus.
func (a *action) about(s *state) bool { return slices.Contains(a.of, s.focus) }

// heeds reports whether the keys of an action do it now.
func (a *action) heeds(s *state) bool { return !a.only || a.about(s) }

// nearFirst are the actions that have an effect now, those that are about the panel with the focus before the others.
func (s *state) nearFirst(table []action) []*action {
	var near, far []*action
	for i := range table {
		switch a := &table[i]; {
		case a.about(s):
			near = append(near, a)
		case a.heeds(s):
			far = append(far, a)
		}
	}
	return append(near, far...)
}

// walk gives the focus to the next panel, or to the one before.
func (m *model) walk(key string) tea.Cmd {
	list := stops()
	step := 1
	if key == "shift+tab" {
		step = len(list) - 1
	}
	m.attend(list[(slices.Index(list, m.state.focus)+step)%len(list)])
	return nil
}

// jump gives the focus to the panel of a key: F2 is the first.
func (m *model) jump(key string) tea.Cmd {
	if list, i := stops(), int(key[1]-'2'); i >= 0 && i < len(list) {
		m.attend(list[i])
	}
	return nil
}

// attend gives the focus to a panel.
func (m *model) attend(p pane) {
	s := &m.state
	if s.focus == p {
		return
	}
	s.focus = p
	if arrange(m.lay.w, m.lay.h, len(s.nodes), s.focus, s.full) != m.lay {
		m.arrange(m.lay.w, m.lay.h)
		return
	}
	m.soil(paneCaption, paneTopology, paneNodes, paneFailure, paneLog, paneFooter)
}

// move does what an arrow does in the panel that has the focus.
func (m *model) move(key string) tea.Cmd {
	step := 1
	if key == "up" {
		step = -1
	}
	switch m.state.focus {
	case paneNodes:
		m.pickBeside(step)
	case paneLog:
		m.scrollBy(-step)
	case paneTopology:
		m.turn(step)
	default:
	}
	return nil
}

// pickBeside picks the node so many after the picked one, round and round.
func (m *model) pickBeside(step int) {
	if n := len(m.state.nodes); n > 0 {
		m.choose(m.state.nodes[(m.state.ordinal(m.state.picked)+step+n)%n].Name)
	}
}

// titleAt is the panel whose title lies at a cell; the picture's is its caption.
func (m *model) titleAt(x, y int) (p pane, ok bool) {
	for _, stop := range stops() {
		a := m.place(stop)
		if stop == panePicture {
			a = m.place(paneCaption)
		}
		if y == a.y && a.contains(x, y) {
			return stop, true
		}
	}
	return 0, false
}

// head is a panel's first row, with a mark before the title of the one that has the focus.
func (s *state) head(t *theme, p pane, note string, mood style, w int) string {
	if s.focus != p {
		return heading(t, p.String(), note, mood, w)
	}
	return t.line(w).put(selected, t.glyphs.pick+" "+p.String()).crossed(note, mood)
}

// captionMark is the mark before the caption of a picture that has the focus, and how many cells it takes.
func (s *state) captionMark(t *theme) (mark string, w int) {
	if s.focus != panePicture {
		return "", 0
	}
	return t.line(2).put(selected, t.glyphs.pick).String(), 2
}

func hintMove(s *state, _ bool) string {
	switch s.focus {
	case paneNodes:
		return "pick"
	case paneLog, paneTopology:
		return "scroll"
	default:
	}
	return ""
}

func hintFilter(s *state, _ bool) string {
	if s.focus == paneLog {
		return "filter"
	}
	return ""
}

func hintWalk(s *state, brief bool) string {
	if brief {
		return "panel"
	}
	list := stops()
	return list[(slices.Index(list, s.focus)+1)%len(list)].String()
}
