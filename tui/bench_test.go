package tui

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"fracture/clock"
	"fracture/render"
)

// BenchmarkFrame_everyTileChanges is a frame of the lab at full load: all 24 tiles are new, and so is the content.
func BenchmarkFrame_everyTileChanges(b *testing.B) {
	for _, size := range [][2]int{{120, 36}, {200, 60}} {
		for _, depth := range []render.Depth{render.TrueColor, render.Colors256, render.ASCII} {
			b.Run(fmt.Sprintf("%dx%d/%v", size[0], size[1], depth), func(b *testing.B) {
				s := newStage(b, size[0], size[1], Options{Depth: depth})
				s.fake.params = journey(150, 128, 2)
				s.play(time.Second / 2)
				var batches [2]News
				for i := range batches {
					s.fake.ahead += 10
					batches[i] = s.fake.Collect(s.state.now.Add(time.Duration(i+1) * fakePeriod))
				}
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					s.Update(frame{batches[i%2]})
					s.View()
				}
				b.ReportMetric(float64(len(s.content)), "bytes/frame")
			})
		}
	}
}

// BenchmarkFrame_idle is a frame in which nothing happened.
func BenchmarkFrame_idle(b *testing.B) {
	s := newStage(b, 200, 60, Options{Depth: render.TrueColor})
	s.play(time.Second / 2)
	n := News{Now: s.state.now}
	b.ReportAllocs()
	for b.Loop() {
		s.Update(frame{n})
		s.View()
	}
}

// BenchmarkFrame_ofManyNodes is a frame in which all of a hundred nodes have told of themselves, with a log that is full.
func BenchmarkFrame_ofManyNodes(b *testing.B) {
	for _, nodes := range []int{5, 100} {
		b.Run(fmt.Sprintf("%d", nodes), func(b *testing.B) {
			s := newStage(b, 200, 60, Options{Depth: render.TrueColor})
			s.fake = newFake(nodes)
			s.play(time.Second / 2)
			if nodes > 5 {
				for i := range 10_000 {
					s.fake.say(s.state.now.Add(time.Duration(i)*time.Second), "n1", "lead", fmt.Sprintf("leads stream %x", i))
				}
				s.play(time.Second / 2)
			}
			s.fake.told = 0
			n := s.fake.Collect(s.state.now.Add(fakePeriod))
			n.Tiles = nil
			b.ReportAllocs()
			for b.Loop() {
				s.Update(frame{n})
				s.View()
			}
		})
	}
}

// BenchmarkKey is from a key to the content that shows what it did: the next node is picked, owners are shown and no longer.
func BenchmarkKey(b *testing.B) {
	for _, keys := range [][]string{{"2", "1"}, {"o", "o"}, {"v", "v"}, {"?", "?"}} {
		b.Run(keys[0], func(b *testing.B) {
			s := newStage(b, 200, 60, Options{Depth: render.TrueColor})
			s.fake.params = journey(150, 128, 2)
			s.play(time.Second / 2)
			for i := 0; b.Loop(); i++ {
				s.model.press(keys[i%2])
				s.View()
			}
		})
	}
}

// BenchmarkTerminal_aTile is what a terminal is sent for a frame in which some of 24 tiles are new: bytes, and the time from the news to
// the last of them.
func BenchmarkTerminal_aTile(b *testing.B) {
	for _, tiles := range []int{1, 4, 12} {
		b.Run(fmt.Sprintf("%d", tiles), func(b *testing.B) {
			var written atomic.Int64
			s := newStage(b, 200, 60, Options{Depth: render.TrueColor})
			s.fake.params = journey(150, 128, 2)
			out := counter{&written}
			p := tea.NewProgram(s.model, tea.WithInput(nil), tea.WithOutput(out), tea.WithWindowSize(200, 60),
				tea.WithColorProfile(colorprofile.TrueColor), tea.WithFPS(60), tea.WithoutSignalHandler())
			ended := make(chan error, 1)
			go func() { _, err := p.Run(); ended <- err }()
			var batches [32]News
			at := fakeStart
			for i := range batches {
				at = at.Add(fakePeriod)
				batches[i] = s.fake.Collect(at)
				batches[i].Tiles = batches[i].Tiles[12:min(12+tiles, len(batches[i].Tiles))]
			}
			for i := 0; b.Loop(); i++ {
				before, from := written.Load(), clock.Now()
				p.Send(frame{batches[i%len(batches)]})
				for written.Load() == before && clock.Now().Sub(from) < 100*time.Millisecond { // a tile may be as it was
					runtime.Gosched()
				}
			}
			b.ReportMetric(float64(written.Load())/float64(b.N), "bytes/frame")
			p.Quit()
			if err := <-ended; err != nil {
				b.Fatal(err)
			}
		})
	}
}

// counter counts what is written.
type counter struct{ n *atomic.Int64 }

// Write implements io.Writer.
func (c counter) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return len(b), nil
}
