package tui

import (
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"fracture/render"
)

func TestFailure_saysThatADowntimeCannotBeTold(t *testing.T) {
	for _, size := range [][2]int{{160, 45}, {120, 36}, {80, 24}} {
		s := newStage(t, size[0], size[1], Options{})
		s.play(2 * time.Second)
		s.Update(frame{News{
			Now: s.state.now, Incident: &Incident{At: s.state.now, Node: "n1", What: "killed", Untold: "it is unknown"},
			Latency: &Latency{N: 1, Untold: 2},
		}})
		for _, want := range []string{"cannot tell", "it is unknown", "1 of 3 faults measured"} {
			if !strings.Contains(s.text(), want) {
				t.Errorf("%v: the screen does not say %q:\n%s", size, want, s.text())
			}
		}
		s.Update(frame{News{Now: s.state.now, Incident: &Incident{At: s.state.now, Node: "n1", What: "killed"}, Totals: &Totals{}}})
		for _, want := range []string{"cannot tell", "no results come", "lateness - ms"} {
			if !strings.Contains(s.text(), want) {
				t.Errorf("%v: while nothing comes the screen does not say %q:\n%s", size, want, s.text())
			}
		}
	}
}

func TestFailure_headingHasRoomForWhatItSays(t *testing.T) {
	look := newTheme(render.ASCII, false)
	for _, c := range []struct {
		w      int
		faults Latency
		want   string
	}{
		{50, Latency{}, "budget 10 ms"}, {50, Latency{N: 2}, "2 faults · budget 10 ms"}, {32, Latency{N: 2}, "2 faults · ≤10 ms"},
		{50, Latency{N: 1, Untold: 2}, "1 of 3 faults measured · budget 10 ms"}, {32, Latency{N: 1, Untold: 2}, "1 of 3 measured"},
	} {
		s := &state{latency: c.faults}
		if got := faultsNote(s, look, c.w, 10); got != c.want {
			t.Errorf("%d cells, %+v: %q, want %q", c.w, c.faults, got, c.want)
		}
		s.opts.Budget = 10 * time.Millisecond
		if got := plainText(drawFailure(s, look, c.w, 8)[0]); !strings.HasSuffix(strings.TrimRight(got, " "), c.want) {
			t.Errorf("%d cells: the heading is %q, want all of %q", c.w, got, c.want)
		}
	}
}

func TestScreen_saysThatTheClusterIsGone(t *testing.T) {
	for _, size := range [][2]int{{120, 36}, {80, 24}, {60, 18}} {
		s := newStage(t, size[0], size[1], Options{})
		s.story()
		s.Update(frame{News{Now: s.state.now, Totals: &Totals{Gone: true}}})
		if text := s.text(); !strings.Contains(s.row(0), "the cluster is gone") || strings.Contains(text, "p50") {
			t.Errorf("%v: want that the cluster is gone, and no figures:\n%s", size, text)
		}
	}
}

func TestLog_doesNotRepeatTheNameAndHasRoomForTheSignal(t *testing.T) {
	for text, want := range map[string]string{
		"n3 takes tile 4 over from n1 (reset)": "takes tile 4 over from n1 (reset)", "n3: cut: gossip": "cut: gossip",
		"n31 is another": "n31 is another", "n3": "n3",
	} {
		if got, _ := entryOf(eventOf(fakeStart, "n3", "promote", text)); got.text != want {
			t.Errorf("%q is logged as %q, want %q", text, got.text, want)
		}
	}
	s := newStage(t, 120, 36, Options{})
	s.play(100 * time.Millisecond)
	s.Update(frame{News{Now: s.state.now, Events: eventsOf(eventOf(s.state.now, "n3", "promote", "n3 takes tile 14 over from n1 (reset)"))}})
	if !strings.Contains(s.text(), "n3 takes tile 14 over from n1 (reset)") {
		t.Errorf("the signal does not fit:\n%s", s.text())
	}
}

func TestHistogram_namesTheBudgetInTheNarrowestColumns(t *testing.T) {
	var buckets []Bucket
	for _, upTo := range []float64{0.5, 1, 2, 3, 5, 7.5, 10, 15, 25, 50, 100, 500, math.Inf(1)} {
		buckets = append(buckets, Bucket{UpTo: upTo, Count: 1})
	}
	look := newTheme(render.ASCII, true)
	rows := histogram(look, buckets, 10, 40, 3)
	if got := ansi.Strip(rows[len(rows)-1]); !strings.Contains(got, " 10| ") {
		t.Errorf("the axis is %q, want the budget's label before its line", got)
	}
	if bar, axis := strings.Index(ansi.Strip(rows[0]), "|"), strings.Index(ansi.Strip(rows[len(rows)-1]), "|"); bar != axis {
		t.Errorf("the line stands at %d, and on the axis at %d", bar, axis)
	}
}

func TestScreen_belowTheSmallestSaysHowToLeave(t *testing.T) {
	for _, size := range [][2]int{{90, 10}, {50, 12}, {30, 10}, {10, 4}} {
		s := newStage(t, size[0], size[1], Options{})
		s.play(100 * time.Millisecond)
		if got := s.row(size[1] - 1); !strings.Contains(got, "q quits") {
			t.Errorf("%v: the last line is %q, want how to leave", size, got)
		}
	}
}

func TestFigures_eachHasItsNameAndItsUnit(t *testing.T) {
	const dot, number = `  `, `[0-9.]+`
	figure := func(name string) string { return name + " " + number + " ms" }
	for _, c := range []struct {
		w, h int
		want []string
	}{
		{160, 45, []string{figure("p50") + dot + figure("p90") + dot + figure("p99") + dot + figure("max"), "needless takeovers 0.0/min"}},
		{120, 36, []string{figure("p50") + dot + figure("p90") + dot + figure("p99") + dot + figure("max"), "needless 0.0/min"}},
		{80, 24, []string{figure("p50") + dot + figure("p99") + dot + figure("max"), "lost 0  duplicates 0  needless 0.0/min"}},
		{60, 18, []string{figure("p50") + dot + figure("max"), "lost 0  dup 0  needless 0/min"}},
	} {
		s := newStage(t, c.w, c.h, Options{})
		s.play(100 * time.Millisecond)
		s.Update(frame{News{Now: s.state.now, Incident: &Incident{At: s.state.now, Node: "n1", What: "killed", Open: true}}})
		if got := s.text(); !strings.Contains(got, "no downtime is measured yet") {
			t.Errorf("%d×%d: before anything is measured the screen is\n%s", c.w, c.h, got)
		}
		s.story()
		for _, want := range append(c.want, `14:03:0\d\.\d{3} n4 took over from n2 by silence`) {
			if got := s.text(); !regexp.MustCompile(want).MatchString(got) {
				t.Errorf("%d×%d: %q is not on the screen:\n%s", c.w, c.h, want, got)
			}
		}
	}
}

func TestFailure_saysTheVerdictInWords(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	s.play(time.Second)
	for _, c := range []struct {
		downtime float64
		open     bool
		want     string
	}{{4, false, "n1 killed, within the budget"}, {4, true, "n1 killed"}, {14, true, "n1 killed, over the budget"}, {14, false, "n1 killed, over the budget"}} {
		s.Update(frame{News{Now: s.state.now, Totals: &Totals{Results: 720},
			Incident: &Incident{At: s.state.now, Node: "n1", What: "killed", Downtime: c.downtime, Open: c.open}}})
		if text := s.text(); !strings.Contains(text, c.want) || c.open && c.downtime < 10 && strings.Contains(text, "killed,") {
			t.Errorf("%v ms, open %v: want %q:\n%s", c.downtime, c.open, c.want, s.text())
		}
	}
}
