package main

import (
	"testing"
	"time"

	"fracture/clock"
)

func TestPlayer_notesSayHowLateACallWas(t *testing.T) {
	began := clock.Instant(1e12)
	p := &player{}
	p.note(note{planned: began.Add(2 * time.Second), at: began.Add(2*time.Second + 123*time.Microsecond), ended: began.Add(3 * time.Second)})
	p.note(note{at: began.Add(time.Second), ended: began.Add(time.Second)})
	timed, untimed := p.notes(began)[0], p.notes(began)[1]
	if timed.Planned != 2000 || timed.Late != 123 || timed.At != 2000.123 {
		t.Errorf("planned for %v ms it is %v µs late, at %v ms; want 2000, 123 and 2000.123", timed.Planned, timed.Late, timed.At)
	}
	if untimed.Planned != 0 || untimed.Late != 0 {
		t.Errorf("what has no time is planned for %v ms, and %v µs late", untimed.Planned, untimed.Late)
	}
	if all := p.late(); all != nil {
		t.Errorf("faults were late by %+v, and none was among them", all)
	}
	fault := note{planned: began.Add(time.Second), at: began.Add(time.Second + time.Millisecond)}
	fault.Arguments = []string{"inject", "kill"}
	p.note(fault)
	fault.Failed, fault.at = "nobody", began.Add(time.Minute)
	p.note(fault)
	if all := p.late(); all == nil || all.N != 1 || all.Max != 1 {
		t.Errorf("faults were late by %+v, want one by 1 ms", all)
	}
}
