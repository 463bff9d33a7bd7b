package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"fracture/render"
)

// sizes are one for each layout.
var sizes = [][2]int{{160, 45}, {120, 36}, {80, 24}, {60, 18}}

func TestFocus_looksAsItDid(t *testing.T) {
	broken := []string{"1", "d", "4", "n", "5", "5", "l"} // n1 is slow, n4 and n5 cannot reach each other, n5 speaks late
	for _, c := range []struct {
		name string
		w, h int
		opts Options
		keys []string
	}{
		{"focus-wide", 160, 45, Options{Depth: render.TrueColor}, []string{"f2", "tab"}},
		{"focus-medium", 120, 36, Options{Depth: render.TrueColor}, []string{"f5"}},
		{"focus-narrow", 80, 24, Options{Depth: render.TrueColor}, []string{"f3"}},
		{"focus-tiny", 60, 18, Options{Depth: render.TrueColor}, []string{"shift+tab", "shift+tab"}},
		{"topology-wide", 160, 45, Options{Depth: render.TrueColor}, []string{"f6"}},
		{"topology-medium", 120, 36, Options{Depth: render.TrueColor}, []string{"f6"}},
		{"topology-narrow", 80, 24, Options{Depth: render.TrueColor}, []string{"f6"}},
		{"topology-tiny", 60, 18, Options{Depth: render.TrueColor}, []string{"f6"}},
		{"topology-ascii", 80, 24, Options{ASCII: true}, []string{"o", "f6"}},
		{"topology-full", 80, 24, Options{Depth: render.TrueColor}, []string{"f6", "f"}},
		{"nodes-full", 80, 24, Options{Depth: render.TrueColor}, []string{"f3", "f"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, c.w, c.h, c.opts)
			s.story()
			s.press(broken...)
			s.play(messageFor + fakePeriod)
			s.press(c.keys...)
			golden(t, c.name, s.sketch())
		})
	}
}

func TestFocus_goesRoundByTabAndToOneByItsKey(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	s.play(300 * time.Millisecond)
	if got := s.row(33); s.state.focus != panePicture || !strings.HasPrefix(got, " ▸ frame ") {
		t.Errorf("at first %v has the focus, and the caption is %q", s.state.focus, got)
	}
	for _, c := range []struct {
		key  string
		want pane
	}{
		{"tab", paneNodes}, {"tab", paneFailure}, {"tab", paneLog}, {"tab", paneTopology}, {"tab", panePicture}, {"shift+tab", paneTopology},
		{"shift+tab", paneLog}, {"f2", panePicture}, {"f3", paneNodes}, {"f4", paneFailure}, {"f5", paneLog}, {"f6", paneTopology}, {"esc", panePicture},
	} {
		s.press(c.key)
		if s.state.focus != c.want {
			t.Fatalf("after %s %v has the focus, want %v", c.key, s.state.focus, c.want)
		}
		for _, p := range stops()[1:] {
			marked, shown := strings.Contains(s.text(), "▸ "+p.String()+" ─"), strings.Contains(s.text(), p.String()+" ─")
			if marked != (p == c.want) || shown != (s.place(p).h > 0) {
				t.Errorf("after %s: the title of %v is shown: %v, and marked: %v", c.key, p, shown, marked)
			}
		}
	}
	if s.state.picked != "n1" {
		t.Errorf("%s is picked, want n1, as at first", s.state.picked)
	}
}

func TestFocus_saysByTheFooterWhatItsKeysAre(t *testing.T) {
	for _, size := range sizes {
		s := newStage(t, size[0], size[1], Options{})
		s.play(300 * time.Millisecond)
		s.press("2")
		for _, c := range []struct{ key, want, not string }{
			{"f2", " x kill n2", "alone"},
			{"f3", " alone", "filter"},
			{"f4", " alone", "scroll"},
			{"f5", "/ filter", "↑↓ pick"},
			{"f6", "↑↓ scroll", "filter"},
		} {
			s.press(c.key)
			if got := s.row(size[1] - 1); !strings.Contains(got, c.want) || strings.Contains(got, c.not) || !strings.Contains(got, "q quit") {
				t.Errorf("%v: after %s the footer is %q, want %q in it, and not %q", size, c.key, got, c.want, c.not)
			}
		}
		s.press("f3")
		if got := s.row(size[1] - 1); !strings.Contains(got, "↑↓ pick") || !strings.Contains(got, "x kill n2") {
			t.Errorf("%v: while the nodes have the focus the footer is %q", size, got)
		}
	}
}

func TestFocus_arrowsAreItsOwn(t *testing.T) {
	s := newStage(t, 160, 45, Options{})
	s.play(300 * time.Millisecond)
	for n := range 30 {
		s.Update(frame{News{Now: s.state.now, Events: eventsOf(eventOf(s.state.now, "n1", "lead", fmt.Sprintf("line %d.", n)))}})
	}
	s.press("down", "up", "up") // of the picture: nothing yet
	if s.state.picked != "n1" || s.state.back != 0 {
		t.Errorf("while the picture has the focus arrows pick %s and scroll by %d", s.state.picked, s.state.back)
	}
	s.press("f3", "down", "down", "up", "up", "up")
	if s.state.picked != "n5" || s.state.back != 0 {
		t.Errorf("in the nodes arrows pick %s, want n5, and scroll by %d", s.state.picked, s.state.back)
	}
	s.press("f4", "down", "up", "up")
	s.press("f5", "up", "up", "up", "down")
	if s.state.picked != "n5" || s.state.back != 2 {
		t.Errorf("in the log arrows scroll by %d, want 2, and pick %s", s.state.back, s.state.picked)
	}
	s.press("]", "]", "[")
	if s.state.picked != "n1" {
		t.Errorf("the brackets pick %s whatever has the focus, want n1", s.state.picked)
	}
	s.press("tab", "j", "k", "esc")
	if s.state.picked != "n1" || s.state.focus != panePicture || s.state.back != 0 {
		t.Errorf("after esc %v has the focus, %s is picked, %d lines are unseen", s.state.focus, s.state.picked, s.state.back)
	}
}

func TestFocus_isGivenByAClickOnATitle(t *testing.T) {
	for _, size := range sizes {
		s := newStage(t, size[0], size[1], Options{})
		s.play(300 * time.Millisecond)
		s.press("f3")
		for _, p := range []pane{paneLog, paneFailure, paneNodes} {
			a := s.place(p)
			s.Update(tea.MouseClickMsg{X: a.x + a.w/2, Y: a.y + 1, Button: tea.MouseLeft})
			if s.state.focus == p {
				t.Errorf("%v: a click below the title of %v gives it the focus", size, p)
			}
			s.Update(tea.MouseClickMsg{X: a.x + a.w/2, Y: a.y, Button: tea.MouseLeft})
			if s.state.focus != p {
				t.Errorf("%v: after a click on the title of %v %v has the focus", size, p, s.state.focus)
			}
		}
		if a := s.place(paneCaption); a.h > 0 {
			s.Update(tea.MouseClickMsg{X: a.x + 1, Y: a.y, Button: tea.MouseLeft})
			if s.state.focus != panePicture {
				t.Errorf("%v: after a click on the caption %v has the focus", size, s.state.focus)
			}
		}
	}
}

func TestFull_isThePanelWithTheFocus(t *testing.T) {
	for _, size := range sizes {
		s := newStage(t, size[0], size[1], Options{Depth: render.TrueColor})
		s.play(300 * time.Millisecond)
		for key, p := range map[string]pane{"f3": paneNodes, "f4": paneFailure, "f5": paneLog, "f6": paneTopology} {
			s.press(key)
			before := s.lay
			s.press("f")
			s.play(fakePeriod)
			want := area{1, 1, size[0] - 2, size[1] - 2}
			if got := s.place(p); got != want || strings.Count(s.text(), " ──") != 1 || !strings.Contains(s.text(), "▸ "+p.String()+" ─") {
				t.Errorf("%v: %v is at %v, want %v, and nothing beside it:\n%s", size, p, got, want, s.text())
			}
			checkSize(t, "full", s.View().Content, size[0], size[1])
			if got := s.row(size[1] - 1); !strings.Contains(got, "f panels") {
				t.Errorf("%v: the footer is %q, want how to go back", size, got)
			}
			s.press("esc")
			if s.lay != before || s.state.focus != p {
				t.Errorf("%v: after esc the layout is %+v, want %+v; %v has the focus", size, s.lay, before, s.state.focus)
			}
		}
		s.press("f3", "f", "f2") // the picture alone, after it was not drawn for a while
		s.play(fakePeriod)
		if a := s.place(panePicture); a.h != size[1]-3 || len(s.rows[panePicture]) != a.h {
			t.Errorf("%v: the picture has %d rows drawn of %d", size, len(s.rows[panePicture]), a.h)
		}
		checkSize(t, "the picture alone", s.View().Content, size[0], size[1])
	}
}

func TestFocus_fillsEachSizeExactly(t *testing.T) {
	s := newStage(t, 80, 24, Options{})
	s.story()
	s.press("4", "n", "5", "5", "l")
	for _, nodes := range []int{1, 5, 12, 40} {
		fake := newFake(nodes)
		fake.stands, fake.news, fake.lastAt = s.fake.stands, s.fake.news, s.fake.lastAt
		s.fake = fake
		for i := range stops() {
			for _, alone := range []bool{false, true} {
				s.press("esc", "esc", "esc", fmt.Sprintf("f%d", 2+i))
				if alone {
					s.press("f")
				}
				for _, size := range [][2]int{{1, 1}, {59, 18}, {60, 18}, {77, 22}, {78, 22}, {80, 24}, {109, 30}, {110, 30}, {120, 36}, {150, 32},
					{150, 39}, {150, 40}, {160, 45}, {200, 60}, {60, 100}, {300, 20}} {
					s.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
					s.Update(frame{News{Now: s.state.now, Nodes: fake.listed()}})
					what := fmt.Sprintf("%d nodes, focus on %v, alone: %v, %d×%d", nodes, s.state.focus, alone, size[0], size[1])
					checkSize(t, what, s.View().Content, size[0], size[1])
					s.checkPanes(what)
				}
			}
		}
	}
}

// listed are the nodes that the fake would tell of.
func (f *fake) listed() []Node {
	f.tell()
	return f.news.Nodes
}

// checkPanes looks whether panes lie on the screen, beside each other, and have the rows that they should.
func (s *stage) checkPanes(what string) {
	s.t.Helper()
	for p := range panes {
		a := s.place(p)
		if a.h <= 0 || a.w <= 0 {
			continue
		}
		if a.x < 0 || a.y < 0 || a.x+a.w > s.lay.w || a.y+a.h > s.lay.h || len(s.rows[p]) != a.h {
			s.t.Errorf("%s: pane %d is at %+v with %d rows", what, p, a, len(s.rows[p]))
		}
		for o := range p {
			b := s.place(o)
			if b.h > 0 && b.w > 0 && a.x < b.x+b.w && b.x < a.x+a.w && a.y < b.y+b.h && b.y < a.y+a.h {
				s.t.Errorf("%s: panes %d and %d overlap", what, o, p)
			}
		}
	}
}
