package tui

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"fracture/clock"
)

// gauge measures how long writes to the terminal take: one that reads slowly holds up whoever writes. The zero value is ready.
type gauge struct{ spent atomic.Int64 } // in writes, ns

// write is the write of a writer, measured.
func (g *gauge) write(b []byte, write func([]byte) (int, error)) (int, error) {
	from := clock.Now()
	n, err := write(b)
	g.spent.Add(int64(clock.Now().Sub(from)))
	return n, err
}

// take is how long writes have taken since the last call.
func (g *gauge) take() time.Duration { return time.Duration(g.spent.Swap(0)) }

// gauged is a terminal whose writes are measured.
type gauged struct {
	*os.File
	gauge *gauge
}

// Write implements io.Writer.
func (f gauged) Write(b []byte) (int, error) { return f.gauge.write(b, f.File.Write) }

// WriteString implements io.StringWriter.
func (f gauged) WriteString(s string) (int, error) { return f.Write([]byte(s)) }

// over measures the writes to what the screen is drawn on.
func (g *gauge) over(out io.Writer) io.Writer {
	if f, ok := out.(*os.File); ok {
		return gauged{f, g}
	}
	return out // no terminal, and nothing to hold up
}

// Bounds of the governor.
const (
	governSpan   = time.Second     // what is looked at
	governMost   = 0.25            // share of it that writes may take
	governLittle = 0.08            // share of it below which there is room for more
	governRest   = 5 * time.Second // of little, before more is tried; each try that fails doubles it
	governPause  = time.Minute     // at most
)

// step is how much of the picture a terminal is sent.
type step struct {
	fps    int // 0: as many as are asked for
	colors fidelity
}

// fidelity is how many of its colours the picture keeps.
type fidelity uint8

const (
	allColors fidelity = iota
	fewColors          // 4 bits a channel
	indexed            // those of xterm's 256
)

// steps are what the governor goes through, as the link gets slower: first fewer pictures, then fewer colours.
var steps = []step{{}, {fps: 15}, {fps: 8}, {fps: 4}, {4, fewColors}, {4, indexed}}

// governor chooses how much of the picture is drawn, by how long writes take. It is told the time. The zero value holds nothing back.
type governor struct {
	step   int
	since  clock.Instant // begin of the span
	spent  time.Duration // in writes, since then
	little clock.Instant // since when there has been room; 0: there is none
	tried  clock.Instant // when more was tried last
	rest   time.Duration // of little, before it is tried again; 0: as at first
	drawn  clock.Instant // when the last picture was
}

// look takes in how long writes have taken since the last look, and reports whether it has chosen otherwise.
func (g *governor) look(now clock.Instant, spent time.Duration, asked int) (changed bool) {
	g.spent += spent
	if g.since == 0 {
		g.since = now
	}
	span := now.Sub(g.since)
	if span < governSpan {
		return false
	}
	share := float64(g.spent) / float64(span)
	g.since, g.spent = now, 0
	switch {
	case share > governMost:
		g.little = 0
		if g.tried != 0 && now.Sub(g.tried) <= governRest {
			g.rest = min(2*g.patience(), governPause)
		}
		return g.to(g.next(+1, asked))
	case share > governLittle || g.step == 0:
		g.little = 0
	case g.little == 0:
		g.little = now
	case now.Sub(g.little) >= g.patience():
		g.little, g.tried = 0, now
		return g.to(g.next(-1, asked))
	}
	return false
}

// patience is how long there must have been room before more is tried.
func (g *governor) patience() time.Duration { return max(g.rest, governRest) }

// next is the step after the one in force, in a direction, that is not as quick as what is asked for, or quicker.
func (g *governor) next(way, asked int) int {
	at := g.step + way
	for at > 0 && at < len(steps) && steps[at].fps >= asked && steps[at].colors == allColors {
		at += way
	}
	return min(max(at, 0), len(steps)-1)
}

func (g *governor) to(step int) bool {
	changed := step != g.step
	g.step = step
	return changed
}

// due reports whether a picture may be drawn now.
func (g *governor) due(now clock.Instant) bool {
	if fps := steps[g.step].fps; fps > 0 && now.Sub(g.drawn) < time.Second/time.Duration(fps) {
		return false
	}
	g.drawn = now
	return true
}

// String says what is held back; empty where nothing is.
func (g *governor) String() string {
	s := steps[g.step]
	text := fmt.Sprintf("link-limited: %d fps", s.fps)
	switch {
	case g.step == 0:
		return ""
	case s.colors == fewColors:
		return text + ", few colours"
	case s.colors == indexed:
		return text + ", 256 colours"
	}
	return text
}

// govern has the picture drawn when it is due, and less of it where writing it takes too long.
func (m *model) govern(now clock.Instant) {
	if m.gauge != nil && m.governor.look(now, m.gauge.take(), m.state.opts.FPS) {
		m.canvas.limit(steps[m.governor.step].colors)
		m.state.limited = m.governor.String()
		m.refresh(panePicture)
		m.soil(paneHeader)
	}
	if m.undrawn && m.governor.due(now) {
		m.undrawn = false
		m.drawn++
		m.refresh(panePicture)
	}
}
