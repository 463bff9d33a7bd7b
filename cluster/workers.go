package cluster

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/thread"
	"fracture/work"
)

// workerNice is how far the workers step back for the threads that beat and decide: with it, the worst lateness after a
// kill halves on a machine whose cores are busy.
const workerNice = 10

// workers compute the tasks that the core executes. There is one fewer than the runtime has Ps, or than that, so that the
// loop always finds one free; each is locked to its thread, and the thread is niced.
type workers struct {
	function func(name string) work.Function
	report   func([]failover.Event)       // does not keep the list
	threads  int                          // that compute; 0: one fewer than the runtime has Ps
	class    atomic.Pointer[thread.Class] // of the thread that began last, as the kernel tells it; nil before the first
	faults   atomic.Pointer[spotFaults]
	faulted  atomic.Uint64 // runs of tasks that faults had

	mu     sync.Mutex // guards queue, spare and closed
	more   *sync.Cond
	queue  []failover.Message
	head   int      // of the queue; what is before it has been taken
	spare  [][]byte // buffers that have served
	closed bool
}

// spareBuffers bounds the buffers kept for reuse.
const spareBuffers = 64

// holdResults is for how long a worker that has more to do keeps what it has done, so that it is reported together. Each
// report wakes the loop, a link to each holder of the splitter, their loops and the sinks. After a task that took as long itself
// it waits for no other: that may take as long, too.
const holdResults = time.Millisecond

func newWorkers(function func(string) work.Function, report func([]failover.Event)) *workers {
	w := &workers{function: function, report: report}
	w.more = sync.NewCond(&w.mu)
	return w
}

// give queues a task, whose payload is copied. The queue needs no bound of its own: the core's table bounds what is held.
func (w *workers) give(m failover.Message) {
	w.mu.Lock()
	m.Payload = append(w.buffer(), m.Payload...)
	w.queue = append(w.queue, m)
	w.mu.Unlock()
	w.more.Signal()
}

// cancel takes a task back that no worker has begun.
func (w *workers) cancel(task work.TaskID, epoch failover.Epoch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := w.head; i < len(w.queue); i++ {
		if m := &w.queue[i]; m.Task == task && m.Epoch == epoch {
			w.spareBuffer(m.Payload)
			w.queue = slices.Delete(w.queue, i, i+1)
			return
		}
	}
}

// buffer takes a spare buffer; the lock is held.
func (w *workers) buffer() []byte {
	if n := len(w.spare); n > 0 {
		b := w.spare[n-1]
		w.spare = w.spare[:n-1]
		return b[:0]
	}
	return nil
}

// takeBuffer is buffer for who does not hold the lock.
func (w *workers) takeBuffer() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buffer()
}

// takeBack gives a buffer back for reuse.
func (w *workers) takeBack(b []byte) {
	w.mu.Lock()
	w.spareBuffer(b)
	w.mu.Unlock()
}

// spareBuffer keeps a buffer; the lock is held.
func (w *workers) spareBuffer(b []byte) {
	if len(w.spare) < spareBuffers && cap(b) > 0 {
		w.spare = append(w.spare, b)
	}
}

// run computes until the context ends; what is queued then is not begun.
func (w *workers) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		w.mu.Lock()
		w.closed = true
		w.mu.Unlock()
		w.more.Broadcast()
	})
	defer stop()
	var wg sync.WaitGroup
	threads := w.threads
	if threads == 0 {
		threads = max(1, runtime.GOMAXPROCS(0)-1)
	}
	for range threads {
		wg.Go(w.compute)
	}
	wg.Wait()
	return nil
}

func (w *workers) compute() {
	// The thread is not unlocked: it is niced, and ends with its goroutine.
	runtime.LockOSThread()
	class, _ := thread.First(thread.Class{Nice: workerNice}) // stepping back is always allowed; the status says what is so
	w.class.Store(&class)
	letGoOfSockets()
	var (
		done []failover.Event
		held clock.Instant // since when done is not empty
	)
	lag := newLagWatch(w.report)
	defer lag.end()
	for {
		m, output, ok := w.take()
		if !ok {
			return
		}
		lag.begin(m)
		ev := w.do(&m, output, maxStretch)
		lag.end()
		now := clock.Now()
		if len(done) == 0 {
			held = now
		}
		done = append(done, ev)
		if w.giveBack(m.Payload) || now.Sub(held) >= holdResults || ev.Message.Ran >= holdResults {
			w.report(done)
			clear(done)
			done = done[:0]
		}
	}
}

// take waits for a task, and answers false when there is to be none any more.
func (w *workers) take() (m failover.Message, output []byte, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.head == len(w.queue) && !w.closed {
		w.more.Wait()
	}
	if w.closed {
		return m, nil, false
	}
	return w.next(), w.buffer(), true
}

// giveBack gives a buffer back for reuse, and reports whether there is nothing more to do.
func (w *workers) giveBack(b []byte) (idle bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spareBuffer(b)
	return w.head == len(w.queue)
}

// next takes the oldest task out of the queue; the lock is held. Under overload the queue is never empty, so what has been
// taken is given up once it is half of it: each task is moved once at most on average.
func (w *workers) next() failover.Message {
	m := w.queue[w.head]
	w.queue[w.head] = failover.Message{}
	w.head++
	if w.head > len(w.queue)/2 {
		left := copy(w.queue, w.queue[w.head:])
		clear(w.queue[left:])
		w.queue, w.head = w.queue[:left], 0
	}
	return m
}

// do runs one task, as the faults that stand have it: they make it take longer by at most stretch.
func (w *workers) do(m *failover.Message, output []byte, stretch time.Duration) failover.Event {
	if f := w.faults.Load(); f != nil {
		return w.struck(f, m, output, stretch)
	}
	return compute(w.function, m, output)
}

// computed is the report of a task, without an answer yet.
func computed(m *failover.Message) failover.Event {
	ev := failover.Event{Kind: failover.Computed, Message: *m}
	ev.Message.Payload = nil
	return ev
}

// compute runs one task and returns the event that reports it.
func compute(function func(string) work.Function, m *failover.Message, output []byte) failover.Event {
	began := clock.Now()
	ev := computed(m)
	result := &ev.Message
	fn := function(m.Function)
	if fn == nil {
		result.Failed, result.Payload = true, fmt.Appendf(output, "unknown function %q", m.Function)
	} else if out, err := fn.Run(m.Payload, output); err != nil {
		result.Failed, result.Payload = true, append(output[:0], err.Error()...)
	} else {
		result.Payload = out
	}
	result.Ran = clock.Now().Sub(began)
	return ev
}

// letGoOfSockets gives the calling thread, which must be locked to its goroutine, a table of open files of its own and
// closes the sockets in it. A killed process's sockets close when the last thread that shares their table has died, and
// that would be this one: it is niced, so it waits for a core before it can even die, while the peers wait for the reset.
// Its memory is freed by the last thread, too; so that happens beside the closing, and not before it. A thread opened
// later shares the table of the others, for the runtime starts none from a locked one. The process's first thread keeps all:
// its table is what the system shows as the process's; a program that wants no worker there locks its main goroutine.
// Where the kernel refuses, the peers notice later.
func letGoOfSockets() {
	if unix.Gettid() == unix.Getpid() || unix.Unshare(unix.CLONE_FILES) != nil {
		return
	}
	for fd := range firstFiles {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFSOCK {
			_ = unix.Close(fd)
		}
	}
}

// firstFiles bounds the descriptors that a process can have opened when its workers start: a few listeners.
const firstFiles = 64
