package tui

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"

	"fracture/cluster/failover"
	"fracture/render"
)

var update = flag.Bool("update", false, "write the golden files anew; read the diff")

// stage is a model with a fake cluster, driven without a program or a clock.
type stage struct {
	*model
	t    testing.TB
	fake *fake
}

func newStage(t testing.TB, w, h int, opts Options) *stage {
	t.Helper()
	opts.Strategy, opts.Factor, opts.Cluster, opts.Store = "standby", 2, "127.0.0.1:7946", "embedded"
	opts.Anchor = Anchor{At: fakeStart, Wall: fakeWall}
	opts.Period = fakePeriod
	m, err := newModel(opts.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{model: m, t: t, fake: newFake(5)}
	s.Update(tea.WindowSizeMsg{Width: w, Height: h})
	return s
}

// play lets a time pass, frame by frame.
func (s *stage) play(d time.Duration) {
	from := max(s.state.now, fakeStart)
	for at := from; at <= from.Add(d); at = at.Add(fakePeriod) {
		s.Update(frame{s.fake.Collect(at)})
	}
}

// type presses keys and carries the deeds out that they ask for.
func (s *stage) press(keys ...string) {
	s.t.Helper()
	for _, k := range keys {
		if cmd := s.model.press(k); cmd != nil {
			s.t.Fatalf("key %q answered with a command", k)
		}
		for len(s.deeds) > 0 {
			s.Update((<-s.deeds).perform(s.t.Context(), s.fake))
		}
		s.View() // as the program does after each message
	}
}

// hit presses a key, whatever the program is to do then, and carries the deeds out that it asks for.
func (s *stage) hit(key string) {
	s.model.press(key)
	for len(s.deeds) > 0 {
		s.Update((<-s.deeds).perform(s.t.Context(), s.fake))
	}
	s.View()
}

// text is the screen as a terminal would show it, without colours.
func (s *stage) text() string { return flat(s.screen()) }

// flat is what a screen holds, with spaces where rows are numbered.
func flat(b uv.ScreenBuffer) string { return strings.ReplaceAll(b.String(), "\u00a0", " ") }

func (s *stage) screen() uv.ScreenBuffer {
	b := uv.NewScreenBuffer(s.lay.w, s.lay.h)
	uv.NewStyledString(s.View().Content).Draw(b, b.Bounds())
	return b
}

// story plays what the goldens show: a calm second, a kill, a freeze, then what follows.
func (s *stage) story() {
	s.play(time.Second)
	s.press("3", "x")
	s.play(time.Second)
	s.press("2", "p")
	s.play(5 * time.Second)
}

func TestScreen_looksAsItDid(t *testing.T) {
	for _, c := range []struct {
		name string
		w, h int
		opts Options
		keys []string
	}{
		{"wide", 160, 45, Options{Depth: render.TrueColor}, nil},
		{"medium", 120, 36, Options{Depth: render.TrueColor}, nil},
		{"narrow", 80, 24, Options{Depth: render.TrueColor}, nil},
		{"tiny", 60, 18, Options{Depth: render.TrueColor}, nil},
		{"below", 50, 12, Options{Depth: render.TrueColor}, nil},
		{"owners", 120, 36, Options{Depth: render.Colors256}, []string{"o"}},
		{"colourless", 80, 24, Options{}, []string{"o"}},
		{"ascii", 80, 24, Options{ASCII: true, Depth: render.Colors16}, nil},
		{"help-wide", 160, 45, Options{}, []string{"?"}},
		{"help-medium", 120, 36, Options{}, []string{"?"}},
		{"help-narrow", 80, 24, Options{}, []string{"?"}},
		{"help-tiny", 60, 18, Options{}, []string{"?"}},
		{"held", 80, 24, Options{}, []string{"space"}},
		{"full", 80, 24, Options{Depth: render.TrueColor}, []string{"f"}},
		{"command-wide", 160, 45, Options{}, []string{":"}},
		{"command-medium", 120, 36, Options{}, []string{":", "s", "t", "down"}},
		{"command-narrow", 80, 24, Options{}, []string{":", "k", "i", "l", "l", "space", "n", "4"}},
		{"command-tiny", 60, 18, Options{}, []string{":", "p"}},
		{"filter-narrow", 80, 24, Options{}, []string{"?", "/", "n", "o", "d", "e"}},
		{"chosen-tiny", 60, 18, Options{ASCII: true}, []string{"?", "down", "down"}},
		{"unmoused", 60, 18, Options{NoMouse: true}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, c.w, c.h, c.opts)
			s.story()
			s.press(c.keys...)
			golden(t, c.name, s.sketch())
		})
	}
}

func TestScreen_saysWhatToDoBeforeAnythingFailed(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	golden(t, "empty", s.sketch())
	s.play(100 * time.Millisecond)
	golden(t, "calm", s.sketch())
}

// plainText is a row without its escape codes.
func plainText(row string) string { return ansi.Strip(row) }

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("screen differs from %s (go test ./tui -update writes it anew)\n got:\n%s\nwant:\n%s", path, got, want)
	}
}

// sketch is the screen as the goldens hold it: of the picture only where it is, and what is drawn over it, since its
// colours are render's; and without the spaces that end lines.
func (s *stage) sketch() string {
	b := s.screen()
	if a := s.place(panePicture); len(s.canvas.tiles) > 0 {
		for y := range min(len(s.canvas.rows), a.h) {
			for x := range s.canvas.pic.W {
				c := b.CellAt(a.x+s.canvas.left+x, a.y+s.canvas.over+y)
				if !strings.Contains("/123456789", c.Content) {
					c.Content = "░"
				}
			}
		}
	}
	lines := strings.Split(flat(b), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \r")
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestScreen_fillsEachSizeExactly(t *testing.T) {
	if testing.Short() {
		t.Skip("computes a few hundred pictures")
	}
	states := map[string][]string{"plain": nil, "owners": {"o"}, "help": {"?"}, "held": {"space"}, "full": {"f"}, "help over it": {"f", "?"}, "command": {":"}}
	for _, depth := range []render.Depth{render.ASCII, render.Colors16, render.Colors256, render.TrueColor} {
		s := newStage(t, 80, 24, Options{Depth: depth})
		s.story()
		for name, keys := range states {
			s.press(keys...)
			for _, size := range [][2]int{{1, 1}, {2, 3}, {19, 4}, {59, 18}, {60, 17}, {60, 18}, {77, 22}, {78, 22}, {80, 24}, {109, 30},
				{110, 30}, {120, 36}, {149, 45}, {150, 31}, {150, 32}, {160, 45}, {200, 60}, {300, 20}, {61, 100}, {500, 200}} {
				s.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
				s.play(fakePeriod)
				checkSize(t, fmt.Sprintf("%v, %s, %d×%d", depth, name, size[0], size[1]), s.View().Content, size[0], size[1])
			}
			if s.press(keys...); s.state.help { // where it was not taken for a letter
				s.press("esc")
			}
		}
	}
}

func checkSize(t *testing.T, what, content string, w, h int) {
	t.Helper()
	lines := strings.Split(content, "\n")
	if len(lines) != h {
		t.Errorf("%s: %d lines, want %d", what, len(lines), h)
	}
	for i, l := range lines {
		if n := ansi.StringWidth(l); n > w {
			t.Errorf("%s: line %d is %d cells wide", what, i, n)
		}
	}
	if last := ansi.Strip(lines[len(lines)-1]); w >= minWidth && h >= minHeight && !strings.Contains(last, "q quit") && !strings.Contains(last, "esc shows all") && !strings.Contains(last, "esc closes") {
		t.Errorf("%s: the last line is %q, want the footer", what, last)
	}
}

func TestScreen_drawsNothingAnewWhenNothingChanged(t *testing.T) {
	s := newStage(t, 120, 36, Options{Depth: render.TrueColor})
	s.play(500 * time.Millisecond)
	before := s.View().Content
	s.Update(frame{News{Now: s.state.now + 1}})
	if s.changed {
		t.Error("a frame without news made a pane dirty")
	}
	if after := s.View().Content; after != before {
		t.Error("the content changed without news")
	}
}

func TestScreen_setsItsModesOnEveryReturn(t *testing.T) {
	s := newStage(t, 5, 1, Options{})
	for _, v := range []tea.View{s.View(), s.View()} {
		if !v.AltScreen || v.MouseMode != tea.MouseModeCellMotion {
			t.Errorf("AltScreen %v, MouseMode %v; want the alternate screen and cell motion", v.AltScreen, v.MouseMode)
		}
	}
}

func TestScreen_usesOnlyTheColoursItMay(t *testing.T) {
	for depth, forbidden := range map[render.Depth][]string{
		render.ASCII: {"38;", "48;", "\x1b[3", "\x1b[9"}, render.Colors16: {"38;", "48;"}, render.Colors256: {"38;2", "48;2"},
	} {
		s := newStage(t, 160, 45, Options{Depth: depth})
		s.story()
		s.press("o")
		for _, code := range forbidden {
			if i := strings.Index(s.View().Content, code); i >= 0 {
				t.Errorf("at depth %v the screen holds %q", depth, s.View().Content[max(i-5, 0):i+10])
			}
		}
	}
}

func TestScreen_showsStaleTilesAndForHowLong(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	s.fake.reschedule = true
	s.play(time.Second)
	s.press("x")
	s.play(400 * time.Millisecond)
	if text := s.text(); !strings.Contains(text, "5 tiles stale 4") || !strings.Contains(text, "//") && !strings.Contains(text, "/") {
		t.Errorf("want 5 stale tiles, hatched, with their age:\n%s", text)
	}
	s.press("r")
	s.play(100 * time.Millisecond)
	if text := s.text(); strings.Contains(text, "stale") {
		t.Errorf("tiles that came again are still called stale:\n%s", text)
	}
}

func TestScreen_heldShowsTheSameAndTheClusterRunsOn(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	s.play(500 * time.Millisecond)
	body := func() string {
		lines := strings.Split(s.text(), "\n")
		return strings.Join(lines[1:len(lines)-2], "\n")
	}
	before := body()
	s.press("space")
	s.play(2 * time.Second)
	if body() != before {
		t.Error("the held display changed")
	}
	if !strings.Contains(s.text(), "the cluster runs on") {
		t.Errorf("the screen does not say that the cluster runs on:\n%s", s.text())
	}
	s.press("space")
	if body() == before {
		t.Error("after the hold the display shows the old picture")
	}
}

func TestScreen_lettersOfOthersCannotCommandTheTerminal(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	evil := "n\x1b]0;owned\x07\u202e漢"
	n := Node{State: Alive}
	n.Name = evil
	e := News{Now: fakeStart, Nodes: []Node{n}, Incident: &Incident{Node: evil, What: "killed", Heir: evil}}
	e.Events = append(e.Events, eventOf(fakeStart, evil, "promote", evil))
	s.Update(frame{e})
	for _, c := range []string{"\x1b]", "\x07", "漢", "\u202e"} {
		if strings.Contains(s.View().Content, c) {
			t.Errorf("%q of a node's name reached the terminal", c)
		}
	}
	checkSize(t, "hostile names", s.View().Content, 120, 36)
}

func TestClick_picksTheNodeOfALineOrOfATile(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	s.play(300 * time.Millisecond)
	a := s.lay.nodes
	s.Update(tea.MouseClickMsg{X: a.x + 3, Y: a.y + 2 + 3})
	if s.state.picked != "n4" {
		t.Errorf("a click on the fourth line picked %q, want n4", s.state.picked)
	}
	p := s.lay.picture
	s.Update(tea.MouseClickMsg{X: p.x + 1, Y: p.y + 1})
	if want := s.fake.names[s.fake.owner[0]]; s.state.picked != want {
		t.Errorf("a click on the first tile picked %q, want its owner %s", s.state.picked, want)
	}
	s.Update(tea.MouseClickMsg{X: 0, Y: 35})
	if want := s.fake.names[s.fake.owner[0]]; s.state.picked != want {
		t.Errorf("a click beside everything picked %q", s.state.picked)
	}
}

func TestNodes_listScrollsToThePickedOne(t *testing.T) {
	s := newStage(t, 80, 24, Options{})
	s.fake = newFake(40)
	s.play(100 * time.Millisecond)
	for range 39 {
		s.press("]")
	}
	if text := s.text(); s.state.picked != "n40" || !strings.Contains(text, "n40 ") {
		t.Errorf("picked %s of 40, which is not on the screen:\n%s", s.state.picked, text)
	}
	checkSize(t, "40 nodes", s.View().Content, 80, 24)
	a := s.place(paneNodes)
	s.Update(tea.MouseClickMsg{X: a.x + 3, Y: a.y + a.h - 1})
	if s.state.picked != "n40" {
		t.Errorf("a click on the last line picked %s, want n40", s.state.picked)
	}
}

func TestLog_mergesEqualLinesAndKeepsItsBound(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	var n News
	n.Now = fakeStart
	for i := range 5 {
		n.Events = append(n.Events, eventOf(fakeStart.Add(time.Duration(i)*time.Millisecond), "n2", "promote", "took over"))
	}
	s.Update(frame{n})
	if len(s.state.log) != 1 || s.state.log[0].times != 5 {
		t.Fatalf("five equal events became %d lines", len(s.state.log))
	}
	for i := range 3 * maxLog {
		s.Update(frame{News{Now: fakeStart, Events: eventsOf(eventOf(fakeStart, "n1", "lead", fmt.Sprint(i)))}})
	}
	if len(s.state.log) > maxLog {
		t.Errorf("the log holds %d lines, its bound is %d", len(s.state.log), maxLog)
	}
	if !strings.Contains(s.text(), fmt.Sprint(3*maxLog-1)) {
		t.Error("the newest line is not on the screen")
	}
}

func TestEntry_ofTheTraceIsASentenceForThoseWhoReadIt(t *testing.T) {
	trace := failover.Trace{Node: "n2", Verb: "promote", Peer: "n1", Signal: failover.Reset}
	if got := sentence(trace); got != "took over from n1 by reset" {
		t.Errorf("promote reads %q", got)
	}
	trace.Verb = "place"
	if got := sentence(trace); got != "" {
		t.Errorf("place, of which there are thousands, reads %q, want nothing", got)
	}
}

func TestNames_areOrderedAsPeopleCount(t *testing.T) {
	for _, c := range [][2]string{{"n2", "n10"}, {"a9", "b1"}, {"n", "n1"}, {"n01", "n1"}} {
		if compareNames(c[0], c[1]) >= 0 {
			t.Errorf("%s does not come before %s", c[0], c[1])
		}
	}
}

// row is a row of the screen, without its trailing spaces.
func (s *stage) row(y int) string {
	return strings.TrimRight(strings.Split(s.text(), "\n")[y], " \r")
}

func TestHeader_saysFirstThatTheStoreIsAway(t *testing.T) {
	for _, size := range [][2]int{{160, 45}, {80, 24}, {60, 18}} {
		s := newStage(t, size[0], size[1], Options{})
		s.play(2 * time.Second)
		if head := s.row(0); strings.Contains(head, "away") {
			t.Errorf("%d wide: %q, want nothing of a store that answers", size[0], head)
		}
		nodes := slices.Clone(s.state.nodes)
		nodes[0].StoreAway, nodes[1].StoreAway, nodes[2].StoreAway = 2, 7.9, 60
		nodes[2].State = Dead
		now := s.state.now.Add(time.Second)
		s.Update(frame{News{Now: now, Nodes: nodes}})
		if head := s.row(0); !strings.Contains(head, "store away 7 s") || strings.Contains(head, "embedded") {
			t.Errorf("%d wide: %q, want the store away for the longest time of a node that lives", size[0], head)
		}
		for i := range nodes {
			nodes[i].StoreAway = 0
		}
		s.Update(frame{News{Now: now.Add(time.Second), Nodes: nodes}})
		if head := s.row(0); strings.Contains(head, "away") {
			t.Errorf("%d wide: %q, though the store is back", size[0], head)
		}
	}
}

func TestHeader_namesTheStrategyThatTheClusterTells(t *testing.T) {
	s := newStage(t, 160, 45, Options{})
	s.play(time.Second)
	s.Update(frame{News{Now: s.state.now, Stream: &Stream{Tiles: 24, Period: time.Minute, Strategy: "reschedule", Factor: 1}}})
	if head := s.row(0); !strings.Contains(head, "strategy reschedule ×1") {
		t.Errorf("%q, want the strategy and its factor", head)
	}
	s.Update(frame{News{Now: s.state.now.Add(time.Second)}})
	if s.state.stale.tiles > 0 {
		t.Errorf("%d tiles are stale after a second of a stream that draws one a minute", s.state.stale.tiles)
	}
}

func TestTotals_sayHowMuchOfWhatIsLostWasNotMeasured(t *testing.T) {
	s := newStage(t, 160, 45, Options{})
	s.play(time.Second)
	s.Update(frame{News{Now: s.state.now, Totals: &Totals{Lost: 9, Unmeasured: 4}}})
	if text := s.text(); !strings.Contains(text, "of them unmeasured 4") {
		t.Errorf("the screen does not say that 4 of 9 lost results were not measured:\n%s", text)
	}
}
