package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// beats is a node of one process that has told so many statuses, the last with a gap in ms.
func beats(name string, incarnation uint64, told int, gap float64) Node {
	n := Node{State: Alive}
	n.Name, n.Incarnation, n.Uptime, n.BeatGap = name, incarnation, float64(told)/4, gap
	return n
}

func TestGaps_areOneOfEachStatus(t *testing.T) {
	s := &state{opts: Options{}.withDefaults()}
	look := newTheme(0, false)
	drawn := func() string {
		l := look.line(gapCells)
		s.putGaps(l, &s.nodes[0])
		return plainText(l.String())
	}
	for _, c := range []struct {
		node Node
		want string
	}{
		{beats("n1", 1, 1, 0.1), "     ▁"},
		{beats("n1", 1, 1, 0.1), "     ▁"}, // the same status again
		{beats("n1", 1, 2, 2.5), "    ▁▄"}, // of half the budget, 5 ms
		{beats("n1", 1, 3, 5), "   ▁▄█"},
		{beats("n1", 1, 4, 20), "  ▁▁▂█"}, // the scale grows
		{beats("n1", 2, 1, 5), "     █"},  // another process
	} {
		s.setNodes([]Node{c.node})
		s.noteGaps()
		if got := drawn(); got != c.want {
			t.Errorf("after %v ms in status %v of process %d: %q, want %q", c.node.BeatGap, c.node.Uptime, c.node.Incarnation, got, c.want)
		}
	}
	for told := range 100 {
		s.setNodes([]Node{beats("n1", 2, told+2, 5)})
		s.noteGaps()
	}
	if got := drawn(); got != "██████" {
		t.Errorf("after a hundred statuses: %q", got)
	}
	s.nodes[0].State = Dead
	if got := drawn(); got != "      " {
		t.Errorf("of a dead node: %q", got)
	}
	s.setNodes([]Node{beats("n2", 1, 1, 5)})
	s.noteGaps()
	if len(s.gaps) != 1 {
		t.Errorf("%d nodes are remembered, want the one that is listed", len(s.gaps))
	}
}

func TestNodes_dropColumnsInOrderWhereTheyAreNarrow(t *testing.T) {
	s := newStage(t, 160, 45, Options{})
	s.play(3 * time.Second)
	for _, c := range []struct {
		w    int
		head string
	}{
		{69, "name state role owns beat ms CPU % RSS MiB holds took"},
		{64, "name state role owns beat ms CPU % RSS MiB holds"},
		{50, "name state role owns beat ms CPU %"},
		{40, "name state role owns beat ms"},
		{32, "name state role owns"},
	} {
		rows := drawNodes(&s.state, s.look, c.w, 9)
		if got := strings.Join(strings.Fields(plainText(rows[1])), " "); got != c.head {
			t.Errorf("%d cells wide the heads are %q, want %q", c.w, got, c.head)
		}
		bars := strings.ContainsAny(plainText(rows[2]), "▁▂▃▄▅▆▇█")
		if bars != (c.w >= 50) {
			t.Errorf("%d cells wide the gaps are drawn: %v in %q", c.w, bars, plainText(rows[2]))
		}
	}
	s.state.nodes[0].CPU = 1.499
	if row := plainText(drawNodes(&s.state, s.look, 69, 9)[2]); !strings.Contains(row, fmt.Sprintf("%5d", 150)) {
		t.Errorf("one and a half cores are %q", row)
	}
}
