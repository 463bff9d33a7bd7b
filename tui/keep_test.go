package tui

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"fracture/render"
)

// trimmed is text without spaces at the ends of its lines.
func trimmed(text string) string {
	rows := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i := range rows {
		rows[i] = strings.TrimRight(rows[i], " ")
	}
	return strings.Join(rows, "\n")
}

func TestKeep_handsOverWhatIsOnTheScreen(t *testing.T) {
	s := newStage(t, 120, 36, Options{Depth: render.TrueColor})
	s.play(300 * time.Millisecond)
	s.press("4", "d", "3", "x")
	s.play(time.Second)
	text := s.text()
	s.press("w")
	if got := s.row(35); !strings.Contains(got, "kept in ~/moment") {
		t.Errorf("the footer is %q, want where it is", got)
	}
	m := s.fake.kept
	if trimmed(m.Text) != trimmed(text) || trimmed(strings.ReplaceAll(ansi.Strip(m.ANSI), blank(1), " ")) != trimmed(text) || !strings.Contains(m.ANSI, "\x1b[") {
		t.Errorf("kept is\n%s\nwant what is shown:\n%s", m.Text, text)
	}
	if m.Picture == nil || m.Picture.W != s.canvas.field.W || m.Picture.H != s.canvas.field.H {
		t.Errorf("the picture is %v, want a pixel for each number", m.Picture)
	}
	var state struct {
		At      time.Time
		Summary struct{ Alive, Dead, Tiles int }
		Nodes   []struct {
			Node, State string
			Owns        int     `json:"owns_tiles"`
			CPU         float64 `json:"cpu_cores"`
		}
		Faults []struct {
			What  string
			Nodes []string
			Left  float64 `json:"left_s"`
		}
		Incident struct{ Node, What string }
		Log      []struct{ Node, Verb string }
	}
	if err := json.Unmarshal(m.State, &state); err != nil {
		t.Fatal(err)
	}
	if state.Summary.Alive != 4 || state.Summary.Dead != 1 || state.Summary.Tiles != 24 || len(state.Nodes) != 5 || state.Nodes[2].State != "dead" ||
		state.Incident.Node != "n3" || len(state.Log) == 0 || !state.At.Equal(m.At) {
		t.Errorf("in numbers it is %s", m.State)
	}
	if len(state.Faults) != 1 || state.Faults[0].What != "slow" || !slices.Equal(state.Faults[0].Nodes, []string{"n4"}) || state.Faults[0].Left < 8 || state.Nodes[1].CPU != 0.1 {
		t.Errorf("of what stands, and of processors, it is %s", m.State)
	}
}
