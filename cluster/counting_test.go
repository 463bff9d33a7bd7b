package cluster

import (
	"fmt"
	"sync/atomic"
	"testing"

	"fracture/chaos"
	"fracture/cluster/failover"
	"fracture/work"
)

// standsAt is what stands at the calculators, by terms.
func standsAt(terms ...string) (list []chaos.Standing) {
	for i, t := range terms {
		list = append(list, chaos.Standing{Seed: 7, Rule: uint32(i + 1), Site: chaos.Work, Fault: chaos.Fault{Kind: chaos.Fail, Terms: t}})
	}
	return list
}

func TestWorkers_termsCountOnWhenOtherFaultsComeAndGo(t *testing.T) {
	w := newWorkers(func(string) work.Function { return busy{} }, nil)
	failed := func(tasks int) (n int) {
		for range tasks {
			if w.do(&failover.Message{}, nil, maxStretch).Message.Failed {
				n++
			}
		}
		return n
	}
	third, other := standsAt(`every(3)return("third")`)[0], standsAt("off", "1*off")[1]
	standAt(&w.faults, []chaos.Standing{third})
	if n := failed(2); n != 0 {
		t.Errorf("%d of the first two tasks fail, want none", n)
	}
	standAt(&w.faults, []chaos.Standing{other, third})
	if n := failed(1); n != 1 {
		t.Error("the third task does not fail, since another fault has come")
	}
	if n := failed(2); n != 0 {
		t.Errorf("%d of the next two fail, want none", n)
	}
	standAt(&w.faults, []chaos.Standing{third})
	if n := failed(1); n != 1 {
		t.Error("the sixth task does not fail, since another fault has gone")
	}
	standAt(&w.faults, nil)
	standAt(&w.faults, []chaos.Standing{third})
	if n := failed(2); n != 0 {
		t.Errorf("%d of two tasks fail after the fault was healed and came again, want none", n)
	}
}

func TestWorkers_aFaultDrawsTheSameWhateverElseStands(t *testing.T) {
	draws := func(beside ...string) (failed string) {
		w := newWorkers(func(string) work.Function { return busy{} }, nil)
		list := standsAt(append([]string{`50%return("x")`}, beside...)...)
		standAt(&w.faults, list[:1])
		for n := range 30 {
			if n == 10 {
				standAt(&w.faults, list)
			}
			failed += fmt.Sprint(w.do(&failover.Message{}, nil, maxStretch).Message.Failed, " ")
		}
		return failed
	}
	alone := draws()
	if with := draws("1%off->50%wrong"); with != alone {
		t.Errorf("beside another fault tasks fail\n%s\nand alone\n%s", with, alone)
	}
}

func TestWorkers_aTaskIsSlowOnWhenAnotherFaultComes(t *testing.T) {
	slow := chaos.Standing{Rule: 1, Site: chaos.Work, Fault: chaos.Fault{Kind: chaos.Slow, Times: chaos.MaxTimes}}
	var spot atomic.Pointer[spotFaults]
	standAt(&spot, []chaos.Standing{slow})
	before := spot.Load()
	standAt(&spot, append(standsAt("off"), slow))
	if !before.stand(spot.Load()) {
		t.Error("what stood stands no longer, since another fault has come")
	}
	standAt(&spot, standsAt("off"))
	if before.stand(spot.Load()) {
		t.Error("what stood stands on, though it was healed")
	}
}
