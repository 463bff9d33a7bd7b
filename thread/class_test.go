package thread

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// onThread calls f on a thread of its own, which ends with it.
func onThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		f()
	}()
	<-done
}

// always are classes that no kernel refuses: they step back.
var always = []Class{{Nice: 10}, {Nice: 19}, {Policy: Batch, Nice: 3}}

func TestSet_isInForce(t *testing.T) {
	for _, want := range always {
		onThread(func() {
			if err := Set(want); err != nil {
				t.Error(err)
			}
			if got, err := Current(); err != nil || got != want {
				t.Errorf("Current = %v (%v) after Set(%v)", got, err, want)
			}
		})
	}
}

func TestSet_changesThisThreadAlone(t *testing.T) {
	before, err := unix.Getpriority(unix.PRIO_PROCESS, unix.Getpid()) // of the first thread
	if err != nil {
		t.Fatal(err)
	}
	onThread(func() {
		if err := Set(Class{Nice: 15}); err != nil {
			t.Error(err)
		}
		after, err := unix.Getpriority(unix.PRIO_PROCESS, unix.Getpid())
		if err != nil || after != before {
			t.Errorf("the first thread's niceness went from %d to %d (%v), want it left alone", before, after, err)
		}
	})
}

func TestFirst_takesWhatTheKernelAllowsAndTellsWhatIsInForce(t *testing.T) {
	impossible := Class{Policy: FIFO, Priority: 100}
	onThread(func() {
		if got, err := First(Class{Nice: 7}, Class{Nice: 9}); got != (Class{Nice: 7}) || err != nil {
			t.Errorf("First = %v, %v; want the first class and no error", got, err)
		}
	})
	onThread(func() {
		if got, err := First(impossible, Class{Nice: 8}); got != (Class{Nice: 8}) || err == nil {
			t.Errorf("First = %v, %v; want the second class, and why not the first", got, err)
		}
	})
	onThread(func() {
		was, err := Current()
		if err != nil {
			t.Error(err)
		}
		if got, err := First(impossible); got != was || err == nil {
			t.Errorf("First = %v, %v; want %v as before, and an error", got, err, was)
		}
	})
}

// What steps ahead must not hand it on: to a process it starts, say. Where the kernel lets nobody step ahead there is
// nothing to hand on, and what is seen is that.
func TestSet_handsNothingAheadOn(t *testing.T) {
	ahead := Class{Policy: FIFO, Priority: 1}
	onThread(func() {
		err := Set(ahead)
		got, readErr := unix.SchedGetAttr(0, 0)
		if readErr != nil {
			t.Error(readErr)
			return
		}
		switch {
		case err != nil && Policy(got.Policy) == FIFO:
			t.Errorf("Set = %v, but %v is in force", err, ahead)
		case err == nil && (Policy(got.Policy) != FIFO || got.Flags&unix.SCHED_FLAG_RESET_ON_FORK == 0):
			t.Errorf("in force is policy %d with flags %#x, want %v and reset on fork", got.Policy, got.Flags, ahead)
		}
	})
}

func TestClass_readsAsReportsPrintIt(t *testing.T) {
	for _, c := range []struct {
		class Class
		text  string
		ahead bool
	}{
		{Class{}, "other nice 0", false},
		{Class{Nice: 10}, "other nice 10", false},
		{Class{Nice: -10}, "other nice -10", true},
		{Class{Policy: FIFO, Priority: 1}, "fifo 1", true},
		{Class{Policy: RoundRobin, Priority: 3}, "rr 3", true},
		{Class{Policy: Batch, Nice: 3}, "batch nice 3", false},
		{Class{Policy: Idle}, "idle nice 0", false},
		{Class{Policy: 6}, "policy(6) nice 0", false},
	} {
		if got := c.class.String(); got != c.text {
			t.Errorf("String = %q, want %q", got, c.text)
		}
		if c.class.Ahead() != c.ahead {
			t.Errorf("%v: Ahead = %v, want %v", c.class, !c.ahead, c.ahead)
		}
	}
}

func TestPunctual_takesTheSlackAway(t *testing.T) {
	onThread(func() {
		Punctual()
		if got, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0); err != nil || got != 1 {
			t.Errorf("the slack is %d ns (%v), want 1", got, err)
		}
	})
}

func TestBind_leavesTheThreadOneProcessor(t *testing.T) {
	all := Cores()
	if len(all) == 0 {
		t.Fatal("the thread may run nowhere")
	}
	last := all[len(all)-1]
	onThread(func() {
		if err := Bind(last); err != nil {
			t.Error(err)
		}
		if got := Cores(); len(got) != 1 || got[0] != last {
			t.Errorf("bound to processor %d it may run on %v", last, got)
		}
	})
	onThread(func() {
		if err := Bind(1023); err == nil { // more than any machine of ours has
			t.Error("it is bound to a processor that there is not")
		}
	})
	if got := len(Cores()); got != len(all) {
		t.Errorf("another thread may run on %d processors, want all %d still", got, len(all))
	}
}
