package meter

import (
	"testing"
	"time"

	"fracture/cluster/failover"
	"fracture/work"
)

func line(at time.Duration, node, verb, peer string, tile uint32, signal failover.Signal) failover.Trace {
	return failover.Trace{At: start.Add(at), Node: node, Verb: verb, Peer: peer, Signal: signal,
		Task: work.TaskID{Stream: tiles, Frame: 3, Tile: tile}}
}

func TestLog_laysOutAnIncident(t *testing.T) {
	b, l := newBench(), NewLog()
	b.rec.Deliver(Delivery{Task: work.TaskID{Stream: tiles, Frame: 3, Tile: 1}, At: start.Add(104 * ms)})
	b.rec.Deliver(Delivery{Task: work.TaskID{Stream: tiles, Frame: 3, Tile: 2}, At: start.Add(103 * ms)})
	for _, x := range []failover.Trace{
		line(90*ms, "n2", "promote", "n1", 9, failover.Overdue), // before the fault
		line(102*ms, "n2", "promote", "n1", 1, failover.Reset),
		line(101500*time.Microsecond, "n3", "promote", "n1", 2, failover.Silence),
		line(101*ms, "n2", "detect", "n1", 0, failover.Reset),
		line(100500*time.Microsecond, "n2", "detect", "n4", 0, failover.Silence), // somebody else
		line(102800*time.Microsecond, "n3", "result", "", 2, 0),
		line(102*ms, "n5", "result", "", 2, 0), // not the node that took over
		line(102*ms, "n5", "place", "n1", 2, 0),
	} {
		l.Observe(x)
	}
	got := l.Timeline(b.rec, "n1", start.Add(100*ms), start.Add(100*ms+50_000), start.Add(time.Second))
	want := Timeline{
		Injected: start.Add(100 * ms), Effective: start.Add(100*ms + 50_000), Noticed: start.Add(101 * ms), Signal: failover.Reset,
		Promoted: start.Add(101500 * time.Microsecond), FirstResult: start.Add(102800 * time.Microsecond), Delivered: start.Add(103 * ms),
	}
	if got != want {
		t.Errorf("Timeline =\n%+v, want\n%+v", got, want)
	}
	if s := got.Stages(); s[1].After != ms || s[4].After != 3*ms {
		t.Errorf("Stages = %v, want noticed after 1 ms, delivered after 3", s)
	}
}

func TestLog_takesTheSignalOfAPromotionWhereNobodyDetected(t *testing.T) {
	l := NewLog()
	l.Observe(line(102*ms, "n2", "promote", "n1", 1, failover.Overdue))
	got := l.Timeline(newBench().rec, "n1", start.Add(100*ms), start.Add(100*ms), start.Add(time.Second))
	if got.Signal != failover.Overdue || got.Noticed != start.Add(102*ms) {
		t.Errorf("Timeline = %+v, want overdue at the promotion", got)
	}
}

func TestLog_countsTakeoversThatNobodyNeeded(t *testing.T) {
	l := NewLog()
	l.Fault("n1", start.Add(100*ms), start.Add(200*ms))
	for _, x := range []failover.Trace{
		line(99*ms, "n2", "promote", "n1", 1, failover.Silence),   // before its fault: needless
		line(150*ms, "n2", "promote", "n1", 1, failover.Reset),    // its fault
		line(150*ms, "n2", "promote", "n3", 1, failover.Silence),  // nobody's fault: needless
		line(200*ms, "n2", "promote", "n1", 1, failover.Silence),  // after its fault: needless
		line(150*ms, "n2", "promote", "n4", 1, failover.Handover), // asked for
		line(150*ms, "n2", "detect", "n4", 1, failover.Silence),   // not a takeover
		line(900*ms, "n2", "promote", "n4", 1, failover.Silence),  // not asked about
	} {
		l.Observe(x)
	}
	if got := l.Needless(start, start.Add(500*ms)); got != 3 {
		t.Errorf("Needless = %d, want 3", got)
	}
}

func TestLog_forgetsTheOldestAndSaysSo(t *testing.T) {
	l := NewLog()
	for i := range LogBound + 5 {
		l.Observe(line(time.Duration(i), "n2", "promote", "n1", 1, failover.Silence))
	}
	l.Missed(2)
	if got := l.Needless(start, start.Add(time.Hour)); got != LogBound || l.Dropped() != 7 {
		t.Errorf("Needless = %d, Dropped = %d; want %d, 7", got, l.Dropped(), LogBound)
	}
}
