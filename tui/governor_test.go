package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/creack/pty"

	"fracture/clock"
	"fracture/render"
	"fracture/telemetry"
)

// governed lets a time pass in which writes take a share of it, and answers with what the governor says each time it chooses otherwise.
func governed(g *governor, now *clock.Instant, d time.Duration, asked int, share float64) (said []string) {
	const every = 20 * time.Millisecond
	for end := now.Add(d); *now < end; *now = now.Add(every) {
		if g.look(*now, time.Duration(share*float64(every)), asked) {
			said = append(said, g.String())
		}
	}
	return said
}

func TestGovernor_givesUpPicturesThenColoursAndTakesThemBackSlowly(t *testing.T) {
	var g governor
	now := fakeStart
	if said := governed(&g, &now, 10*time.Second, 30, 0.2); said != nil || g.String() != "" {
		t.Errorf("at a fifth of the time it says %q, want nothing", said)
	}
	down := governed(&g, &now, 20*time.Second, 30, 0.6)
	want := []string{"link-limited: 15 fps", "link-limited: 8 fps", "link-limited: 4 fps", "link-limited: 4 fps, few colours", "link-limited: 4 fps, 256 colours"}
	if strings.Join(down, "|") != strings.Join(want, "|") {
		t.Errorf("where writes take too long it says\n%q\nwant\n%q", down, want)
	}
	if said := governed(&g, &now, time.Minute, 30, 0.15); said != nil {
		t.Errorf("between the two bounds it says %q, want nothing", said)
	}
	from := now
	up := governed(&g, &now, 2*governRest, 30, 0.01)
	if len(up) != 1 || up[0] != want[3] {
		t.Errorf("%v after there was room it says %q, want one step back", now.Sub(from), up)
	}
	if governed(&g, &now, time.Minute, 30, 0.01); g.String() != "" {
		t.Errorf("a minute later it says %q, want nothing", g.String())
	}
}

func TestGovernor_triesLessOftenWhatFails(t *testing.T) {
	var g governor
	now := fakeStart
	governed(&g, &now, 3*time.Second, 30, 0.6)
	tries := 0
	for end := now.Add(5 * time.Minute); now < end; {
		if len(governed(&g, &now, time.Second, 30, 0.01)) == 0 {
			continue
		}
		tries++
		governed(&g, &now, 3*time.Second, 30, 0.6) // too much at once
	}
	if tries < 3 || tries > 12 {
		t.Errorf("in five minutes it tried %d times, want a few", tries)
	}
}

func TestGovernor_isNeverQuickerThanAsked(t *testing.T) {
	for asked, want := range map[int]string{60: "link-limited: 15 fps", 30: "link-limited: 15 fps", 15: "link-limited: 8 fps", 8: "link-limited: 4 fps", 2: "link-limited: 4 fps, few colours"} {
		var g governor
		now := fakeStart
		if said := governed(&g, &now, 2*time.Second, asked, 0.6); len(said) == 0 || said[0] != want {
			t.Errorf("asked for %d fps it says first %q, want %q", asked, said, want)
		}
	}
	var g governor
	drawn := 0
	for at := fakeStart; at < fakeStart.Add(time.Second); at = at.Add(time.Millisecond) {
		g.step = 2
		if g.due(at) {
			drawn++
		}
	}
	if drawn != steps[2].fps {
		t.Errorf("%d pictures in a second, want %d", drawn, steps[2].fps)
	}
}

func TestScreen_drawsFewerPicturesOfFewerColoursWhereTheLinkIsSlow(t *testing.T) {
	s := newStage(t, 160, 45, Options{Depth: render.TrueColor})
	s.gauge = &gauge{}
	s.play(0)
	second := func() (pictures, bytes int) {
		for range 30 {
			before := strings.Join(s.rows[panePicture], "")
			s.gauge.spent.Add(int64(fakePeriod) / 2)
			s.Update(frame{s.fake.Collect(s.state.now.Add(fakePeriod))})
			s.View()
			if now := strings.Join(s.rows[panePicture], ""); now != before {
				pictures, bytes = pictures+1, bytes+len(now)
			}
		}
		return pictures, bytes
	}
	first, full := second()
	for range 12 {
		second()
	}
	last, few := second()
	if first < 25 || last > 5 || last == 0 {
		t.Errorf("%d pictures in the first second and %d in a later one, want all and then 4", first, last)
	}
	if full/first < 2*few/last {
		t.Errorf("a picture takes %d bytes first and %d later, want less than half", full/first, few/last)
	}
	if text := s.text(); !strings.Contains(text, "link-limited: 4 fps, 256 colours") {
		t.Errorf("the header does not say what is held back:\n%s", strings.SplitN(text, "\n", 2)[0])
	}
}

func TestRun_aSlowTerminalIsToldLess(t *testing.T) {
	user, program, err := pty.Open()
	must(t, err)
	must(t, pty.Setsize(user, &pty.Winsize{Rows: 45, Cols: 160}))
	ctx, cancel := context.WithCancel(t.Context())
	var limited atomic.Bool
	read := make(chan struct{})
	go func() { // some 200 KB/s
		defer close(read)
		var text strings.Builder
		buf, tick := make([]byte, 4096), time.NewTicker(20*time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			n, err := user.Read(buf)
			if err != nil {
				return
			}
			text.Write(buf[:n])
			if strings.Contains(text.String(), "link-limited") {
				limited.Store(true)
				cancel()
			}
			if ctx.Err() != nil {
				tick.Reset(time.Millisecond)
			}
		}
	}()
	stop := time.AfterFunc(30*time.Second, cancel)
	defer stop.Stop()
	opts := Options{Depth: render.TrueColor, In: program, Out: program, Period: fakePeriod}
	if err := Run(ctx, opts, newFake(5), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v, want %v", err, context.Canceled)
	}
	must(t, program.Close())
	<-read
	must(t, user.Close())
	if !limited.Load() {
		t.Error("the screen never said that the link is what limits it")
	}
}

func TestRun_aTerminalThatTakesNothingHoldsNobodyUp(t *testing.T) {
	user, program, err := pty.Open()
	must(t, err)
	must(t, pty.Setsize(user, &pty.Winsize{Rows: 45, Cols: 160}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var feed Broker
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{Depth: render.TrueColor, In: program, Out: program, Period: fakePeriod}, &feed, nil)
	}()
	f := newFake(5)
	for i := range 3000 { // many times what a terminal takes unread
		n := f.Collect(clock.Now())
		for _, tile := range n.Tiles {
			tile.Frame = uint64(i)
			feed.Tile(tile)
		}
		feed.Event(telemetry.Event{Text: fmt.Sprintf("n1: line %d", i)})
	}
	if n := feed.Collect(clock.Now()); len(n.Tiles) > MaxTiles || len(n.Events) > maxLog {
		t.Errorf("%d tiles and %d events wait for the screen, want no more than the bounds", len(n.Tiles), len(n.Events))
	}
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v, want %v", err, context.Canceled)
		}
	case <-time.After(20 * time.Second):
		t.Error("the screen does not end where its terminal takes nothing")
	}
	must(t, user.Close())
	must(t, program.Close())
}
