package tui

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"fracture/render"
)

// zero and seven are the middle rows of the digits.
const zero, seven = "█ █ ", "  █ "

func TestTotals_areLargeWhereThereIsRoom(t *testing.T) {
	for _, c := range []struct {
		size   [2]int
		failed bool
		large  bool
	}{
		{[2]int{160, 45}, false, true}, {[2]int{120, 36}, false, true}, {[2]int{110, 30}, false, true},
		{[2]int{160, 45}, true, true}, {[2]int{120, 36}, true, true}, {[2]int{110, 30}, true, false},
		{[2]int{80, 24}, true, false}, {[2]int{60, 18}, true, false},
	} {
		s := newStage(t, c.size[0], c.size[1], Options{Depth: render.TrueColor})
		s.play(time.Second)
		if c.failed {
			s.press("3", "x")
			s.play(time.Second)
		}
		if got := strings.Contains(s.text(), zero+"lost   "+zero+"duplicates"); got != c.large {
			t.Errorf("%v, failed %v: nothing lost is written large: %v, want %v:\n%s", c.size, c.failed, got, c.large, s.text())
		}
		s.Update(frame{News{Now: s.state.now, Totals: &Totals{Lost: 7, Duplicates: 7}}})
		if got := strings.Contains(s.text(), seven+"lost   "+seven+"duplicates"); got != c.large {
			t.Errorf("%v, failed %v: what is lost is written large: %v, want %v:\n%s", c.size, c.failed, got, c.large, s.text())
		}
	}
}

func TestTotals_areGreenUntilTheyAreNotNought(t *testing.T) {
	look := newTheme(render.TrueColor, false)
	s := &state{totals: &Totals{}}
	for _, row := range bigTotals(s, look, 64) {
		if strings.Contains(row, look.sgr[danger]) || !strings.Contains(row, look.sgr[good]) {
			t.Errorf("of nothing lost a row is %q, want it green", row)
		}
	}
	s.totals = &Totals{Lost: 1, Duplicates: 2, NeedlessPerMinute: 3}
	for _, row := range bigTotals(s, look, 64) {
		if !strings.Contains(row, look.sgr[danger]) || strings.Contains(row, look.sgr[good]) {
			t.Errorf("of something lost a row is %q, want it red", row)
		}
	}
}

func TestTotals_fillTheirWidthWhateverTheNumbers(t *testing.T) {
	for _, ascii := range []bool{false, true} {
		look := newTheme(render.ASCII, ascii)
		for _, n := range []uint64{0, 9, 1234567, math.MaxUint64} {
			s := &state{totals: &Totals{Lost: n, Duplicates: n, Unmeasured: n / 2, NeedlessPerMinute: float64(n)}}
			for w := bigWidth; w < 160; w += 7 {
				rows := bigTotals(s, look, w)
				if len(rows) != 1 && len(rows) != 3 {
					t.Fatalf("%d rows, want one or three", len(rows))
				}
				for _, row := range rows {
					if got := utf8.RuneCountInString(plainText(row)); got != w {
						t.Errorf("%d, ascii %v: a row has %d cells, want %d: %q", n, ascii, got, w, plainText(row))
					}
				}
			}
		}
	}
}
