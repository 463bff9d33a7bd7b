package tui

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"fracture/clock"
	"fracture/work/fractal"
)

// Places to go to: those that are written, and those that a journey leads through.

// writePlace begins to ask for a place.
func (m *model) writePlace(string) tea.Cmd {
	if m.lay.small {
		m.state.say(true, "there is no room to write in")
		m.soil(paneFooter)
		return nil
	}
	if _, ok := m.still("go to"); ok {
		g := &m.state.gaze
		g.typing, g.text = true, ""
		m.soil(paneFooter)
	}
	return nil
}

// goLine goes to the place that the rest of a line names.
func goLine(m *model, _ *action, rest string) tea.Cmd {
	m.soil(paneFooter)
	m.goTo(strings.ReplaceAll(rest, " ", ""))
	return nil
}

// typedPlace takes a key as a part of the place that is asked for, and reports whether it is one.
func (m *model) typedPlace(key string) bool {
	g := &m.state.gaze
	if !g.typing {
		return false
	}
	m.soil(paneFooter)
	switch {
	case key == "esc":
		g.typing = false
	case key == "enter":
		g.typing = false
		m.goTo(g.text)
	case key == "backspace":
		g.text = g.text[:max(len(g.text)-1, 0)]
	case key == "space":
	case utf8.RuneCountInString(key) == 1 && strings.Contains("0123456789+-.,eE", key):
		if len(g.text) < mostPlace {
			g.text += key
		}
	default:
		return key != "ctrl+c" && key != "ctrl+z"
	}
	return true
}

// prompt is the last row while a place is asked for.
func (g *gaze) prompt(t *theme, w int) string {
	const how = "   x,y or x,y,width; enter goes, esc stays"
	l := t.line(w).put(strong, t.cut("go to: "+g.text+"_", max(w-len(how), 0)))
	return l.put(faint, t.cut(how, max(w-l.w, 0))).String()
}

// goTo goes to a place as it was written.
func (m *model) goTo(text string) {
	p, ok := m.still("go to")
	if !ok {
		return
	}
	v, err := parsePlace(text, p.View)
	if err != nil {
		m.state.say(true, "go to: %v", err)
		return
	}
	p.View = v
	m.state.gaze.pointed = false
	m.gazeAt("go to", p)
}

// parsePlace reads x,y or x,y,width: a view of the shape of another, and as wide where no width is given.
func parsePlace(text string, like fractal.View) (fractal.View, error) {
	parts := strings.Split(text, ",")
	if len(parts) < 2 || len(parts) > 3 {
		return like, fmt.Errorf("%q: want x,y or x,y,width, such as -0.7436,0.1318,0.002", text)
	}
	var numbers [3]float64
	numbers[2] = like.Right - like.Left
	for i, part := range parts {
		n, err := strconv.ParseFloat(part, 64)
		if err != nil || math.IsInf(n, 0) || math.IsNaN(n) {
			return like, fmt.Errorf("%q: %q is not a number", text, part)
		}
		numbers[i] = n
	}
	if numbers[2] <= 0 {
		return like, fmt.Errorf("%q: the width is %v, want one above 0", text, numbers[2])
	}
	return around(like, numbers[0], numbers[1], numbers[2]), nil
}

// around is a view of a width about a point, with the pixels of another.
func around(like fractal.View, x, y, width float64) fractal.View {
	height := width * float64(like.Height) / float64(like.Width)
	like.Left, like.Right = x-width/2, x+width/2
	like.Top, like.Bottom = y+height/2, y-height/2
	return like
}

// place is somewhere worth seeing in the Mandelbrot set.
type place struct {
	name        string
	x, y, width float64
}

// places of a journey, in its order.
func sights() []place {
	return []place{
		{"the seahorse valley", -0.7453, 0.1127, 0.0065},
		{"the elephant valley", 0.2925, 0.0149, 0.02},
		{"a spiral of spirals", -0.761574, -0.0847596, 0.0012},
		{"a row of spirals", -0.0880, 0.6550, 0.015},
		{"the set once more", -1.762, 0, 0.1},
		{"a lightning tree", 0.0012, 0.8225, 0.02},
	}
}

// trip is a journey on its way. The zero value is none.
type trip struct {
	on    bool
	place int           // of sights: where it goes
	next  clock.Instant // when it goes on
}

// How a journey goes.
const (
	tripEvery = 100 * time.Millisecond // between two steps
	tripStep  = 0.85                   // of a view, how wide the next one is
	tripRest  = 4 * time.Second        // at each place
)

// hintJourney shows the key while a journey is on its way.
func hintJourney(s *state, _ bool) string {
	if s.gaze.trip.on {
		return "end journey"
	}
	return ""
}

// journey begins to travel, or ends that.
func (m *model) journey(string) tea.Cmd {
	g := &m.state.gaze
	on := g.trip.on
	if p, ok := m.still("journey"); ok && !on {
		if p.Kind != fractal.Mandelbrot {
			p.Kind, p.CX, p.CY = fractal.Mandelbrot, 0, 0
			p = wholeOf(p)
		}
		g.pointed, g.back = false, fractal.Params{}
		if m.gazeAt("journey", p) {
			g.trip = trip{on: true}
			m.state.say(false, "to %s", sights()[0].name)
		}
	}
	m.soil(paneFooter)
	return nil
}

// travel takes the next step of a journey, where it is time for it and the one before is done.
func (m *model) travel() {
	g := &m.state.gaze
	if !g.trip.on || g.asking || g.unasked || m.state.now < g.trip.next {
		return
	}
	list := sights()
	to := list[g.trip.place]
	p := g.target
	v, there := towards(p.View, to)
	p.View = v
	g.trip.next = m.state.now.Add(tripEvery)
	if there {
		g.trip.next = m.state.now.Add(tripRest)
		g.trip.place = (g.trip.place + 1) % len(list)
		m.state.say(false, "%s; then to %s", to.name, list[g.trip.place].name)
	}
	if !m.gazeAt("journey", p) {
		g.trip = trip{}
	}
}

// towards is a view one step nearer to a place: outwards until the place is in sight, and then towards it.
func towards(v fractal.View, to place) (next fractal.View, there bool) {
	x, y := middle(v)
	width := v.Right - v.Left
	inSight := to.x > v.Left && to.x < v.Right && to.y > v.Bottom && to.y < v.Top
	if !inSight {
		return zoomed(v, x, y, 1/tripStep), false
	}
	narrower := max(width*tripStep, to.width)
	off := narrower / width * tripStep // so that the place comes to lie in the middle on the way
	x, y = to.x+(x-to.x)*off, to.y+(y-to.y)*off
	if narrower == to.width && max(math.Abs(x-to.x), math.Abs(y-to.y)) < to.width/100 {
		return around(v, to.x, to.y, to.width), true
	}
	return around(v, x, y, narrower), false
}
