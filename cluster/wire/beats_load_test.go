package wire

import (
	"bufio"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fracture/clock"
	"fracture/thread"
)

// loadEnv makes the test binary a process that keeps every core busy as a node does: one thread at niceness 10 that
// calculates, one goroutine that works a little every few milliseconds.
const loadEnv = "FRACTURE_WIRE_LOAD"

// loadNodes is how many such processes there are: with the benchmark's own, a cluster of five.
const loadNodes = 4

// loadMain is the life of such a process; it ends with its standard input.
func loadMain() bool {
	if os.Getenv(loadEnv) == "" {
		return false
	}
	calculate(new(atomic.Bool))
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
	os.Exit(0)
	return true
}

// calculate fills every core but one with threads of niceness 10, at least one, and that one a little, until stop.
func calculate(stop *atomic.Bool) (wait func()) {
	var running sync.WaitGroup
	for range max(1, runtime.NumCPU()-1) {
		running.Go(func() {
			runtime.LockOSThread() // and not unlocked: the thread ends niced
			if err := thread.Set(thread.Class{Nice: 10}); err != nil {
				panic(err)
			}
			for !stop.Load() {
			}
		})
	}
	running.Go(func() {
		var garbage [][]byte
		for tick := time.NewTicker(3 * time.Millisecond); !stop.Load(); <-tick.C {
			garbage = append(garbage[:len(garbage)%100], make([]byte, 4<<10))
			for until := clock.Now().Add(200 * time.Microsecond); clock.Now() < until; {
			}
		}
	})
	return running.Wait
}

// saturate keeps the machine busy until the benchmark ends.
func saturate(b *testing.B) {
	b.Helper()
	for range loadNodes {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), loadEnv+"=1")
		stdin, err := cmd.StdinPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			_ = stdin.Close()
			_ = cmd.Wait()
		})
	}
	stop := new(atomic.Bool)
	wait := calculate(stop)
	b.Cleanup(func() {
		stop.Store(true)
		wait()
	})
}

// BenchmarkBeats_lateUnderFullLoad shows how late beats leave, while five
// processes keep every core busy with niced threads, and what gaps the other side hears. The classes are to be compared
// with each other, within one run.
func BenchmarkBeats_lateUnderFullLoad(b *testing.B) {
	for _, c := range []struct {
		name  string
		ask   thread.Class
		moreP int // for threads that sleep by themselves
	}{
		{"as all", thread.Class{}, 0},
		{"nice -10", thread.Class{Nice: -10}, 2},
		{"fifo 1", thread.Class{Policy: thread.FIFO, Priority: 1}, 2},
	} {
		b.Run(c.name, func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + c.moreP))
			saturate(b)
			lateUnderLoad(b, c.ask)
		})
	}
}

func lateUnderLoad(b *testing.B, ask thread.Class) {
	c := newCluster(b)
	sent := make(chan time.Duration, 1<<16)
	x := beating(b, c, "n1", func(cfg *BeatsConfig) {
		cfg.Interval, cfg.Classes = 3*time.Millisecond, []thread.Class{ask}
		cfg.onRound = func(late time.Duration) { sent <- late }
	})
	y := beating(b, c, "n2", func(cfg *BeatsConfig) { cfg.Interval, cfg.Classes = 3*time.Millisecond, []thread.Class{ask} })
	x.SetPeers([]BeatPeer{y.peer})
	y.SetPeers([]BeatPeer{x.peer})
	last := (<-y.says).At
	<-sent
	var late, gaps []time.Duration
	for b.Loop() {
		late = append(late, <-sent)
		h := <-y.says
		gaps = append(gaps, h.At.Sub(last))
		last = h.At
	}
	if got, _ := x.Class(); got != ask {
		b.Logf("%v in force, %v was asked for", got, ask)
	}
	spread(b, "sent", late)
	spread(b, "gap", gaps)
}

// spread adds the median, the 99th percentile and the maximum of what was taken to a benchmark.
func spread(b *testing.B, what string, took []time.Duration) {
	slices.Sort(took)
	n := len(took)
	for _, at := range []struct {
		name string
		took time.Duration
	}{{"p50", took[n/2]}, {"p99", took[n*99/100]}, {"max", took[n-1]}} {
		b.ReportMetric(float64(at.took.Nanoseconds())/1000, what+"-"+at.name+"-µs")
	}
}
