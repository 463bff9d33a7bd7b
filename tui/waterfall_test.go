package tui

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"fracture/cluster/failover"
)

func TestWaterfall_showsTheCourseOfAnIncidentOnOneAxis(t *testing.T) {
	look := newTheme(0, true)
	for _, c := range []struct {
		name     string
		incident Incident
		measured bool
		want     []string // the rows' beginnings
	}{
		{"within the budget", Incident{Signal: failover.Reset, Noticed: 2, Taken: 4, Sent: 5.5, Delivered: 6.5, Downtime: 8}, true, []string{
			"the fault    0      10 ms|",
			"noticed      ### by reset|       2.0 ms",
			"took over      ###       |       4.0 ms",
			"first result     ###     |       5.5 ms",
			"delivered          ##    |       6.5 ms",
			"downtime     ##########  |       8.0 ms",
		}},
		{"over it", Incident{Signal: failover.Silence, Noticed: 20, Taken: 30, Sent: 34, Delivered: 36, Downtime: 40}, true, []string{
			"the fault    0  |10 ms",
			"noticed      ###|####           20.0 ms",
			"took over       |   #####       30.0 ms",
			"first result    |       ##      34.0 ms",
			"delivered       |        ##     36.0 ms",
			"downtime     ###|###########    40.0 ms",
		}},
		{"of which not all was seen", Incident{Signal: failover.Overdue, Taken: 4, Delivered: 6.5, Downtime: 8}, true, []string{
			"the fault    0      10 ms|",
			"noticed                  |         -",
			"took over    #####       |       4.0 ms",
			"first result             |         -",
			"delivered        ####    |       6.5 ms",
			"downtime     ##########  |       8.0 ms",
		}},
		{"told by the nodes alone", Incident{Downtime: 8}, false, []string{
			"the fault    0      10 ms|",
			"noticed                  |         -",
			"took over                |         -",
			"first result             |         -",
			"delivered                |         -",
			"downtime                 |         -",
		}},
	} {
		rows := waterfall(look, c.incident.course(c.measured), 10, false, 39)
		if len(rows) != waterfallRows {
			t.Fatalf("%s: %d rows, want %d", c.name, len(rows), waterfallRows)
		}
		for i, row := range rows {
			if got := strings.TrimRight(plainText(row), " "); got != c.want[i] {
				t.Errorf("%s: row %d is %q, want %q", c.name, i, got, c.want[i])
			}
		}
	}
}

func TestWaterfall_fillsItsWidthWhateverTheNumbers(t *testing.T) {
	look := newTheme(0, false)
	for _, budget := range []float64{0.1, 10, 12345.5} {
		for _, v := range []float64{0, 1e-9, 9.999, 10, 10.001, 1e6, math.MaxFloat32} {
			i := Incident{Signal: failover.Silence, Noticed: v, Taken: v / 2, Sent: v, Delivered: 2 * v, Downtime: v}
			for w := bigWidth; w < 70; w += 5 {
				for _, row := range waterfall(look, i.course(true), budget, true, w) {
					if n := utf8.RuneCountInString(plainText(row)); n != w {
						t.Errorf("budget %v, %v ms: a row has %d cells, want %d: %q", budget, v, n, w, plainText(row))
					}
				}
			}
		}
	}
}

func TestFailure_drawsTheCourseWhereThereIsRoomAlsoWhenTheDowntimeCannotBeTold(t *testing.T) {
	for _, c := range []struct {
		w, h int
		want bool
	}{{160, 45, true}, {120, 36, true}, {110, 30, false}, {80, 24, false}} {
		s := newStage(t, c.w, c.h, Options{})
		s.play(time.Second)
		s.Update(frame{News{Now: s.state.now, Incident: &Incident{
			At: s.state.now, Node: "n1", What: "killed", Noticed: 1.2, Taken: 2.5, Untold: "it is unknown",
		}}})
		if got := strings.Contains(s.text(), "the fault  "); got != c.want {
			t.Errorf("%d×%d: the course is drawn: %v, want %v:\n%s", c.w, c.h, got, c.want, s.text())
		}
	}
}
