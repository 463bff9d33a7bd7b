package tui

import tea "charm.land/bubbletea/v2"

// nextShape draws the picture with the next shape of cells.
func (m *model) nextShape(string) tea.Cmd {
	m.canvas.reshape()
	if len(m.look.shapes()) == 1 {
		m.state.say(false, "in ASCII the picture is drawn in characters alone")
	} else {
		m.state.say(false, "drawn in %v", m.canvas.pic.Shape)
	}
	m.soil(panePicture, paneFooter)
	return nil
}
