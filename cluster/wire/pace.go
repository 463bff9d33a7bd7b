package wire

import (
	"runtime"
	"time"

	"fracture/clock"
	"fracture/thread"
)

// longestSleep bounds how late it is seen that the socket is closed.
const longestSleep = 20 * time.Millisecond

// takeThread gives the calling goroutine a thread of its own, of the first class that the kernel allows, and answers with
// how it waits from then on. The thread ends with the goroutine.
//
// To come ahead of others helps only a thread that the kernel wakes itself. A goroutine on an alarm is woken by way of the
// runtime's poller, which is a thread like all others: on a busy machine beats so woken were as late at fifo 1 as without
// it, milliseconds, and with a sleep of their own a tenth of one. Such a sleep keeps a P (see clock.Sleep), which whoever asks
// for a class provides; where none that comes ahead is in force the thread waits for an alarm, as any goroutine does.
func (b *Beats) takeThread() func(until clock.Instant) bool {
	runtime.LockOSThread()
	before, _ := thread.Current()
	class, _ := thread.First(b.cfg.Classes...) // a refusal shows in the class
	b.class.Store(&class)
	if class == before {
		runtime.UnlockOSThread()
	}
	if !class.Ahead() {
		return func(until clock.Instant) bool {
			b.alarm.Set(until)
			return b.alarm.Wait()
		}
	}
	thread.Punctual()
	return func(until clock.Instant) bool {
		clock.Sleep(min(until, clock.Now().Add(longestSleep)))
		return true // the next turn fails on a closed socket
	}
}

// Class is how the thread that beats is scheduled, as the kernel tells it; known once Run has begun.
func (b *Beats) Class() (class thread.Class, known bool) {
	if c := b.class.Load(); c != nil {
		return *c, true
	}
	return thread.Class{}, false
}
