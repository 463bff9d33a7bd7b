package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// errEnough ends a Follow.
var errEnough = errors.New("enough")

// collect follows until as many events have come, each as "id kind json".
func (d *desk) collect(since uint64, n int) (list []string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	err := d.client.Follow(ctx, since, func(e Event) error {
		list = append(list, fmt.Sprintf("%d %s %s", e.ID, e.Kind, e.JSON))
		if len(list) == n {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		d.t.Fatalf("Follow = %v after %q, want %d events", err, list, n)
	}
	await(d.t, "nobody follows", func() bool { return d.server.followers.Load() == 0 })
	return list
}

func TestServer_whoComesBackHasTheEventsSince(t *testing.T) {
	d := open(t, Config{MaxEvents: 4})
	for i := range 3 {
		d.server.Tell("news", i)
	}
	if got, want := fmt.Sprint(d.collect(1, 2)), "[2 news 1 3 news 2]"; got != want {
		t.Errorf("after event 1 come %s, want %s", got, want)
	}
	for i := range 7 {
		d.server.Tell("news", 3+i)
	}
	got, want := fmt.Sprint(d.collect(1, 3)), `[0 dropped {"dropped":5} 7 news 6 8 news 7]`
	if got != want {
		t.Errorf("after event 1 come %s, want %s: five are forgotten", got, want)
	}
	if got, want := fmt.Sprint(d.collect(99, 1)), "[7 news 6]"; got != want {
		t.Errorf("after an event of another lab come %s, want all that are kept: %s", got, want)
	}
	if got := d.server.history.lost(); got != 5 {
		t.Errorf("%d events are counted as missed, want 5", got)
	}
}

func TestServer_tellsEventsAsTheyHappen(t *testing.T) {
	d := open(t, Config{Heartbeat: time.Millisecond}) // signs of life between them are no events
	d.server.Tell("news", "before")
	got := make(chan []string, 1)
	go func() { got <- d.collect(0, 2) }()
	await(t, "somebody follows", func() bool { return d.server.followers.Load() == 1 })
	await(t, "an event arrives", func() bool {
		d.server.Tell("news", "now")
		return len(got) == 1
	})
	for _, e := range <-got {
		if !strings.HasSuffix(e, `news "now"`) {
			t.Errorf("an event is %q, want those of now", e)
		}
	}
}

func TestServer_dropsWhatCannotBeTold(t *testing.T) {
	d := open(t, Config{})
	d.server.Tell("news", func() {})
	d.server.Tell("news", strings.Repeat("x", maxEventBytes))
	if lost, last := d.server.history.lost(), d.server.history.last(); lost != 2 || last != 0 {
		t.Errorf("%d events are counted as dropped and %d are kept, want 2 and none", lost, last)
	}
}

func TestServer_measuresEachIncidentOnce(t *testing.T) {
	d := open(t, Config{MaxIncidents: 2})
	told := Incident{Number: 1, Node: "n1", Fault: "kill", Role: "owner", Downtime: 4, Open: true}
	d.server.Note(told)
	told.Open = false
	d.server.Note(told)
	d.server.Note(told)
	d.server.Note(Incident{Number: 2, Node: "n2", Fault: "kill", Role: "owner", Untold: "no results came before it"})
	d.server.Note(Incident{Number: 3, Node: "n2", Fault: "freeze", Role: "splitter", Open: true})
	if all := d.server.Incidents(); len(all) != 2 || all[0].Number != 2 || all[1].Number != 3 {
		t.Errorf("Incidents = %+v, want the newest two", all)
	}

	text := d.ask("GET", "/metrics", "")
	if kind := text.header.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
		t.Errorf("the figures are %q, want Prometheus' text", kind)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text.body))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text.body)
	}
	value := func(name string, labels ...string) float64 {
		for _, m := range families[name].GetMetric() {
			var have []string
			for _, l := range m.GetLabel() {
				have = append(have, l.GetName()+"="+l.GetValue())
			}
			if fmt.Sprint(have) == fmt.Sprint(labels) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount()) +
					m.GetHistogram().GetSampleSum()
			}
		}
		t.Errorf("there is no %s of %v in\n%s", name, labels, text.body)
		return -1
	}
	for _, c := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"fracture_downtime_seconds", []string{"fault=kill", "role=owner"}, 1.004}, // one, of 4 ms
		{"fracture_incidents_total", []string{"fault=kill", "role=owner"}, 2},
		{"fracture_untold_incidents_total", []string{"fault=kill", "role=owner"}, 1},
		{"fracture_results_total", nil, 1000},
		{"fracture_lost_results_total", nil, 2},
		{"fracture_duplicate_results_total", nil, 0},
		{"fracture_needless_takeovers_total", nil, 3},
		{"fracture_node_up", []string{"node=n1"}, 1},
		{"fracture_node_resident_bytes", []string{"node=n2"}, 2 << 20},
		{"fracture_standing_faults", nil, 0},
		{"fracture_build_info", []string{"version=v1"}, 1},
	} {
		if got := value(c.name, c.labels...); got != c.want {
			t.Errorf("%s of %v is %v, want %v", c.name, c.labels, got, c.want)
		}
	}
}
