package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"

	"fracture/clock"
	"fracture/cluster"
	"fracture/cluster/failover"
	"fracture/cluster/wire"
	"fracture/work"
	"fracture/work/fractal"
)

// The picture moves while nodes die, on real processes.

// onlookerOf is a sink of the test's own, which may change what the picture shows.
type onlookerOf struct {
	client *cluster.Client

	mu      sync.Mutex // guards what follows
	answers []failover.Message
	came    map[work.TaskID]int
	tiles   map[work.TaskID]fractal.Tile
	of      map[work.TaskID]work.Revision
	newest  uint64
}

// look joins the house's only lab as a sink that watches the picture, until the test ends.
func (h *house) look() *onlookerOf {
	h.t.Helper()
	dirs := h.dirs()
	if len(dirs) != 1 {
		h.t.Fatalf("there are the clusters %v, want one", dirs)
	}
	creds, err := wire.Load(dirs[0])
	if err != nil {
		h.t.Fatal(err)
	}
	join, err := readJoin(dirs[0])
	if err != nil {
		h.t.Fatal(err)
	}
	o := &onlookerOf{came: map[work.TaskID]int{}, tiles: map[work.TaskID]fractal.Tile{}, of: map[work.TaskID]work.Revision{}}
	o.client, err = cluster.NewClient(cluster.ClientConfig{
		Name: "onlooker", Credentials: creds, Join: join, Log: slog.New(slog.DiscardHandler), Deliver: o.deliver, Answer: o.answer,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	o.client.Watch(pictureStream)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- o.client.Run(ctx) }()
	h.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Errorf("the onlooker: %v", err)
		}
	})
	return o
}

func (o *onlookerOf) deliver(m *failover.Message, _ clock.Instant) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.came[m.Task]++
	o.of[m.Task] = m.Revision
	o.newest = max(o.newest, m.Task.Frame)
	if tile, err := fractal.DecodeTile(m.Payload); err == nil && !m.Failed {
		o.tiles[m.Task] = tile
	}
}

func (o *onlookerOf) answer(m *failover.Message) {
	if m.Kind != failover.Revised {
		return
	}
	told := *m
	spec := *m.Stream
	told.Stream = &spec
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answers = append(o.answers, told)
}

// answered is the answer to some params, and whether it has come.
func (o *onlookerOf) answered(params []byte) (failover.Message, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range o.answers {
		if m.Reason == 0 && (params == nil || bytes.Equal(m.Stream.Params, params)) {
			return m, true
		}
	}
	return failover.Message{}, false
}

// said is what it has to tell where something does not come.
func (o *onlookerOf) said() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return fmt.Sprintf("%d results up to frame %d; answers %+v", len(o.came), o.newest, o.answers)
}

func (o *onlookerOf) frame() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.newest
}

func TestE2E_aViewSurvivesTheDeathOfTheSplitterInTheSameInstant(t *testing.T) {
	h := newHouse(t)
	lab := h.startLab(5)
	o := h.look()
	o.client.Told(pictureStream)
	await(t, "what the picture shows", func() bool { _, ok := o.answered(nil); return ok && o.frame() > 0 }, o.said)
	first := o.frame() + 10 // the onlooker's links stand by then
	await(t, "ten frames", func() bool { return o.frame() >= first }, o.said)
	began, _ := o.answered(nil)
	p, err := fractal.DecodeParams(began.Stream.Params)
	if err != nil {
		t.Fatal(err)
	}
	p.Journey = fractal.Journey{}
	for round := range 3 {
		leader, runs := h.pictureLeader()
		pid := h.nodes(lab)[leader]
		if !runs || pid == 0 {
			t.Fatalf("the picture is led by %q, process %d, want a node of the lab", leader, pid)
		}
		p.View.Left += 0.25
		p.View.Right += 0.25
		want := p.Append(nil)
		o.client.Revise(&work.Stream{ID: pictureStream, Params: want})
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		await(t, fmt.Sprintf("the answer to view %d", round), func() bool { _, ok := o.answered(want); return ok }, o.said)
		answer, _ := o.answered(want)
		last := max(answer.Task.Frame, o.frame()) + 15
		await(t, "frames of the new view, whole", func() bool { return o.frame() >= last+5 && o.whole(first, last, answer.Stream.Tiles) }, o.said)
		o.wantWhole(t, first, last, answer, p.View)
	}
	lab.endBy(syscall.SIGINT)
	h.wantNothingLeft()
}

// whole reports whether every tile of the frames from first to last has come.
func (o *onlookerOf) whole(first, last uint64, tiles uint32) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for frame := first; frame <= last; frame++ {
		for tile := range tiles {
			if o.came[work.TaskID{Stream: pictureStream, Frame: frame, Tile: tile}] == 0 {
				return false
			}
		}
	}
	return true
}

// wantWhole checks that every tile of the frames from first to last came once, and those from an answer on of its view.
func (o *onlookerOf) wantWhole(t *testing.T, first, last uint64, answer failover.Message, view fractal.View) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for frame := first; frame <= last; frame++ {
		for tile := range answer.Stream.Tiles {
			id := work.TaskID{Stream: pictureStream, Frame: frame, Tile: tile}
			if o.came[id] != 1 {
				t.Fatalf("%v came %d times, want once", id, o.came[id])
			}
			if frame >= answer.Task.Frame && (o.of[id] != answer.Stream.Revision || o.tiles[id].View != view) {
				t.Fatalf("%v is of revision %x and shows %+v, want %x and %+v from frame %d on",
					id, o.of[id], o.tiles[id].View, answer.Stream.Revision, view, answer.Task.Frame)
			}
		}
	}
}

// The same by keys: the screen says where it is when the splitter is dead.
func TestE2E_theScreenGoesOnWhereItWasTold(t *testing.T) {
	h := newHouse(t)
	s := h.openTerminal()
	s.labIn()
	s.await(`\d wide`)
	leader, runs := h.pictureLeader()
	if !runs {
		t.Fatal("nobody leads the picture")
	}
	s.press(strings.TrimPrefix(leader, "n"))
	s.press("g")
	s.await(`go to: _`)
	s.press("-l", "--", "-0.75,0.1,0.5")
	s.await(`go to: -0\.75,0\.1,0\.5_`)
	s.press("Enter", "x")
	s.await(`at -0\.7500,0\.1000, 0\.5 wide`, leader+` +dead`)
	s.awaitFrames(30)
	s.await(`at -0\.7500,0\.1000, 0\.5 wide`)
	s.press("Right", "+")
	s.await(`at -0\.6[89]\d\d,0\.1000, 0\.4 wide`)
	s.press("j")
	s.await(`julia at `)
	s.press("j")
	s.await(`at -0\.6[89]\d\d,0\.1000, 0\.4 wide`)
	s.press("0")
	s.awaitFrames(10)
	s.quit()
	h.wantNothingLeft()
}
