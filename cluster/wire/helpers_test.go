package wire

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"fracture/cluster/failover"
)

// report adds the median and the 99th percentile of what was taken to a benchmark.
func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	at := func(q float64) float64 {
		return float64(took[int(q*float64(len(took)-1))].Nanoseconds()) / 1000
	}
	b.ReportMetric(at(0.5), "p50-µs")
	b.ReportMetric(at(0.99), "p99-µs")
}

// childEnv makes the test binary a process of a cluster: its directory, name, incarnation, and the peer that it calls.
const childEnv = "FRACTURE_WIRE_CHILD"

// childMain is the life of such a process. It holds a link to its peer and talks without end, until it is killed.
func childMain() bool {
	spec := strings.Split(os.Getenv(childEnv), ",")
	if len(spec) != 4 {
		return false
	}
	c, err := Load(spec[0])
	if err != nil {
		panic(err)
	}
	incarnation, err := strconv.ParseUint(spec[2], 10, 64)
	if err != nil {
		panic(err)
	}
	peer := Peer{Name: "n9", Incarnation: 1, ID: failover.Identify("n9", 1), Addr: spec[3], Dial: true}
	var l *Links
	l, err = Listen(LinksConfig{
		Self: Peer{Name: spec[1], Incarnation: incarnation}, Credentials: c,
		Up: func(Peer) {
			m := failover.Message{Kind: failover.Mark}
			l.Send(peer.ID, &m)
			l.Flush()
		},
		Received:  func(failover.NodeID, Incoming) {},
		Telemetry: func(failover.NodeID, [][]byte) {},
		Down:      func(Peer) {},
	})
	if err != nil {
		panic(err)
	}
	l.Connect(peer)
	// The test's end closes stdin, so that no child outlives it.
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		cancel()
	}()
	if err := l.Run(ctx); err != nil {
		panic(err)
	}
	return true
}

// spawn starts a child of the given incarnation that calls p, and gives the means to kill it.
func spawn(t testing.TB, c *Credentials, p *process, name string, incarnation uint64) (id failover.NodeID, kill func()) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s,%s,%d,%s", childEnv, c.Dir, name, incarnation, p.Addr()))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	t.Cleanup(kill)
	return failover.Identify(name, incarnation), kill
}
