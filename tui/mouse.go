package tui

import tea "charm.land/bubbletea/v2"

// freeMouse leaves the mouse to the terminal, which then selects text as it does elsewhere, or takes it.
func (m *model) freeMouse(string) tea.Cmd {
	s := &m.state
	s.unmoused = !s.unmoused
	if s.unmoused {
		s.say(false, "the mouse is the terminal's, to select text with")
	} else {
		s.say(false, "clicks are keys again")
	}
	m.soil(paneFooter)
	return nil
}
