package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"fracture/chaos"
	"fracture/clock"
	"fracture/telemetry"
)

// inside orders faults at a node's loop or its resources.
func inside(id uint64, lease time.Duration, site chaos.Site, list ...chaos.Fault) chaos.Order {
	o := chaos.Order{ID: id, Lease: chaos.Lease(lease)}
	for i, f := range list {
		o.Stand = append(o.Stand, chaos.Standing{Rule: uint32(i + 1), Site: site, Fault: f})
	}
	return o
}

// A wedged loop hears of nothing but of the end of the fault. Its node stays linked, hears beats and sends none; whatever waited is
// done when it goes on.
func TestNode_whoseLoopIsWedgedIsSilentUntilItIsHealed(t *testing.T) {
	crew, client, stream := startWorking(t, 3)
	wedged := client.leader(t, crew, stream.ID)
	client.order(t, wedged.cfg.Name, "fault", inside(1, chaos.MaxLease, chaos.Loop, chaos.Fault{Kind: chaos.Wedge}))
	ids := uint64(1)
	eventually(t, "it does not beat", func() error {
		if ids++; wedged.pulse.mute.Load() < 3 {
			return errors.Join(errors.New("it does"), client.Order(wedged.cfg.Name, inside(ids, chaos.MaxLease, chaos.Loop, chaos.Fault{Kind: chaos.Wedge})))
		}
		return nil
	})
	if wedged.pulse.rounds.Load()%2 == 0 {
		t.Error("its loop has come round")
	}
	in := wedged.beats.Stats().In
	eventually(t, "it hears beats", func() error {
		if wedged.beats.Stats().In == in {
			return errors.New("none")
		}
		return nil
	})
	untilLinked(t, crew)
	client.order(t, wedged.cfg.Name, "heal", chaos.Order{ID: ids + 1})
	eventually(t, "its log says so", func() error {
		if !wedged.diary.has("the loop stood still") {
			return errors.New("no")
		}
		return nil
	})
	client.untilStatuses(t, 2, wedged.cfg.Name)
	client.untilFrames(t, stream, 0, client.newest(stream.ID)+5)
	client.noneTwice(t)
}

func TestNode_aWedgeEndsWithItsLeaseAndWithWhoOrderedIt(t *testing.T) {
	crew := startCrew(t, newKeys(t), 2)
	client := startClient(t, crew)
	client.order(t, "n2", "fault", inside(1, 300*time.Millisecond, chaos.Loop, chaos.Fault{Kind: chaos.Wedge}))
	client.untilConfirmed(t, "n2", "heal", 1)
	client.order(t, "n2", "fault", inside(2, chaos.MaxLease, chaos.Loop, chaos.Fault{Kind: chaos.Wedge}))
	crew[1].links.Disconnect(client.id)
	eventually(t, "n2 heals", func() error {
		if !crew[1].diary.has("who ordered it is gone") {
			return errors.New("its log does not say so")
		}
		return nil
	})
	rounds := crew[1].pulse.rounds.Load()
	eventually(t, "its loop comes round", func() error {
		if now := crew[1].pulse.rounds.Load(); now < rounds+4 {
			return fmt.Errorf("%d times", (now-rounds)/2)
		}
		return nil
	})
}

func TestNode_thatIsWedgedEndsWhenItIsToldTo(t *testing.T) {
	crew := startCrew(t, newKeys(t), 2)
	client := startClient(t, crew)
	crew[1].cfg.Leave = time.Second
	client.order(t, "n2", "fault", inside(1, chaos.MaxLease, chaos.Loop, chaos.Fault{Kind: chaos.Wedge}))
	if err := crew[1].end(); err != nil {
		t.Errorf("n2 ended with %v", err)
	}
}

// Whatever the clocks of two nodes of three show, one of which leads, every result comes once, and telemetry goes by the true one.
func TestNode_whoseClockIsWrongLosesNothing(t *testing.T) {
	crew, client, stream := startWorking(t, 3)
	leader := client.leader(t, crew, stream.ID).cfg.Name
	for id, faults := range [][]chaos.Fault{
		{{Kind: chaos.Skew, By: 300 * time.Millisecond}, {Kind: chaos.Strobe, By: 100 * time.Millisecond, Period: 10 * time.Millisecond}},
		{{Kind: chaos.Jump, By: -300 * time.Millisecond}, {Kind: chaos.Strobe, By: -50 * time.Millisecond, Period: 7 * time.Millisecond}},
	} {
		o := inside(uint64(2*id+1), chaos.MaxLease, chaos.Loop, faults...)
		for _, name := range []string{leader, "n2"} {
			client.order(t, name, "fault", o)
		}
		client.untilFrames(t, stream, 0, client.newest(stream.ID)+5)
		for _, name := range []string{leader, "n2"} {
			client.order(t, name, "heal", chaos.Order{ID: uint64(2*id + 2)})
		}
		client.untilFrames(t, stream, 0, client.newest(stream.ID)+5)
	}
	client.noneTwice(t)
	client.mu.Lock()
	defer client.mu.Unlock()
	for _, ev := range client.events {
		if ev.At > clock.Now() {
			t.Errorf("%s tells of %s at an instant that is still to come", ev.Node, ev.Verb)
		}
	}
}

func TestWrongClock_isWhatTheMachinesAreToldOfTime(t *testing.T) {
	var c wrongClock
	at := clock.Now()
	if c.shows(at) != at || c.wakes(at) != at || c.truly(at) != at || c.wakes(clock.Never) != clock.Never {
		t.Error("without a fault the clock is wrong")
	}
	skew := chaos.Standing{Site: chaos.Loop, Fault: chaos.Fault{Kind: chaos.Skew, By: time.Second}}
	strobe := chaos.Standing{Site: chaos.Loop, Fault: chaos.Fault{Kind: chaos.Strobe, By: time.Minute, Period: time.Hour}}
	c.set(at, []chaos.Standing{skew})
	c.set(at.Add(time.Millisecond), []chaos.Standing{skew, strobe})
	for after, want := range map[time.Duration]time.Duration{
		-1: 0, 0: time.Second, time.Millisecond: time.Second + time.Minute, time.Hour + 2*time.Millisecond: time.Second, 2*time.Hour + 2*time.Millisecond: time.Second + time.Minute,
	} {
		if got := c.shows(at.Add(after)).Sub(at.Add(after)); got != want {
			t.Errorf("%v after the first fault the clock is off by %v, want %v", after, got, want)
		}
	}
	if wake := c.wakes(clock.Never); wake != at.Add(time.Hour+time.Millisecond) {
		t.Errorf("woken at %v, want when the clock jumps", wake)
	}
	c.set(at, nil)
	if c.shows(at) != at {
		t.Error("the clock is wrong when the faults are over")
	}
}

// strained runs a strain, and gives what sets it.
func strained(t *testing.T) *strain {
	t.Helper()
	s := &strain{log: slog.New(slog.DiscardHandler), changed: make(chan struct{}, 1)}
	ended := make(chan error, 1)
	go func() { ended <- s.run(t.Context()) }() // which ends before the cleanups begin
	t.Cleanup(func() {
		if err := <-ended; err != nil || s.held.Load() != 0 {
			t.Errorf("it ended with %v, and holds %d bytes", err, s.held.Load())
		}
	})
	return s
}

func resource(list ...chaos.Fault) []chaos.Standing {
	return inside(0, 0, chaos.Resource, list...).Stand
}

func TestStrain_holdsBallastAndGivesItBack(t *testing.T) {
	const size = 128 << 20
	s := strained(t)
	before := residentBytes()
	until := func(what string, ok func(grown int64) bool) {
		t.Helper()
		eventually(t, what, func() error {
			if grown := residentBytes() - before; !ok(grown) {
				return fmt.Errorf("the process has grown by %d bytes", grown)
			}
			return nil
		})
	}
	s.set(resource(chaos.Fault{Kind: chaos.Ballast, Bytes: size}))
	until("the ballast is held", func(grown int64) bool { return grown > size*3/4 && s.held.Load() == size })
	s.set(resource(chaos.Fault{Kind: chaos.Ballast, Bytes: size}, chaos.Fault{Kind: chaos.Ballast, Bytes: size}))
	until("twice the ballast is held", func(grown int64) bool { return grown > size*7/4 })
	s.set(nil)
	until("it is given back", func(grown int64) bool { return grown < size/4 && s.held.Load() == 0 })
}

func TestStrain_burnsAndCollects(t *testing.T) {
	s := strained(t)
	var stats runtime.MemStats
	used := func(list []chaos.Standing, enough func() bool) {
		t.Helper()
		s.set(list)
		eventually(t, fmt.Sprint(list, " takes what it is to take"), func() error {
			if !enough() {
				return errors.New("not yet")
			}
			return nil
		})
	}
	cpu := cpuTime()
	used(resource(chaos.Fault{Kind: chaos.Stress, Cores: 2}), func() bool { return cpuTime()-cpu > 300*time.Millisecond })
	runtime.ReadMemStats(&stats)
	collected := stats.NumGC
	used(resource(chaos.Fault{Kind: chaos.GC}), func() bool { runtime.ReadMemStats(&stats); return stats.NumGC > collected+20 })
	allocated := stats.TotalAlloc
	used(resource(chaos.Fault{Kind: chaos.GC, Rate: 500e6}), func() bool {
		runtime.ReadMemStats(&stats)
		return stats.TotalAlloc > allocated+100<<20
	})
	s.set(nil)
}

// What several have ordered is at most as much as one may order, and who asks for more is told.
func TestNode_refusesMoreBallastThanANodeMayHold(t *testing.T) {
	crew := startCrew(t, newKeys(t), 2)
	first, second := startClient(t, crew), startClientNamed(t, "second", crew)
	first.order(t, "n2", "fault", inside(1, chaos.MaxLease, chaos.Resource, chaos.Fault{Kind: chaos.Ballast, Bytes: 1 << 20}))
	second.order(t, "n2", telemetry.Disobey, inside(1, chaos.MaxLease, chaos.Resource, chaos.Fault{Kind: chaos.Ballast, Bytes: chaos.MaxBallast}))
	if held := crew[1].strain.held.Load(); held > 1<<20 {
		t.Errorf("n2 holds %d bytes of ballast, want no more than the first asked for", held)
	}
	second.order(t, "n2", "fault", inside(2, chaos.MaxLease, chaos.Resource, chaos.Fault{Kind: chaos.Ballast, Bytes: 1}))
}
