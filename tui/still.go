package tui

// take takes a frame's news. Where nothing is to move they are drawn at most once a second, the picture as all else: what was soiled
// in between waits until then.
func (m *model) take(n News) {
	if !m.state.opts.NoAnim {
		m.absorb(n)
		return
	}
	for i := range n.Tiles {
		n.Tiles[i].TakenOver = false // which would flash
	}
	before := m.second
	m.waits = true
	m.absorb(n)
	m.waits = false
	if m.second == before {
		return
	}
	for p := range panes {
		if m.later[p] {
			m.soil(p)
		}
	}
	m.later = [panes]bool{}
}
