package tui

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"fracture/render"
)

// newTheme is the theme of those who choose none.
func newTheme(depth render.Depth, ascii bool) *theme {
	return dress(darkLooks(), darkTints(), depth, ascii)
}

func TestTheme_changesNoText(t *testing.T) {
	for _, size := range layouts() {
		s := newStage(t, size[0], size[1], Options{Depth: render.TrueColor})
		s.story()
		want := s.sketch()
		for _, name := range ThemeNames {
			for _, depth := range []render.Depth{render.TrueColor, render.Colors256, render.Colors16} {
				look, err := themeOf(name, depth, false)
				if err != nil {
					t.Fatal(err)
				}
				s.look, s.canvas.look, s.canvas.depth = look, look, depth
				s.arrange(size[0], size[1])
				checkSize(t, name, s.View().Content, size[0], size[1])
				if got := s.sketch(); got != want {
					t.Errorf("%v: by %s the screen is\n%s\nwant\n%s", size, name, got, want)
				}
			}
		}
	}
}

func TestTheme_isRefusedWhereNoneIsCalledSo(t *testing.T) {
	if err := CheckTheme("mauve"); !errors.Is(err, ErrUnknownTheme) || !strings.Contains(err.Error(), "colour-blind") {
		t.Errorf("CheckTheme = %v, want that it is unknown, and which there are", err)
	}
	for _, name := range ThemeNames {
		if err := CheckTheme(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := newModel(Options{Theme: "mauve"}.withDefaults()); !errors.Is(err, ErrUnknownTheme) {
		t.Errorf("newModel = %v, want %v", err, ErrUnknownTheme)
	}
}

func TestTheme_ofHighContrastHasTheTerminalsColoursAlone(t *testing.T) {
	s := newStage(t, 120, 36, Options{Depth: render.TrueColor, Theme: "high-contrast"})
	s.story()
	for p := range panes {
		if p == panePicture {
			continue
		}
		for _, row := range s.rows[p] {
			for _, code := range []string{"38;", "48;", "\x1b[3", "\x1b[9"} {
				if strings.Contains(row, code) {
					t.Errorf("a row holds the colour %q: %q", code, row)
				}
			}
		}
	}
}

// linear is the light of each of a colour's channels, 0 to 1.
func linear(c render.RGB) [3]float64 {
	var out [3]float64
	for i, v := range []uint8{c.R, c.G, c.B} {
		x := float64(v) / 255
		if out[i] = x / 12.92; x > 0.04045 {
			out[i] = math.Pow((x+0.055)/1.055, 2.4)
		}
	}
	return out
}

// contrast is that of WCAG 2: 1 of equal colours, 21 of black on white.
func contrast(a, b render.RGB) float64 {
	luminance := func(c render.RGB) float64 {
		l := linear(c)
		return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2]
	}
	high, low := luminance(a), luminance(b)
	if high < low {
		high, low = low, high
	}
	return (high + 0.05) / (low + 0.05)
}

func TestTheme_isReadOnTheGroundThatItIsFor(t *testing.T) {
	for _, c := range []struct {
		name   string
		looks  [styles]look
		ground render.RGB
	}{{"dark", darkLooks(), rgb(0)}, {"light", lightLooks(), rgb(0xffffff)}, {"colour-blind", safeLooks(), rgb(0)}} {
		for s, l := range c.looks {
			if l.x16 == 0 {
				continue // the terminal's own
			}
			if got := contrast(l.rgb, c.ground); got < 4.5 {
				t.Errorf("%s: style %d has a contrast of %.2f, want 4.5", c.name, s, got)
			}
		}
	}
}

// seen is a colour as somebody sees it whose eye lacks a kind of cones, by the matrices of Machado, Oliveira and Fernandes (2009).
func seen(c render.RGB, eye [9]float64) (out [3]float64) {
	l := linear(c)
	for i := range out {
		out[i] = eye[3*i]*l[0] + eye[3*i+1]*l[1] + eye[3*i+2]*l[2]
	}
	return out
}

func TestTheme_ofTheColourBlindTellsItsMoodsApart(t *testing.T) {
	looks := safeLooks()
	for name, eye := range map[string][9]float64{
		"no red":   {0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998},
		"no green": {0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881},
		"no blue":  {1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900},
	} {
		for _, pair := range [][2]style{{good, caution}, {good, danger}, {caution, danger}} {
			a, b := seen(looks[pair[0]].rgb, eye), seen(looks[pair[1]].rgb, eye)
			far := math.Hypot(math.Hypot(a[0]-b[0], a[1]-b[1]), a[2]-b[2])
			if far < 0.3 {
				t.Errorf("%s: the styles %v are %.2f apart, want 0.3", name, pair, far)
			}
		}
	}
}

func TestStill_drawsNewsOnceASecondAndKeysAtOnce(t *testing.T) {
	s := newStage(t, 120, 36, Options{Depth: render.TrueColor, NoAnim: true})
	at, changes := fakeStart, 0
	play := func(frames int) {
		before := s.View().Content
		for range frames {
			at = at.Add(fakePeriod)
			s.Update(frame{s.fake.Collect(at)})
			if after := s.View().Content; after != before {
				before, changes = after, changes+1
			}
		}
	}
	play(150)
	if changes < 3 || changes > 6 {
		t.Errorf("in five seconds the screen changed %d times, want once a second", changes)
	}
	if text := s.text(); !strings.Contains(text, "results/s") || strings.Contains(text, " fps") || len(s.state.nodes) != 5 {
		t.Errorf("want all news but the frames a second:\n%s", text)
	}
	s.press("3", "x")
	if got := s.row(35); !strings.Contains(got, "killed n3") {
		t.Errorf("the answer to a key waits: %q", got)
	}
	s.press("?")
	if got := s.text(); !strings.Contains(got, "/ filters") {
		t.Errorf("help waits:\n%s", got)
	}
	s.press("?")
	at = at.Add(fakePeriod)
	n := s.fake.Collect(at)
	n.Tiles[0].TakenOver = true
	s.Update(frame{n})
	if flash := s.canvas.tiles[n.Tiles[0].Index].flash; flash != 0 {
		t.Errorf("a tile that was taken over flashes until %v", flash)
	}
	changes = 0
	play(60)
	if changes > 3 {
		t.Errorf("in two seconds after a kill the screen changed %d times, want twice", changes)
	}
	if text := s.text(); !strings.Contains(text, "n3 killed") {
		t.Errorf("the fault is not on the screen:\n%s", text)
	}
}

func TestStill_aNewNodeKeepsTheScreenWhole(t *testing.T) {
	s := newStage(t, 120, 36, Options{NoAnim: true})
	s.play(2 * time.Second)
	s.fake = newFake(7)
	for range 40 {
		s.Update(frame{s.fake.Collect(s.state.now.Add(fakePeriod))})
		checkSize(t, "with more nodes", s.View().Content, 120, 36)
	}
	if !strings.Contains(s.text(), "n7") {
		t.Errorf("the new nodes are not listed:\n%s", s.text())
	}
}
