package main

import (
	"strings"
	"testing"
	"time"

	"fracture/chaos/meter"
)

func goodRunFlags() runFlags {
	return runFlags{trials: 50, controls: 5, nodes: 5, role: "owner", strategy: "standby", load: "half",
		probe: 2 * time.Millisecond, calm: 10 * time.Second, window: time.Second, grace: time.Second}
}

func TestRunFlags_becomeAPlan(t *testing.T) {
	f := goodRunFlags()
	f.role = "all"
	f.budgets = []string{"downtime.p99<=15ms", "needless<=6"}
	o, err := f.options()
	if err != nil {
		t.Fatal(err)
	}
	if len(o.roles) != 3 || o.minimum != 40 || o.seed == 0 || !o.standbys {
		t.Errorf("options = %+v; want three roles, 40 of 50 trials needed, a seed of its own", o)
	}
	limits := map[string]float64{}
	for _, b := range o.budgets {
		limits[b.Metric] = b.Limit
	}
	if len(limits) != 4 || limits["downtime.p99"] != 15 || limits["needless"] != 6 || limits["lost"] != 0 {
		t.Errorf("budgets = %v, want the defaults with one replaced and one added", limits)
	}
}

func TestRunFlags_sayWhichMakesNoSense(t *testing.T) {
	for flag, spoil := range map[string]func(*runFlags){
		"--trials":      func(f *runFlags) { f.trials = 0 },
		"--nodes":       func(f *runFlags) { f.nodes = 1 },
		"--calm":        func(f *runFlags) { f.calm = 0 },
		"--window":      func(f *runFlags) { f.window = -time.Second },
		"--probe":       func(f *runFlags) { f.probe = time.Microsecond },
		"--role":        func(f *runFlags) { f.role = "leader" },
		"--strategy":    func(f *runFlags) { f.strategy = "pray" },
		"--load":        func(f *runFlags) { f.load = "heavy" },
		"--budget":      func(f *runFlags) { f.budgets = []string{"speed=1"} },
		"--min-counted": func(f *runFlags) { f.minimum = 51 },
		"--role standby": func(f *runFlags) {
			f.role, f.strategy = "standby", "reschedule"
		},
	} {
		f := goodRunFlags()
		spoil(&f)
		if _, err := f.options(); err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("options with a bad %s = %v, want an error that names it", flag, err)
		}
	}
}

func TestProgress_isOneLineATrial(t *testing.T) {
	trial := meter.Trial{Component: meter.Owner, Fault: meter.Kill, Victim: "n3", Held: "owner of 5", Rate: 3000,
		Calm: []meter.Calm{{N: 7000}}, Reading: meter.Reading{Downtime: 2310 * time.Microsecond}}
	if got, want := progress(3, 60, trial), "3/60  owner kill  n3 (owner of 5)  2.31 ms  -"; got != want {
		t.Errorf("progress = %q, want %q", got, want)
	}
	trial.Failed = "not running"
	if got := progress(3, 60, trial); !strings.Contains(got, "not counted: not running") {
		t.Errorf("progress = %q, want why it does not count", got)
	}
}
