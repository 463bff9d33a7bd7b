package cluster

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/telemetry"
	"fracture/work"
)

// gauge reads what the kernel knows of this process.
type gauge struct {
	started clock.Instant
	read    clock.Instant
	cpu     time.Duration
}

func (g *gauge) begin() {
	g.started = clock.Now()
	g.read, g.cpu = g.started, cpuTime()
}

// cores is how many cores the process used since the last call.
func (g *gauge) cores(now clock.Instant) float64 {
	cpu := cpuTime()
	used, passed := cpu-g.cpu, now.Sub(g.read)
	g.cpu, g.read = cpu, now
	if passed <= 0 {
		return 0
	}
	return float64(used) / float64(passed)
}

// cpuTime is the processor time of this process so far.
func cpuTime() time.Duration {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// residentBytes is the memory of this process that the kernel will have to free when it dies.
func residentBytes() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// report tells the sinks how this node is.
func (n *Node) report(now clock.Instant) {
	s := telemetry.Status{
		Name: n.self.Name, ID: n.id, Incarnation: n.self.Incarnation, PID: os.Getpid(), Zone: n.self.Zone,
		Gossip: n.self.Gossip, HTTP: n.self.HTTP,
		BeatGap: float64(n.beats.Gap()) / float64(time.Millisecond), RSS: residentBytes(), CPU: n.gauge.cores(now),
		Goroutines: runtime.NumGoroutine(), Uptime: now.Sub(n.gauge.started).Seconds(),
		Scheduler: fmt.Sprintf("other nice %d", workerNice),
		Executed:  n.count.executed.Load(), Takeovers: n.count.takeovers.Load(), Fenced: n.count.fenced.Load(),
		Repeated: n.count.repeated.Load(), Dropped: n.count.dropped.Load() + n.links.Stats().Dropped,
		Strangers: n.links.Stats().Strangers + n.beats.Stats().Strangers + n.gossip.strangers.Load(),
	}
	n.core.Streams(func(id work.StreamID, leads bool) {
		if leads {
			s.Leads = append(s.Leads, uint64(id))
		} else {
			s.Follows = append(s.Follows, uint64(id))
		}
	})
	n.holdings(&s)
	n.tell(telemetry.News{Status: &s})
}

// holdings counts the tiles of the stream that this node owned or stood by for of late; probes do not count.
func (n *Node) holdings(s *telemetry.Status) {
	var standing []uint32
	n.core.Holdings(func(id work.TaskID, function string, owner bool) {
		if quick, ok := n.function(function).(work.Quick); ok && quick.Quick() || function == "" {
			return
		}
		if owner {
			s.OwnedTiles = append(s.OwnedTiles, id.Tile)
		} else {
			standing = append(standing, id.Tile)
		}
	})
	s.OwnedTiles = distinct(s.OwnedTiles)
	s.Owns, s.StandsBy = len(s.OwnedTiles), len(distinct(standing))
}

func distinct(tiles []uint32) []uint32 {
	slices.Sort(tiles)
	return slices.Compact(tiles)
}

// unknownName stands for a process that gossip no longer knows.
func unknownName(id failover.NodeID) string { return fmt.Sprintf("?%08x", uint32(id)) }
