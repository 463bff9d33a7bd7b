package cluster

import "fracture/clock"

// bell wakes a loop at the instant that the loop asked for last, or before: rung too early, the loop finds nothing to do
// and asks again. That spares setting the alarm whenever a deadline moves further away, as a lease's does with every beat.
type bell struct {
	alarm *clock.Alarm
	rings clock.Instant // what the alarm is set to; the loop's
	ended chan struct{}
}

// hangBell makes a bell that calls wake, and runs it until it is taken down.
func hangBell(wake func()) (*bell, error) {
	alarm, err := clock.NewAlarm()
	if err != nil {
		return nil, err
	}
	b := &bell{alarm: alarm, rings: clock.Never, ended: make(chan struct{})}
	go func() {
		defer close(b.ended)
		for alarm.Wait() {
			wake()
		}
	}()
	return b, nil
}

// ring has the loop woken at at, if not before.
func (b *bell) ring(now, at clock.Instant) {
	if b.rings <= now || at < b.rings {
		b.rings = at
		b.alarm.Set(at)
	}
}

// takeDown ends the bell and all it runs.
func (b *bell) takeDown() {
	b.alarm.Close()
	<-b.ended
}
