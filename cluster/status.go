package cluster

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
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
	links := n.links.Stats()
	s := telemetry.Status{
		Name: n.self.Name, ID: n.id, Incarnation: n.self.Incarnation, PID: os.Getpid(), Zone: n.self.Zone,
		Gossip: n.self.Gossip, HTTP: n.self.HTTP,
		BeatGap: float64(n.beats.Gap()) / float64(time.Millisecond), RSS: residentBytes(), CPU: n.gauge.cores(now),
		Ballast:    n.cfg.Ballast + n.strain.held.Load(),
		Goroutines: runtime.NumGoroutine(), Uptime: now.Sub(n.gauge.started).Seconds(), Draining: n.leaving,
		Scheduler: n.classes(),
		Messages:  links.MessagesOut, Bytes: links.BytesOut,
		Executed: n.count.executed.Load(), Takeovers: n.count.takeovers.Load(), Fenced: n.count.fenced.Load(),
		Repeated: n.count.repeated.Load(), Dropped: n.count.dropped.Load() + links.Dropped + n.in.gaveWay(),
		Faulted:   links.Faulted + n.beats.Stats().Faulted + n.work.faulted.Load() + n.gossip.mouth.faulted.Load(),
		Strangers: links.Strangers + n.beats.Stats().Strangers + n.gossip.strangers.Load(),
		Malformed: links.Malformed, Untold: links.TelemetryDropped,
	}
	if n.cfg.Around != nil {
		around := n.cfg.Around()
		s.Unstored, s.Refused = around.Unstored, around.Refused
		s.StoreAway = n.watchStore(now, around.StoreDown)
	}
	n.core.Streams(func(id work.StreamID, leads bool) {
		if leads {
			s.Leads = append(s.Leads, uint64(id))
		} else {
			s.Follows = append(s.Follows, uint64(id))
		}
	})
	s.Streams = n.promised(s.Leads)
	n.holdings(&s)
	n.tell(telemetry.News{Status: &s})
}

// classes says how the kernel schedules the threads that beat and those that compute: what is in force, not what was
// asked for.
func (n *Node) classes() string {
	beats, workers := "not yet", "not yet"
	if class, known := n.beats.Class(); known {
		beats = class.String()
	}
	if class := n.work.class.Load(); class != nil {
		workers = class.String()
	}
	return fmt.Sprintf("beats %s, workers %s", beats, workers)
}

// Surroundings are what stands around a node in its process, as far as its status tells of it.
type Surroundings struct {
	StoreDown bool   // the last word from the store was a failure
	Unstored  uint64 // results that were not written because too many waited
	Refused   uint64 // requests that the front door refused
}

// storeWatch is what a node knows of its store.
type storeWatch struct {
	away  bool
	since clock.Instant // when it was first seen to be away
}

// watchStore notes how the store is, says so where that is new, and answers for how long it has been away, in seconds.
func (n *Node) watchStore(now clock.Instant, away bool) float64 {
	w := &n.store
	lasted := now.Sub(w.since)
	if away != w.away {
		w.away, w.since = away, now
		text := "cannot reach the store: results wait, and streams keep the newest of each tile"
		level := slog.LevelWarn
		if !away {
			text, level = fmt.Sprintf("reaches the store again, after %v", lasted.Round(100*time.Millisecond)), slog.LevelInfo
		}
		n.cfg.Log.Log(context.Background(), level, text)
		n.tell(telemetry.News{Event: &telemetry.Event{
			Trace: failover.Trace{At: now, Node: n.self.Name, Verb: failover.Effect{Kind: failover.Keep}.Verb()}, Text: text,
		}})
		lasted = 0
	}
	if !away {
		return 0
	}
	return max(lasted, time.Millisecond).Seconds()
}

// leads notes what a stream promises that this node leads now, leadsNoMore forgets it.
func (n *Node) leads(s *work.Stream) {
	n.leadsNoMore(s.ID)
	n.led = append(n.led, telemetry.StreamOf(s))
}

func (n *Node) leadsNoMore(id work.StreamID) {
	n.led = slices.DeleteFunc(n.led, func(s telemetry.Stream) bool { return s.ID == uint64(id) })
}

// promised lists what streams promise, at most telemetry.MaxStreams of them, those without end first.
func (n *Node) promised(ids []uint64) (list []telemetry.Stream) {
	for _, endless := range []bool{true, false} {
		for _, s := range n.led {
			if (s.Frames == 0) == endless && slices.Contains(ids, s.ID) && len(list) < telemetry.MaxStreams {
				list = append(list, s)
			}
		}
	}
	return list
}

// tileOf is a tile of a stream.
type tileOf struct {
	stream work.StreamID
	tile   uint32
}

// holdings counts the tiles of the streams that this node owned or stood by for of late; probes do not count.
func (n *Node) holdings(s *telemetry.Status) {
	var owned, standing []tileOf
	first := ^work.StreamID(0)
	n.core.Holdings(func(id work.TaskID, function string, owner bool) {
		if quick, ok := n.function(function).(work.Quick); ok && quick.Quick() || function == "" {
			return
		}
		first = min(first, id.Stream)
		if owner {
			owned = append(owned, tileOf{id.Stream, id.Tile})
		} else {
			standing = append(standing, tileOf{id.Stream, id.Tile})
		}
	})
	owned, standing = distinct(owned), distinct(standing)
	s.Owns, s.StandsBy = len(owned), len(standing)
	for _, t := range standing {
		if t.stream == first {
			s.OwnedOf, s.CopiedTiles = uint64(first), append(s.CopiedTiles, t.tile)
		}
	}
	for _, t := range owned {
		if t.stream == first {
			s.OwnedOf, s.OwnedTiles = uint64(first), append(s.OwnedTiles, t.tile)
		}
	}
}

func distinct(tiles []tileOf) []tileOf {
	slices.SortFunc(tiles, func(a, b tileOf) int { return cmp.Or(cmp.Compare(a.stream, b.stream), cmp.Compare(a.tile, b.tile)) })
	return slices.Compact(tiles)
}

// unknownName stands for a process that gossip no longer knows.
func unknownName(id failover.NodeID) string { return fmt.Sprintf("?%08x", uint32(id)) }
