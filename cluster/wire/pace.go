package wire

import (
	"runtime"
	"time"

	"fracture/clock"
	"fracture/thread"
)

// How a thread that comes ahead of others waits for its next turn.
const (
	longestSleep = 20 * time.Millisecond // so late, at most, is it seen that the socket is closed
	lateAlarm    = time.Millisecond      // an alarm that is late by so much says that threads wait for cores
	sleepFor     = 30 * time.Second      // and then the thread sleeps by itself for so long
)

// takeThread gives the calling goroutine a thread of its own, of the first class that the kernel allows, and answers with
// how it waits from then on. The thread ends with the goroutine.
//
// To come ahead of others helps only a thread that the kernel wakes itself. A goroutine on an alarm is woken by way of the
// runtime's poller, which is a thread like all others: on a busy machine beats so woken were as late at fifo 1 as without
// it, milliseconds, and with a sleep of their own a tenth of one. But while a thread sleeps by itself the runtime's monitor
// polls (see clock.Sleep), which took 20 ms of a core each second. So the thread sleeps by itself once its alarm has been
// late, and tries the alarm again after a while. Where no class comes ahead the alarm is as good, and costs less.
func (b *Beats) takeThread() func(until clock.Instant) bool {
	runtime.LockOSThread()
	before, _ := thread.Current()
	class, _ := thread.First(b.cfg.Classes...) // a refusal shows in the class
	b.class.Store(&class)
	if class == before {
		runtime.UnlockOSThread()
	}
	if class.Ahead() {
		thread.Punctual()
	}
	var sleeps clock.Instant // until when the thread sleeps by itself
	return func(until clock.Instant) bool {
		now := clock.Now()
		if now < sleeps {
			clock.Sleep(min(until, now.Add(longestSleep)))
			return true // the next turn fails on a closed socket
		}
		b.alarm.Set(until)
		if !b.alarm.Wait() {
			return false
		}
		if woken := clock.Now(); class.Ahead() && woken.Sub(max(until, now)) >= lateAlarm {
			sleeps = woken.Add(sleepFor)
		}
		return true
	}
}

// Class is how the thread that beats is scheduled, as the kernel tells it; known once Run has begun.
func (b *Beats) Class() (class thread.Class, known bool) {
	if c := b.class.Load(); c != nil {
		return *c, true
	}
	return thread.Class{}, false
}
