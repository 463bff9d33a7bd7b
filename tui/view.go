package tui

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	tea "charm.land/bubbletea/v2"

	"fracture/clock"
	"fracture/work/fractal"
)

// What the picture shows: keys and mouse move it, at once on the screen and soon in the cluster, which is asked for the newest
// view alone, one request after the other.

// gaze is what is looked at.
type gaze struct {
	sight   *Sight         // what the stream computes, as it was told last; nil: it is not known yet
	target  fractal.Params // what it is to compute: the keys move it
	home    fractal.Params // what it computed first
	back    fractal.Params // where j goes back to; the zero Params: nowhere
	shown   fractal.View   // what the canvas shows
	unasked bool           // the cluster has not been asked for the target
	asking  bool           // it has been asked for a view, and has not answered
	lost    bool           // it has refused
	askedAt clock.Instant

	hand    hand
	pointed bool // the mouse was last used at px, py, a cell of the pane, and no key has moved the picture since
	px, py  int
	typing  bool   // a place is being written
	text    string // so far
	trip    trip
}

// hand is the mouse that holds the picture, at a cell of the pane.
type hand struct {
	holds bool
	x, y  int
	from  fractal.Params // what it took hold of; the zero Params before it moves
}

const (
	askEvery  = 50 * time.Millisecond // between two views that the cluster is asked for
	panParts  = 8                     // how many steps of a key the picture is wide, and high
	zoomStep  = 1.25
	widest    = 64.0 // of a view: all that there is lies within 2 of the origin
	mostPlace = 80   // characters of a place
)

// String says what is looked at, empty where that is not known.
func (g *gaze) String() string {
	if g.sight == nil || g.shown.Width == 0 {
		return ""
	}
	width := g.shown.Right - g.shown.Left
	digits := max(2, 3-int(math.Floor(math.Log10(width))))
	x, y := middle(g.shown)
	text := fmt.Sprintf("at %.*f,%.*f, %.3g wide", digits, x, digits, y, width)
	if g.target.Kind != fractal.Mandelbrot {
		text = g.target.Kind.String() + " " + text
	}
	return text
}

// see takes in what the picture's stream computes by now. What is asked for here goes before.
func (m *model) see(s *Sight) {
	g := &m.state.gaze
	if g.sight == nil {
		g.home = s.Params
		if s.Revision != 0 { // others have moved it: what it was before is not known
			g.home = wholeOf(s.Params)
		}
	}
	g.sight = s
	if !g.asking && !g.unasked {
		g.target = s.Params
	}
	m.point()
	m.refresh(panePicture, paneCaption)
}

// wholeOf shows the whole of the set.
func wholeOf(p fractal.Params) fractal.Params {
	p.Journey = fractal.Journey{}
	p.View = fractal.Whole(p.Kind, p.View.Width, p.View.Height).Fit()
	return p
}

// samePicture reports whether two differ in no more than where they look.
func samePicture(p, q fractal.Params) bool {
	p.View, q.View = fractal.View{}, fractal.View{}
	return p == q
}

// point has the canvas show what is looked at, and take no tile of anything else.
func (m *model) point() {
	g, a := &m.state.gaze, &m.canvas.aim
	if g.sight == nil {
		return
	}
	a.told, a.revision = true, g.sight.Revision
	a.moves = g.sight.Params.Journey.Frames != 0
	a.blind = !samePicture(g.target, g.sight.Params)
	if g.target.Journey.Frames == 0 {
		m.canvas.turn(g.target.View)
		g.shown = a.view
	}
}

// still is what is looked at, to be moved by a key: a journey of the stream's own stops where it is.
func (m *model) still(verb string) (p fractal.Params, ok bool) {
	g := &m.state.gaze
	g.trip = trip{}
	if g.sight == nil {
		m.state.say(true, "%s: it is not known yet what the picture shows", verb)
		m.soil(paneFooter)
		return p, false
	}
	p = g.target
	if p.Journey.Frames != 0 {
		p.Journey = fractal.Journey{}
		if m.canvas.aim.view.Width != 0 {
			p.View = m.canvas.aim.view
		}
	}
	return p, true
}

// gazeAt has the picture show p, and reports whether it can be computed.
func (m *model) gazeAt(verb string, p fractal.Params) bool {
	g := &m.state.gaze
	m.soil(paneFooter)
	switch err := p.Check(); {
	case errors.Is(err, fractal.ErrTooDeep), errors.Is(err, fractal.ErrInverted): // or so deep that its ends are one number
		m.state.say(true, "%s: this is as deep as 64-bit numbers go", verb)
		return false
	case err != nil:
		m.state.say(true, "%s: %v", verb, err)
		return false
	case p.View.Right-p.View.Left > widest:
		m.state.say(true, "%s: there is nothing further out", verb)
		return false
	}
	if p == g.target {
		return true
	}
	if p.Kind != g.target.Kind || p.CX != g.target.CX || p.CY != g.target.CY {
		m.canvas.aim.view = p.View // nothing of what is there belongs into it, but it stays until something does
	}
	g.target, g.unasked = p, true
	m.point()
	m.askForView()
	m.soil(panePicture, paneCaption)
	return true
}

// askForView asks the cluster for what is looked at, unless it is being asked, or was just now.
func (m *model) askForView() {
	g, s := &m.state.gaze, &m.state
	if !g.unasked || g.asking || g.askedAt != 0 && s.now.Sub(g.askedAt) < askEvery {
		return
	}
	p := g.target
	g.unasked, g.askedAt = false, s.now
	g.asking = m.give(deed{
		name: "view", do: func(c Control, ctx context.Context) (string, error) { return "", c.Look(ctx, p) },
		then: func(s *state, err error) {
			s.gaze.asking = false
			s.gaze.lost = err != nil && !s.gaze.unasked
		},
	})
	g.lost = !g.asking
}

// tendGaze does once a frame what keys have left to be done.
func (m *model) tendGaze() {
	g := &m.state.gaze
	if g.lost {
		g.lost, g.trip = false, trip{}
		g.target = g.sight.Params
		m.point()
		m.refresh(panePicture, paneCaption)
	}
	m.travel()
	m.askForView()
	if m.canvas.aim.told {
		g.shown = m.canvas.aim.view
	}
}

// pan moves the picture by a step, in whole pixels.
func (m *model) pan(key string) tea.Cmd {
	p, ok := m.still("move")
	if !ok {
		return nil
	}
	right, up := 0, 0
	switch key {
	case "left":
		right = -1
	case "right":
		right = 1
	case "up":
		up = 1
	case "down":
		up = -1
	}
	m.state.gaze.pointed = false
	p.View = shifted(p.View, right*max(p.View.Width/panParts, 1), up*max(p.View.Height/panParts, 1))
	m.gazeAt("move", p)
	return nil
}

// shifted is a view so many pixels further.
func shifted(v fractal.View, right, up int) fractal.View {
	x := float64(right) * (v.Right - v.Left) / float64(v.Width)
	y := float64(up) * (v.Top - v.Bottom) / float64(v.Height)
	v.Left, v.Right, v.Top, v.Bottom = v.Left+x, v.Right+x, v.Top+y, v.Bottom+y
	return v
}

// zoomed is a view so many times as wide, of which a point stays where it is.
func zoomed(v fractal.View, x, y, factor float64) fractal.View {
	v.Left, v.Right = x+(v.Left-x)*factor, x+(v.Right-x)*factor
	v.Top, v.Bottom = y+(v.Top-y)*factor, y+(v.Bottom-y)*factor
	return v
}

// zoom goes closer, or away.
func (m *model) zoom(key string) tea.Cmd {
	p, ok := m.still("zoom")
	if !ok {
		return nil
	}
	factor := 1 / zoomStep
	if key == "-" {
		factor = zoomStep
	}
	x, y := m.pointer(p)
	p.View = zoomed(p.View, x, y, factor)
	m.gazeAt("zoom", p)
	return nil
}

// pointer is the point where the mouse was last used, or the one in the middle.
func (m *model) pointer(p fractal.Params) (x, y float64) {
	if g := &m.state.gaze; g.pointed {
		return m.canvas.pointAt(g.px, g.py)
	}
	return middle(p.View)
}

// pointTo takes note of where the mouse is used, and reports whether that is on the picture.
func (m *model) pointTo(x, y int) bool {
	a := m.place(panePicture)
	if !a.contains(x, y) {
		return false
	}
	g := &m.state.gaze
	g.pointed, g.px, g.py = true, x-a.x, y-a.y
	return true
}

// wheelZoom zooms where the mouse is, if that is over the picture.
func (m *model) wheelZoom(msg tea.MouseWheelMsg) {
	switch {
	case msg.Button != tea.MouseWheelUp && msg.Button != tea.MouseWheelDown || !m.pointTo(msg.X, msg.Y):
	case msg.Button == tea.MouseWheelUp:
		m.zoom("+")
	default:
		m.zoom("-")
	}
}

// grab has the mouse take hold of the picture.
func (m *model) grab(x, y int) {
	m.pointTo(x, y)
	m.state.gaze.hand = hand{holds: true, x: x, y: y}
}

// drag moves the picture with the mouse that holds it.
func (m *model) drag(x, y int) {
	g, c := &m.state.gaze, m.canvas
	if !g.hand.holds || c.pic.W == 0 || c.pic.H == 0 {
		return
	}
	if g.hand.from == (fractal.Params{}) {
		if g.hand.from, g.hand.holds = m.still("move"); !g.hand.holds {
			return
		}
	}
	m.pointTo(x, y)
	p := g.hand.from
	right, down := (x-g.hand.x)*p.View.Width/c.pic.Columns(), (y-g.hand.y)*p.View.Height/c.pic.Rows()
	p.View = shifted(p.View, -right, down)
	m.gazeAt("move", p)
}

// goHome goes back to what the picture showed first.
func (m *model) goHome(string) tea.Cmd {
	if _, ok := m.still("home"); ok {
		g := &m.state.gaze
		g.pointed, g.back = false, fractal.Params{}
		m.gazeAt("home", g.home)
	}
	return nil
}

// julia shows the Julia set of a point of the Mandelbrot set, or goes back.
func (m *model) julia(string) tea.Cmd {
	p, ok := m.still("julia")
	if !ok {
		return nil
	}
	g := &m.state.gaze
	switch p.Kind {
	case fractal.Mandelbrot:
		g.back = p
		p.CX, p.CY = m.pointer(p)
		p.Kind = fractal.Julia
		p = wholeOf(p)
	case fractal.Julia:
		if p = g.back; p == (fractal.Params{}) {
			p = g.target
			p.Kind, p.CX, p.CY = fractal.Mandelbrot, 0, 0
			p = wholeOf(p)
		}
	case fractal.BurningShip:
		m.state.say(true, "julia: of the points of the Mandelbrot set alone")
		m.soil(paneFooter)
		return nil
	}
	g.pointed = false
	m.gazeAt("julia", p)
	return nil
}
