package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// Which lines of the log are shown: those that hold a text, and the newest, or older ones.

// maxFilter bounds what the lines that are shown must hold, in characters.
const maxFilter = 40

// holds reports whether a line of the log is one of those that are wanted, whatever its letters' case.
func (s *state) holds(e entry) bool {
	if s.filter == "" {
		return true
	}
	return strings.Contains(strings.ToLower(e.node+" "+e.verb+" "+e.text), strings.ToLower(s.filter))
}

// shownLog is the log without what is not wanted, up to the newest line that is to be seen in so many rows, and how many are newer. The
// oldest stays at the top.
func (s *state) shownLog(rows int) (list []entry, newer int) {
	list = s.log
	if s.filter != "" {
		list = nil
		for _, e := range s.log {
			if s.holds(e) {
				list = append(list, e)
			}
		}
	}
	newer = min(s.back, max(len(list)-max(rows, 1), 0))
	return list[:len(list)-newer], newer
}

// writeFilter begins to ask for the text that lines of the log must hold.
func (m *model) writeFilter(string) tea.Cmd {
	m.state.typing, m.state.filter, m.state.back = true, "", 0
	m.soil(paneLog, paneFooter)
	return nil
}

// typed takes a key as a part of the text that is asked for, and reports whether it is one.
func (m *model) typed(key string) bool {
	s := &m.state
	if !s.typing {
		return false
	}
	switch key {
	case "enter":
		s.typing = false
	case "esc":
		s.typing, s.filter = false, ""
	default:
		text, ok := edited(s.filter, key, maxFilter)
		if !ok {
			return false
		}
		s.filter = text
	}
	m.soil(paneLog, paneFooter)
	return true
}

// scroll shows older lines of the log, or newer ones, by a panel's height; where the topology has the focus, other nodes of it.
func (m *model) scroll(key string) tea.Cmd {
	which := paneLog
	if m.state.focus == paneTopology {
		which = paneTopology
	}
	page := max(m.place(which).h-2, 1)
	if key == "pgdown" {
		page = -page
	}
	if which == paneTopology {
		m.turn(-page)
	} else {
		m.scrollBy(page)
	}
	return nil
}

// scrollBy shows lines of the log that are so many older; below 0: newer.
func (m *model) scrollBy(lines int) {
	rows := m.place(paneLog).h - 1
	_, newer := m.state.shownLog(rows)
	m.state.back = max(newer+lines, 0)
	_, m.state.back = m.state.shownLog(rows)
	m.soil(paneLog)
}

// wheel scrolls the log, or the topology, where the mouse is over it, and zooms where it is over the picture.
func (m *model) wheel(msg tea.MouseWheelMsg) {
	lines := 0 // back
	switch msg.Button {
	case tea.MouseWheelUp:
		lines = 3
	case tea.MouseWheelDown:
		lines = -3
	default:
	}
	switch {
	case m.place(paneLog).contains(msg.X, msg.Y):
		m.scrollBy(lines)
	case m.place(paneTopology).contains(msg.X, msg.Y):
		m.turn(-lines)
	default:
		m.wheelZoom(msg)
	}
}
