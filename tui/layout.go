package tui

// area is a rectangle of cells.
type area struct{ x, y, w, h int }

func (a area) contains(x, y int) bool { return x >= a.x && x < a.x+a.w && y >= a.y && y < a.y+a.h }

// The smallest screen that holds the panels; below it the picture fills what there is and the last line says so.
const (
	minWidth  = 60
	minHeight = 18
)

// layout says where everything goes. An area of no height is not drawn. Header, picture with its caption and the side
// panels never overlap, and no row of the screen holds more than two areas side by side.
type layout struct {
	w, h    int
	margin  int  // empty columns at the left and at the right
	small   bool // below the smallest screen
	header  area
	picture area
	caption area // one row below the picture
	nodes   area
	failure area
	log     area
	// topology has room of its own where there is much; elsewhere it takes the place of the failover while it has the focus.
	topology area
	help     area // what help covers while it is shown: whole areas, never parts
	footer   area
}

// arrange lays a screen of w × h cells out for a number of nodes, or, where it is to be full, for the panel with the focus alone.
func arrange(w, h, nodes int, focus pane, full bool) (l layout) {
	switch {
	case w < minWidth || h < minHeight:
		return arrangeSmall(w, h)
	case full:
		return arrangeFull(w, h, focus)
	case w >= 150 && h >= 32:
		l = arrangeBeside(w, h, nodes, min(64+(w-150)/2, 72), 2)
		if h >= 40 {
			l.makeRoom(nodes)
		}
	case w >= 110 && h >= 30:
		l = arrangeBeside(w, h, nodes, 50, 1)
	case w >= 78 && h >= 22:
		l = arrangeAbove(w, h, nodes, 40)
	default:
		l = arrangeAbove(w, h, nodes, 32)
	}
	if focus == paneTopology && l.topology.h == 0 {
		l.topology, l.failure = l.failure, area{}
	}
	return l
}

// makeRoom gives the topology of a number of nodes room below the picture.
func (l *layout) makeRoom(nodes int) {
	rows := min(3+max(nodes, 5), l.picture.h*2/5)
	l.topology = area{l.picture.x, l.caption.y + 1 - rows, l.picture.w, rows}
	l.picture.h -= rows + 1
	l.caption.y -= rows + 1
}

func arrangeSmall(w, h int) layout {
	l := layout{w: w, h: h, small: true}
	l.picture = area{0, 0, w, max(h-1, 0)}
	l.footer = area{0, max(h-1, 0), w, min(h, 1)}
	return l
}

// arrangeFull gives a panel all but the first row and the last, and the picture a row less, for its caption.
func arrangeFull(w, h int, focus pane) layout {
	l := layout{w: w, h: h, margin: 1}
	inner := w - 2
	l.header = area{1, 0, inner, 1}
	l.footer = area{1, h - 1, inner, 1}
	l.help = area{1, 1, inner, h - 2}
	switch focus {
	case paneNodes:
		l.nodes = l.help
	case paneFailure:
		l.failure = l.help
	case paneLog:
		l.log = l.help
	case paneTopology:
		l.topology = l.help
	default:
		l.picture = area{1, 1, inner, h - 3}
		l.caption = area{1, h - 2, inner, 1}
	}
	return l
}

// arrangeBeside puts every panel into a column right of the picture.
func arrangeBeside(w, h, nodes, side, margin int) layout {
	l := layout{w: w, h: h, margin: margin}
	inner := w - 2*margin
	const gap = 3
	l.header = area{margin, 0, inner, 1}
	l.footer = area{margin, h - 1, inner, 1}
	top, bottom := 2, h-2
	l.picture = area{margin, top, inner - side - gap, bottom - top - 1}
	l.caption = area{margin, bottom - 1, inner - side - gap, 1}
	l.help = area{w - margin - side, top, side, bottom - top}

	l.nodes = l.help
	l.nodes.h = min(2+max(nodes, 5), l.help.h/3)
	l.failure = l.help
	l.failure.y = l.nodes.y + l.nodes.h + 1
	const least, log = 13, 4 // rows
	switch left := l.help.h - l.nodes.h - 2; {
	case l.help.h >= 40:
		l.failure.h = max(least, min(22, left-log))
	case l.help.h >= 32:
		l.failure.h = max(least, min(18, left-log))
	default:
		l.failure.h = least
	}
	l.log = l.help
	l.log.y = l.failure.y + l.failure.h + 1
	l.log.h = bottom - l.log.y
	return l
}

// arrangeAbove puts nodes and failover right of the picture, and the log below both.
func arrangeAbove(w, h, nodes, side int) layout {
	l := layout{w: w, h: h, margin: 1}
	inner := w - 2
	const gap = 2
	logRows := 3 + (h-minHeight)/2
	l.header = area{1, 0, inner, 1}
	l.footer = area{1, h - 1, inner, 1}
	top, bottom := 1, h-1-logRows
	l.picture = area{1, top, inner - side - gap, bottom - top}
	l.help = area{1, top, inner, h - 1 - top}
	l.log = area{1, bottom, inner, logRows}

	l.nodes = area{w - 1 - side, top, side, min(2+max(nodes, 5), bottom-top-6)}
	if bottom-top >= 14 {
		l.nodes.h = min(2+max(nodes, 5), bottom-top-8)
	}
	l.failure = l.nodes
	l.failure.y = l.nodes.y + l.nodes.h
	l.failure.h = bottom - l.failure.y
	return l
}

// of is the area of a pane.
func (l *layout) of(p pane) area {
	switch p {
	case paneHeader:
		return l.header
	case panePicture:
		return l.picture
	case paneCaption:
		return l.caption
	case paneTopology:
		return l.topology
	case paneNodes:
		return l.nodes
	case paneFailure:
		return l.failure
	case paneLog:
		return l.log
	case paneHelp:
		return l.help
	case paneFooter:
		return l.footer
	case panes:
	}
	return area{}
}
