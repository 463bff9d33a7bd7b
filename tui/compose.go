package tui

import "fracture/render"

// compose joins the panes' rows: at most two stand side by side, in the order of their names. A row that holds a part of the
// picture is numbered in the cells that stay empty before its panes, see [blank].
func (m *model) compose() string {
	b := &m.builder
	b.Reset()
	b.Grow(len(m.content) + len(m.content)/8)
	picture := m.place(panePicture)
	for y := range m.lay.h {
		if y > 0 {
			b.WriteByte('\n')
		}
		x, number := 0, uint(0)
		if y >= picture.y && y < picture.y+picture.h && m.canvas.pic.Shape != render.Characters {
			number = uint(y - picture.y)
		}
		for p := range panes {
			a := m.place(p)
			row := y - a.y
			if row < 0 || row >= len(m.rows[p]) || a.h == 0 {
				continue
			}
			for ; x < a.x; x++ {
				b.WriteString(blank(number))
				number >>= 1
			}
			b.WriteString(m.rows[p][row])
			x += a.w
		}
	}
	return b.String()
}

// blank is an empty cell that bears the lowest bit of a row's number: a space, or one that does not break. Bubble Tea takes two
// rows for the same where their glyphs are, whatever their colours, and where rows of a panel move up or down it has the
// terminal scroll them, together with the picture beside them, which it then draws anew over what the eye has seen jump. Rows
// that differ are never scrolled.
func blank(number uint) string {
	if number&1 == 1 {
		return "\u00a0"
	}
	return " "
}
