package tui

import (
	"bytes"
	"regexp"
	"strconv"
	"testing"
	"time"

	uv "github.com/charmbracelet/ultraviolet"

	"fracture/render"
)

// region is the escape code that says which rows scroll, from 1.
var region = regexp.MustCompile(`\x1b\[(\d+);(\d+)r`)

// TestScreen_neverScrollsThePicture draws as Bubble Tea does: what it writes may scroll rows of panels, and none of the picture.
func TestScreen_neverScrollsThePicture(t *testing.T) {
	for _, size := range [][2]int{{160, 45}, {120, 36}, {80, 24}, {60, 18}} {
		w, h := size[0], size[1]
		s := newStage(t, w, h, Options{Depth: render.TrueColor})
		s.play(time.Second)
		var out bytes.Buffer
		terminal := uv.NewTerminalRenderer(&out, []string{"TERM=xterm-256color"})
		terminal.SetScrollOptim(true)
		terminal.SetFullscreen(true)
		terminal.Resize(w, h)
		b := uv.NewScreenBuffer(w, h)
		show := func() {
			t.Helper()
			b.Clear()
			uv.NewStyledString(s.View().Content).Draw(b, b.Bounds())
			terminal.Render(b.RenderBuffer)
			if err := terminal.Flush(); err != nil {
				t.Fatal(err)
			}
			a := s.lay.picture
			for _, m := range region.FindAllStringSubmatch(out.String(), -1) {
				top, _ := strconv.Atoi(m[1])
				bottom, _ := strconv.Atoi(m[2])
				if whole := top == 1 && bottom == h; !whole && top <= a.y+a.h && bottom > a.y {
					t.Errorf("at %v rows %d to %d scroll, and the picture is in rows %d to %d", size, top, bottom, a.y+1, a.y+a.h)
				}
			}
			out.Reset()
		}
		show()
		s.press("3", "x")
		for range 90 { // the log grows, the last incident changes its words, the picture stays for some of it
			s.play(fakePeriod)
			show()
		}
		s.press("2", "p")
		for range 90 {
			s.play(fakePeriod)
			show()
		}
	}
}
