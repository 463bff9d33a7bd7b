package tui

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"fracture/clock"
	"fracture/render"
)

// frame is the message of one frame's news.
type frame struct{ News }

// answer is the message that a deed was done or refused.
type answer struct {
	done string
	err  error
	then func(s *state, err error) // may be nil
}

// failure is the message that ends the screen with an error.
type failure struct{ err error }

// pane names a part of the screen that is drawn and kept by itself.
type pane uint8

const (
	paneHeader pane = iota
	panePicture
	paneCaption
	paneTopology
	paneNodes
	paneFailure
	paneLog
	paneHelp
	paneFooter
	panes
)

// model is the screen: its state, its panes as last drawn, and the text they make.
//
// Invariant: content shows every pane that is not dirty as it is; between two calls of View with no pane dirty, it is
// the same string.
type model struct {
	table  []action
	look   *theme
	state  state
	canvas *canvas
	lay    layout
	deeds  chan deed // for perform; what does not fit is refused
	given  int       // so many were handed over
	lines  bool      // there is no screen, and who acts writes lines

	orphaned func() bool // nobody could bring the screen back from the background

	rows    [panes][]string
	dirty   [panes]bool
	later   [panes]bool // to be dirty once the second is over
	waits   bool        // what is soiled now is for later
	content string
	changed bool
	builder strings.Builder

	gauge    *gauge // of the terminal that is drawn on; nil: nobody measures
	governor governor
	undrawn  bool // tiles have come since the picture was drawn

	second int64 // of the clock, for what is redrawn once a second
	drawn  int   // frames since then in which the picture changed
	whole  bool  // a second has begun while the screen ran
	failed error
}

func newModel(opts Options) (*model, error) {
	palette, err := render.NewPalette(opts.Palette)
	if err != nil {
		return nil, err
	}
	look, err := themeOf(opts.Theme, opts.Depth, opts.ASCII)
	if err != nil {
		return nil, err
	}
	m := &model{deeds: make(chan deed, maxDeeds), table: actions(), look: look, state: state{opts: opts, unmoused: opts.NoMouse, focus: panePicture},
		canvas: newCanvas(look, palette, opts.Period), orphaned: orphaned}
	m.canvas.still = opts.NoAnim
	m.arrange(80, 24)
	return m, nil
}

// Init implements [tea.Model].
func (m *model) Init() tea.Cmd { return nil }

// Update implements [tea.Model].
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case frame:
		m.take(msg.News)
	case tea.WindowSizeMsg:
		m.arrange(msg.Width, msg.Height)
		return m, redraw()
	case tea.KeyPressMsg:
		return m, m.press(msg.String())
	case tea.MouseClickMsg:
		if msg.Button <= tea.MouseLeft { // the others paste and ask for menus
			return m, m.click(msg.X, msg.Y)
		}
	case tea.MouseMotionMsg:
		if msg.Button == tea.MouseLeft {
			m.drag(msg.X, msg.Y)
		}
	case tea.MouseReleaseMsg:
		m.state.gaze.hand = hand{}
	case tea.MouseWheelMsg:
		m.wheel(msg)
	case answer:
		switch {
		case msg.err != nil:
			m.state.say(true, "%s: %v", msg.done, msg.err)
		case msg.done != "": // else it is seen
			m.state.say(false, "%s", msg.done)
		}
		if msg.then != nil {
			msg.then(&m.state, msg.err)
			m.soil(paneHeader, paneCaption)
		}
		m.soil(paneFooter)
	case failure:
		m.failed = msg.err
		return m, tea.Quit
	}
	return m, nil
}

// View implements [tea.Model].
func (m *model) View() tea.View {
	m.draw()
	v := tea.NewView(m.content)
	v.AltScreen = true
	if !m.state.unmoused {
		v.MouseMode = tea.MouseModeCellMotion
	}
	return v
}

// redraw draws the whole screen anew, with the margins of the terminal as it is now. Bubble Tea ends each scroll with
// margins of its own size; a scroll that a resize overtakes leaves the former size's, and whatever is drawn below them
// scrolls the rows above away.
func redraw() tea.Cmd {
	return tea.Sequence(tea.Raw(ansi.SetTopBottomMargins(0, 0)), tea.ClearScreen)
}

// soil has panes drawn anew.
func (m *model) soil(which ...pane) {
	into := &m.dirty
	if m.waits {
		into = &m.later
	}
	for _, p := range which {
		into[p] = true
	}
	m.changed = m.changed || !m.waits
}

// arrange lays everything out anew.
func (m *model) arrange(w, h int) {
	m.lay = arrange(w, h, len(m.state.nodes), m.state.focus, m.state.full)
	if a := m.lay.picture; a.h > 0 || m.lay.small { // another panel fills the screen, and it stays as it is
		m.canvas.resize(a.w, a.h)
	}
	defer func(waits bool) { m.waits = waits }(m.waits)
	m.waits = false // nothing fits any more
	m.soil(paneHeader, panePicture, paneCaption, paneTopology, paneNodes, paneFailure, paneLog, paneHelp, paneFooter)
}

// absorb takes a frame's news. While the display is held the state goes on, and only header and footer are drawn.
func (m *model) absorb(n News) {
	s := &m.state
	before := s.now
	s.now = n.Now
	if n.Nodes != nil {
		m.absorbNodes(n.Nodes)
	}
	if n.Stream != nil {
		s.promise(n.Stream)
		m.canvas.period = n.Stream.Period
		m.soil(paneHeader, paneCaption, paneFooter)
	}
	if n.Sight != nil {
		m.see(n.Sight)
	}
	for _, t := range n.Tiles {
		m.canvas.take(t, s.ordinal(t.Owner))
	}
	m.undrawn = m.undrawn || len(n.Tiles) > 0
	m.govern(n.Now)
	m.tendGaze()
	m.absorbFigures(n)
	m.absorbFaults(n.Faults)
	m.absorbEvents(n)
	if stale := m.canvas.grow(n.Now); stale != s.stale {
		s.stale = stale
		m.refresh(panePicture, paneCaption, paneHeader)
	}
	if n.Recording != nil && (s.tape == nil || *n.Recording != *s.tape) {
		s.tape = n.Recording
		m.soil(paneHeader, paneFooter)
	}
	if s.message != "" && n.Now >= s.until {
		s.message, s.asked, s.parting = "", question{}, ""
		m.soil(paneFooter)
	}
	if second := int64(n.Now) / int64(time.Second); second != m.second {
		if before != 0 {
			s.fps, s.timed = float64(m.drawn)/float64(second-m.second), m.whole
			m.whole = true
		}
		m.second, m.drawn = second, 0
		m.refresh(paneFailure, paneTopology)
		m.soil(paneHeader)
	}
}

func (m *model) absorbNodes(nodes []Node) {
	s := &m.state
	names := func() (out []string) {
		for i := range s.nodes {
			out = append(out, s.nodes[i].Name)
		}
		return out
	}
	before := names()
	s.setNodes(nodes)
	s.noteGaps()
	m.refresh(paneNodes, paneTopology)
	m.soil(paneFooter)
	if after := names(); !slices.Equal(before, after) {
		m.canvas.tint(s.owners, s.ordinal)
		m.arrange(m.lay.w, m.lay.h)
	}
}

func (m *model) absorbFigures(n News) {
	s := &m.state
	if n.Latency != nil {
		s.latency = *n.Latency
		m.refresh(paneFailure)
	}
	if n.Incident != nil {
		s.incident = n.Incident
		m.refresh(paneFailure)
	}
	if n.Totals != nil {
		s.totals = n.Totals
		m.refresh(paneHeader, paneCaption, paneFailure)
	}
}

func (m *model) absorbEvents(n News) {
	s := &m.state
	if n.Missed > 0 {
		s.missed += n.Missed
		m.refresh(paneLog)
	}
	for _, e := range n.Events {
		if s.note(e) {
			m.refresh(paneLog)
		}
	}
}

// refresh has panes drawn anew because of news, unless the display is held.
func (m *model) refresh(which ...pane) {
	if m.state.held == 0 {
		m.soil(which...)
	}
}

// draw makes the content anew from the panes that changed.
func (m *model) draw() {
	if !m.changed {
		return
	}
	m.changed = false
	for p := range panes {
		if m.dirty[p] {
			m.rows[p] = m.drawPane(p)
			m.dirty[p] = false
		}
	}
	m.content = m.compose()
}

func (m *model) drawPane(p pane) []string {
	s, t, a := &m.state, m.look, m.place(p)
	if a.h <= 0 || a.w <= 0 {
		return nil
	}
	switch p {
	case paneHeader:
		return []string{drawHeader(s, t, a.w, m.lay.caption.h == 0)}
	case panePicture:
		return m.canvas.draw()
	case paneCaption:
		mark, n := s.captionMark(t)
		return []string{mark + drawCaption(s, t, a.w-n, m.canvas.count(), m.canvas.palette.Name)}
	case paneTopology:
		return drawTopology(s, t, a.w, a.h)
	case paneNodes:
		return drawNodes(s, t, a.w, a.h)
	case paneFailure:
		return drawFailure(s, t, a.w, a.h)
	case paneLog:
		return drawLog(s, t, a.w, a.h)
	case paneHelp:
		return drawHelp(s, t, m.table, a.w, a.h)
	case paneFooter:
		if m.lay.small {
			return []string{drawSmall(s, t, m.lay.w, m.lay.h)}
		}
		return []string{drawFooter(s, t, m.table, a.w)}
	case panes:
	}
	return nil
}

// place is where a pane goes now: help, while it is shown, takes the place of what it covers.
func (m *model) place(p pane) area {
	a, help := m.lay.of(p), m.lay.help
	if !m.state.help && p == paneHelp || m.state.help && p != paneHelp && help.contains(a.x, a.y) {
		return area{}
	}
	return a
}

// hold stops the display at an instant, or with 0 releases it, which shows what came meanwhile.
func (m *model) hold(since clock.Instant) {
	m.state.held = since
	m.soil(paneHeader, paneFooter)
	if since == 0 {
		m.soil(panePicture, paneCaption, paneTopology, paneNodes, paneFailure, paneLog)
	}
}
