package tui

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"fracture/render"
)

// Moment is what the screen shows at one instant, to be kept.
type Moment struct {
	At      time.Time
	W, H    int             // of the screen, in cells
	Light   bool            // its ground is
	ANSI    string          // it, with its colours
	Text    string          // without
	Picture *render.Picture // a pixel a number; nil where none has come
	State   []byte          // in numbers: JSON
}

// momentState is a moment in numbers.
type momentState struct {
	At       time.Time       `json:"at"`
	Held     *time.Time      `json:"display_held_since,omitempty"` // what the screen shows is of then
	Summary  summaryFact     `json:"summary"`
	Strategy string          `json:"strategy"`
	Copies   int             `json:"copies"`
	Nodes    []momentNode    `json:"nodes"`
	Faults   []momentFault   `json:"faults,omitempty"`   // that stand
	Incident *momentIncident `json:"incident,omitempty"` // the last one
	Log      []momentEvent   `json:"log"`
}

type momentNode struct {
	Node     string  `json:"node"`
	State    string  `json:"state"`
	Owns     int     `json:"owns_tiles"`
	Holds    int     `json:"holds_copies"`
	BeatGap  float64 `json:"beat_gap_ms"`
	CPU      float64 `json:"cpu_cores"`
	RSS      int64   `json:"rss_bytes"`
	TookOver uint64  `json:"took_over"`
}

type momentIncident struct {
	At   time.Time `json:"at"`
	Open bool      `json:"open"` // its downtime still grows
	incidentFact
}

type momentEvent struct {
	At time.Time `json:"at"`
	eventFact
}

// keep hands over what is on the screen now.
func (m *model) keep(string) tea.Cmd {
	m.soil(paneFooter)
	kept, err := m.moment()
	if err != nil {
		m.state.say(true, "keep: %v", err)
		return nil
	}
	m.give(deed{name: "keep", do: func(c Control, ctx context.Context) (string, error) { return c.Keep(ctx, kept) }})
	return nil
}

func (m *model) moment() (*Moment, error) {
	s := &m.state
	wall := s.opts.Anchor.wall
	tiles := 0
	for i := range m.canvas.tiles {
		if m.canvas.tiles[i].known {
			tiles++
		}
	}
	now := momentState{At: wall(s.now), Summary: s.summaryFact(tiles, s.stale.tiles), Strategy: s.opts.Strategy, Copies: s.opts.Factor,
		Nodes: []momentNode{}, Faults: s.momentFaults(), Log: []momentEvent{}}
	if s.held != 0 {
		held := wall(s.held)
		now.Held = &held
	}
	for i := range s.nodes {
		n := &s.nodes[i]
		now.Nodes = append(now.Nodes, momentNode{n.Name, n.State.String(), n.Owns, n.StandsBy, n.BeatGap, n.CPU, n.RSS, n.Takeovers})
	}
	if i := s.incident; i != nil {
		now.Incident = &momentIncident{wall(i.At), i.Open, s.incidentFact(i)}
	}
	for _, e := range s.log {
		now.Log = append(now.Log, momentEvent{wall(e.at), eventFact{e.node, e.verb, e.text, e.times}})
	}
	text, err := json.MarshalIndent(now, "", "  ")
	if err != nil {
		return nil, err
	}
	plain := strings.ReplaceAll(ansi.Strip(m.content), blank(1), " ")
	return &Moment{At: now.At, W: m.lay.w, H: m.lay.h, Light: s.opts.Theme == "light", ANSI: m.content + "\n", Text: plain + "\n", Picture: m.canvas.whole(), State: append(text, '\n')}, nil
}

// whole is the picture with a pixel for each of its numbers; nil where none has come.
func (c *canvas) whole() *render.Picture {
	if c.field.W == 0 || c.field.H == 0 {
		return nil
	}
	pic := &render.Picture{}
	pic.Resize(c.field.W, c.field.H)
	render.PaintPart(pic, c.field, c.palette, render.Rect{W: c.field.W, H: c.field.H})
	return pic
}
