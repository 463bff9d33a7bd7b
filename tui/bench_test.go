package tui

import (
	"fmt"
	"testing"
	"time"

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
