package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"fracture/chaos/meter"
	"fracture/work"
)

func TestE2E_aVoteMasksWrongAnswersAndAStandbyDeliversThem(t *testing.T) {
	for _, strategy := range []work.Strategy{work.Vote, work.Standby} {
		t.Run(strategy.String(), func(t *testing.T) {
			h := newHouse(t)
			p := h.start("run", "--fault", "wrong", "--strategy", strategy.String(), "--trials", "1", "--controls", "0", "--nodes", "3",
				"--load", "idle", "--calm", "1s", "--for", "500ms", "--window", "500ms", "--grace", "500ms", "--budget", "wrong: wrong<=0", "--json")
			code := p.end() // how fast it was is not for a test to judge
			var report meter.Report
			if err := json.Unmarshal([]byte(p.out.String()), &report); err != nil || len(report.Rows) != 1 {
				t.Fatalf("exit %d, %v in %q, want a report with one row; stderr:\n%s", code, err, p.out.String(), p.errs.String())
			}
			row := report.Rows[0]
			if strings.Contains(p.out.String(), "nothing to strike") {
				t.Fatalf("no answer was spoiled: %+v", row.Uncounted)
			}
			blamed := slices.ContainsFunc(report.Why, func(why string) bool { return strings.HasPrefix(why, "owner wrong: wrong is ") })
			if masks := strategy == work.Vote; masks != (row.Wrong == 0) || masks == blamed || report.Totals.Wrong != row.Wrong {
				t.Errorf("%d wrong results under the fault, %d in all, and the report says %q; want them delivered and blamed: %v",
					row.Wrong, report.Totals.Wrong, report.Why, !masks)
			}
			h.wantNothingLeft()
		})
	}
}
