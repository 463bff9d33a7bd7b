package cluster

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/work"
)

// slow is a function whose calls wait to be let go.
type slow struct {
	work.Function
	calls chan struct{}
	goOn  chan struct{}
}

func (slow) Name() string { return "slow" }

func (s slow) Run(input, output []byte) ([]byte, error) {
	s.calls <- struct{}{}
	<-s.goOn
	return append(output, input...), nil
}

// letWork runs workers until the test ends.
func letWork(t *testing.T, w *workers) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = w.run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

func TestWorkers_reportTogetherWhatWasDoneInOneGo(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // one worker
	fn := slow{calls: make(chan struct{}), goOn: make(chan struct{})}
	reports := make(chan []failover.Event, 16)
	w := newWorkers(func(string) work.Function { return fn }, func(done []failover.Event) {
		reports <- append([]failover.Event(nil), done...)
	})
	letWork(t, w)

	const tasks = 4
	for i := range tasks {
		w.give(failover.Message{Function: "slow", Payload: []byte{byte(i)}})
	}
	began := clock.Now()
	for range tasks {
		<-fn.calls
		fn.goOn <- struct{}{}
	}
	got := 0
	for got < tasks {
		select {
		case done := <-reports:
			for _, ev := range done {
				if ev.Kind != failover.Computed || len(ev.Message.Payload) != 1 {
					t.Fatalf("reported %+v, want what was computed", ev)
				}
				got++
			}
			// On a machine that took its time over the calls, each may rightly have been reported for itself.
			if len(done) < tasks && clock.Now().Sub(began) < holdResults {
				t.Errorf("%d of %d results were reported at once, within %v of the first call", len(done), tasks, holdResults)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%d of %d results were reported", got, tasks)
		}
	}
}

// sockets is a function that lists the sockets which the thread that runs it holds open.
type sockets struct{ work.Function }

func (sockets) Name() string { return "sockets" }

func (sockets) Run(_, output []byte) ([]byte, error) {
	return append(output, openSockets("/proc/thread-self/fd")...), nil
}

// openSockets lists the sockets of a table of open files.
func openSockets(table string) string {
	var found []string
	fds, err := os.ReadDir(table)
	if err != nil {
		return err.Error()
	}
	for _, fd := range fds {
		if what, err := os.Readlink(filepath.Join(table, fd.Name())); err == nil && strings.HasPrefix(what, "socket:") {
			found = append(found, what)
		}
	}
	return strings.Join(found, " ")
}

// The sockets of a killed process close when the last thread that holds them has died. A worker's, which is niced, must not
// be that one.
func TestWorkers_holdNoSocket(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	reports := make(chan failover.Event, 1)
	w := newWorkers(func(string) work.Function { return sockets{} }, func(done []failover.Event) { reports <- done[0] })
	letWork(t, w)
	w.give(failover.Message{Function: "sockets"})
	select {
	case ev := <-reports:
		if held := string(ev.Message.Payload); held != "" {
			t.Errorf("a worker holds %s", held)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the worker does not report")
	}
	if openSockets("/proc/self/fd") == "" {
		t.Error("the process holds no socket either: the test shows nothing")
	}
}

func TestWorkers_tellOfATaskThatTheyRunForLong(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // one worker
	fn := slow{calls: make(chan struct{}), goOn: make(chan struct{})}
	reports := make(chan failover.Event, 256)
	w := newWorkers(func(string) work.Function { return fn }, func(told []failover.Event) {
		for _, ev := range told {
			reports <- ev
		}
	})
	letWork(t, w)
	task := work.TaskID{Stream: 1, Tile: 7}
	w.give(failover.Message{Kind: failover.Place, Function: "slow", Task: task, Payload: []byte("input")})
	<-fn.calls
	for last := failover.FirstLag; ; {
		var ev failover.Event
		select {
		case ev = <-reports:
		case <-time.After(10 * time.Second):
			t.Fatal("nobody tells that a task runs for long")
		}
		m := &ev.Message
		if ev.Kind != failover.Lags || m.Task != task || m.Payload != nil || m.Ran < last {
			t.Fatalf("told %+v, want that %v lags, after %v or more, without its input", ev, task, last)
		}
		if last = failover.NextLag(m.Ran); last > 3*failover.FirstLag {
			break
		}
	}
	fn.goOn <- struct{}{}
	for {
		select {
		case ev := <-reports:
			if ev.Kind == failover.Computed {
				return
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the task's end is not told")
		}
	}
}

func TestWorkers_doNotBeginWhatWasTakenBack(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // one worker
	fn := slow{calls: make(chan struct{}), goOn: make(chan struct{})}
	reports := make(chan work.TaskID, 16)
	w := newWorkers(func(string) work.Function { return fn }, func(done []failover.Event) {
		for _, ev := range done {
			reports <- ev.Message.Task
		}
	})
	letWork(t, w)
	for tile := range uint32(3) {
		w.give(failover.Message{Function: "slow", Task: work.TaskID{Tile: tile}})
	}
	<-fn.calls // the first has begun
	w.cancel(work.TaskID{Tile: 1}, failover.Epoch{Rank: 1})
	w.cancel(work.TaskID{Tile: 0}, failover.Epoch{})
	w.cancel(work.TaskID{Tile: 2}, failover.Epoch{})
	fn.goOn <- struct{}{}
	<-fn.calls
	fn.goOn <- struct{}{}
	for _, want := range []uint32{0, 1} {
		select {
		case got := <-reports:
			if got.Tile != want {
				t.Errorf("tile %d was run, want %d: one that was taken back, or the wrong one", got.Tile, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("tile %d was not run", want)
		}
	}
}

// Under overload there is always something left to do; what was done must not be kept because of it.
func TestWorkers_queueIsAsLongAsWhatIsLeftToDo(t *testing.T) {
	const left, turns = 10, 100_000
	w := newWorkers(nil, nil)
	given := uint64(0)
	give := func() {
		w.give(failover.Message{Task: work.TaskID{Frame: given}})
		given++
	}
	for range left {
		give()
	}
	for frame := range uint64(turns) {
		give()
		if m := w.next(); m.Task.Frame != frame {
			t.Fatalf("took frame %d, want %d: the oldest", m.Task.Frame, frame)
		}
	}
	if n := len(w.queue) - w.head; n != left || cap(w.queue) > 100*left {
		t.Errorf("%d tasks wait in a queue of room for %d; want %d, and no more than 100 times the room", n, cap(w.queue), left)
	}
}
