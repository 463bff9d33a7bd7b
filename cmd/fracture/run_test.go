package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"fracture/chaos/meter"
	"fracture/work"
)

func goodRunFlags() runFlags {
	return runFlags{trials: 50, controls: 5, nodes: 5, role: "owner", fault: "kill", strategy: "standby", load: "half",
		probe: runProbePeriod, control: controlFlags{address: noControl, maxPercent: 100}, calm: 10 * time.Second, window: time.Second, grace: time.Second}
}

// flagsGiven stands for a command line on which the named flags were given.
func flagsGiven(names ...string) func(string) bool {
	return func(flag string) bool { return slices.Contains(names, flag) }
}

func TestRunFlags_becomeAPlan(t *testing.T) {
	f := goodRunFlags()
	f.role = "all"
	f.budgets = []string{"downtime.p99<=15ms", "needless<=6"}
	o, err := f.read()
	if err != nil {
		t.Fatal(err)
	}
	if len(o.series) != 3 || total(o.series) != 150 || o.seed == 0 || !o.standbys {
		t.Errorf("options = %+v; want 50 kills of each of three roles, and a seed of its own", o)
	}
	limits := map[string]float64{}
	for _, b := range o.budgets {
		limits[b.Metric] = b.Limit
	}
	if len(limits) != 4 || limits["downtime.p99"] != 15 || limits["needless"] != 6 || limits["lost"] != 0 {
		t.Errorf("budgets = %v, want the defaults with one replaced and one added", limits)
	}
}

func TestRunFlags_judgeWrongAnswersWhereTheyAreMasked(t *testing.T) {
	for _, s := range work.Strategies {
		f := goodRunFlags()
		f.strategy = s.String()
		o, err := f.read()
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(o.budgets, meter.Budget{Metric: "wrong"}); got != (s == work.Vote) {
			t.Errorf("%v: wrong<=0 is among the budgets: %v", s, got)
		}
	}
}

func TestRunFlags_sayWhichMakesNoSense(t *testing.T) {
	for flag, spoil := range map[string]func(*runFlags){
		"--trials":                    func(f *runFlags) { f.trials = 0 },
		"--nodes":                     func(f *runFlags) { f.nodes = 1 },
		"--calm":                      func(f *runFlags) { f.calm = 0 },
		"--window":                    func(f *runFlags) { f.window = -time.Second },
		"--probe":                     func(f *runFlags) { f.probe = time.Microsecond },
		"--role":                      func(f *runFlags) { f.role = "leader" },
		"--strategy":                  func(f *runFlags) { f.strategy = "pray" },
		"--load":                      func(f *runFlags) { f.load = "heavy" },
		"--budget":                    func(f *runFlags) { f.budgets = []string{"speed=1"} },
		"--min-counted":               func(f *runFlags) { f.minimum = 51 },
		"--fault":                     func(f *runFlags) { f.fault = "melt" },
		"--for":                       func(f *runFlags) { f.last = -time.Second },
		"--window 1s":                 func(f *runFlags) { f.fault, f.last = "freeze", 2*time.Second },
		"--role link --fault kill":    func(f *runFlags) { f.role = "link" },
		"--role gossip,store --fault": func(f *runFlags) { f.role, f.fault = "gossip,store", "slow,reset" },
		"--role link":                 func(f *runFlags) { f.role, f.fault, f.strategy = "link", "reset", "reschedule" },
		"--role standby": func(f *runFlags) {
			f.role, f.strategy = "standby", "reschedule"
		},
	} {
		f := goodRunFlags()
		spoil(&f)
		if _, err := f.read(); err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("options with a bad %s = %v, want an error that names it", flag, err)
		}
	}
}

func TestChooseSeries_takesWhatMakesSense(t *testing.T) {
	everything := 0
	for _, c := range meter.Components {
		everything += len(c.Suffers())
	}
	for _, c := range []struct {
		role, fault string
		last        time.Duration
		want        int
		first       series
	}{
		{"owner", "kill", 0, 1, series{meter.Owner, meter.Kill, 7, 0}},
		{"owner", "freeze", 0, 1, series{meter.Owner, meter.Freeze, 7, freezesFor}},
		{"owner", "slow, loss", 0, 2, series{meter.Owner, meter.Slow, 7, standsFor}},
		{"owner", "kill,loss", 300 * time.Millisecond, 2, series{meter.Owner, meter.Kill, 7, 0}},
		{"gossip,owner", "kill,loss", 0, 3, series{meter.Gossip, meter.Loss, 7, standsFor}},
		{"link", "all", 0, 5, series{meter.Link, meter.Partition, 7, standsFor}},
		{"all", "all", 0, everything, series{meter.Owner, meter.Kill, 7, 0}},
		{"all", "reset", 0, 5, series{meter.Owner, meter.Reset, 7, 0}},
	} {
		got, err := chooseSeries(c.role, c.fault, 7, c.last)
		if err != nil || len(got) != c.want || got[0] != c.first {
			t.Errorf("chooseSeries(%s, %s) = %+v, %v; want %d, the first %+v", c.role, c.fault, got, err, c.want, c.first)
		}
	}
	last := doorsLast([]series{{component: meter.Door, fault: meter.Kill}, {component: meter.Sink, fault: meter.Noop},
		{component: meter.Door, fault: meter.Noop}, {component: meter.Owner, fault: meter.Noop}})
	want := []meter.Component{meter.Sink, meter.Owner, meter.Door, meter.Door}
	for i, s := range last {
		if s.component != want[i] || i == 2 && s.fault != meter.Kill {
			t.Errorf("doorsLast = %+v, want the order otherwise kept", last)
		}
	}
	_, err := chooseSeries("store", "partition", 1, 0)
	if err == nil || !strings.Contains(err.Error(), "a store suffers kill, freeze, noop") {
		t.Errorf("a partitioned store = %v, want an error that lists what it suffers", err)
	}
}

func TestProgress_isOneLineATrial(t *testing.T) {
	trial := meter.Trial{Component: meter.Owner, Fault: meter.Kill, Victim: "n3", Held: "owner of 5", Rate: 3000,
		Calm: []meter.Calm{{N: 7000}}, Reading: meter.Reading{Downtime: 2310 * time.Microsecond}}
	if got, want := progress(3, 60, trial), "3/60  owner kill  n3 (owner of 5)  2.31 ms  -"; got != want {
		t.Errorf("progress = %q, want %q", got, want)
	}
	trial.Wrong = 412
	if got := progress(3, 60, trial); !strings.HasSuffix(got, "  412 wrong") {
		t.Errorf("progress = %q, want the wrong results at its end", got)
	}
	trial.Failed = "not running"
	if got := progress(3, 60, trial); !strings.Contains(got, "not counted: not running") {
		t.Errorf("progress = %q, want why it does not count", got)
	}
}
