package clock

import (
	"testing"
	"time"
)

func newAlarm(t testing.TB) *Alarm {
	t.Helper()
	a, err := NewAlarm()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func TestAlarm_doesNotRingBefore(t *testing.T) {
	a := newAlarm(t)
	for _, d := range []time.Duration{-time.Hour, -1, 0, 1, time.Microsecond, 300 * time.Microsecond, 3 * time.Millisecond} {
		at := Now().Add(d)
		a.Set(at)
		if !a.Wait() {
			t.Fatal("Wait = false, want true until it is closed")
		}
		if now := Now(); now < at {
			t.Errorf("set to %v from now it rang %v too early", d, at.Sub(now))
		}
	}
	for _, at := range []Instant{0, -1} {
		a.Set(at)
		if !a.Wait() {
			t.Fatalf("set to %d, Wait = false, want true", at)
		}
	}
}

func TestAlarm_ringsForTheNewestInstantOnly(t *testing.T) {
	a := newAlarm(t)
	at := Now().Add(20 * time.Millisecond)
	a.Set(Now().Add(time.Millisecond))
	a.Set(Never)
	a.Set(at)
	if !a.Wait() {
		t.Fatal("Wait = false, want true until it is closed")
	}
	if now := Now(); now < at {
		t.Errorf("it rang %v before the instant set last", at.Sub(now))
	}
}

func TestAlarm_closedEndsTheWait(t *testing.T) {
	a := newAlarm(t)
	a.Set(Never)
	waited := make(chan bool)
	go func() { waited <- a.Wait() }()
	a.Close()
	a.Close()
	select {
	case rang := <-waited:
		if rang {
			t.Error("Wait = true of an alarm that was closed, want false")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Wait did not end with Close")
	}
	a.Set(1) // does nothing
	if a.Wait() {
		t.Error("Wait after Close = true, want false")
	}
}

func TestAlarm_allocatesNothing(t *testing.T) {
	a := newAlarm(t)
	allocs := testing.AllocsPerRun(100, func() {
		a.Set(1)
		_ = a.Wait()
	})
	if allocs != 0 {
		t.Errorf("Set and Wait allocate %v times, want none", allocs)
	}
}

func BenchmarkAlarm(b *testing.B) {
	a := newAlarm(b)
	var late time.Duration
	for b.Loop() {
		at := Now().Add(200 * time.Microsecond)
		a.Set(at)
		_ = a.Wait()
		late += Now().Sub(at)
	}
	b.ReportMetric(float64(late.Nanoseconds())/float64(b.N), "late-ns/op")
}
