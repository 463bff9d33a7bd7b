package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fracture/chaos/meter"
)

func TestE2E_strategiesAreComparedOnRealNodes(t *testing.T) {
	h := newHouse(t)
	svg := filepath.Join(t.TempDir(), "cost.svg")
	p := h.start("compare", "--strategies", "active,standby", "--role", "owner", "--fault", "kill", "--trials", "1", "--nodes", "3", "--load", "idle",
		"--cost", "1s", "--calm", "1s", "--window", "200ms", "--grace", "500ms", "--svg", svg, "--json")
	code := p.end()
	var c meter.Comparison
	if err := json.Unmarshal([]byte(p.out.String()), &c); err != nil || code != exitHeld || len(c.Strategies) != 2 || !c.Whole {
		t.Fatalf("exit %d, %v in %q, want two strategies; stderr:\n%s", code, err, p.out.String(), p.errs.String())
	}
	// Every holder runs each task under active, so that takes twice the runs and throws half of them away.
	standby, active := c.Strategies[0], c.Strategies[1]
	if standby.Strategy != "standby" || active.Strategy != "active" || active.Cost.Runs < 1.5*standby.Cost.Runs {
		t.Errorf("%s ran each task %.2f times and %s %.2f times, want standby first and half of active's",
			standby.Strategy, standby.Cost.Runs, active.Strategy, active.Cost.Runs)
	}
	for _, s := range c.Strategies {
		if s.Cost.Results == 0 || s.Cost.CPU <= 0 || s.Cost.Messages <= 0 || s.Cost.Bytes <= 0 || len(s.Rows) != 1 || s.Rows[0].N == 0 {
			t.Errorf("%s: cost %+v and rows %+v, want figures", s.Strategy, s.Cost, s.Rows)
		}
	}
	if chart, err := os.ReadFile(svg); err != nil || !strings.HasPrefix(string(chart), "<svg") {
		t.Errorf("the chart is %.40q, %v, want an SVG", chart, err)
	}
	h.wantNothingLeft()
}
