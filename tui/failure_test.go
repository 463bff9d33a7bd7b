package tui

import (
	"strings"
	"testing"
	"time"
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
