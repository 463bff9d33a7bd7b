package tui

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"strings"
	"unicode/utf8"

	uv "github.com/charmbracelet/ultraviolet"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"fracture/render"
)

// Of a screen drawn as an image, in pixels.
const (
	shotCellW, shotCellH = 8, 16
	shotBaseline         = 12       // of the letters, from the top of their cell
	shotSize             = 40.0 / 3 // of Go Mono, which is then a cell wide
	shotEighth           = shotCellH / 8
)

// What a terminal shows where nothing is said of a colour, and what a light one does in reverse.
var (
	shotGround = color.RGBA{14, 16, 20, 255}
	shotText   = color.RGBA{204, 208, 216, 255}
	shotLight  = color.RGBA{250, 250, 248, 255}
)

// Shot is the screen of a moment as an image: 8×16 pixels a cell, letters in Go Mono.
func (m *Moment) Shot() (*render.Picture, error) {
	cells := uv.NewScreenBuffer(m.W, m.H)
	uv.NewStyledString(strings.TrimSuffix(m.ANSI, "\n")).Draw(cells, cells.Bounds())
	s := shot{img: image.NewRGBA(image.Rect(0, 0, m.W*shotCellW, m.H*shotCellH)), text: shotText, ground: shotGround}
	if m.Light {
		s.text, s.ground = shotGround, shotLight
	}
	for i, ttf := range [][]byte{gomono.TTF, gomonobold.TTF} {
		parsed, err := opentype.Parse(ttf)
		if err != nil {
			return nil, fmt.Errorf("the letters of the screen: %w", err)
		}
		if s.faces[i], err = opentype.NewFace(parsed, &opentype.FaceOptions{Size: shotSize, DPI: 72, Hinting: font.HintingFull}); err != nil {
			return nil, fmt.Errorf("the letters of the screen: %w", err)
		}
	}
	for y := range m.H {
		for x := range m.W {
			if c := cells.CellAt(x, y); c != nil {
				s.draw(image.Pt(x*shotCellW, y*shotCellH), c)
			}
		}
	}
	return s.picture(), nil
}

// shot is an image that cells are drawn on.
type shot struct {
	img    *image.RGBA
	faces  [2]font.Face // regular and bold
	text   color.RGBA   // where nothing is said of a colour
	ground color.RGBA
}

// draw draws a cell whose upper left corner is there.
func (s *shot) draw(at image.Point, c *uv.Cell) {
	fg, bg := color.Color(s.text), color.Color(s.ground)
	if c.Style.Fg != nil {
		fg = c.Style.Fg
	}
	if c.Style.Bg != nil {
		bg = c.Style.Bg
	}
	if c.Style.Attrs&uv.AttrReverse != 0 {
		fg, bg = bg, fg
	}
	if c.Style.Attrs&uv.AttrFaint != 0 {
		fg = between(fg, bg)
	}
	s.fill(at, image.Rect(0, 0, shotCellW, shotCellH), bg)
	r, _ := utf8.DecodeRuneInString(c.Content)
	if r == ' ' || r == '\u00a0' || r == utf8.RuneError || s.block(at, r, fg) || s.sign(at, r, fg) {
		return
	}
	face := s.faces[0]
	if c.Style.Attrs&uv.AttrBold != 0 {
		face = s.faces[1]
	}
	letter := font.Drawer{Dst: s.img, Src: image.NewUniform(fg), Face: face, Dot: fixed.P(at.X, at.Y+shotBaseline)}
	letter.DrawString(c.Content)
}

// between is the mean of two colours.
func between(a, b color.Color) color.Color {
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	return color.RGBA{uint8((ar + br) >> 9), uint8((ag + bg) >> 9), uint8((ab + bb) >> 9), 255}
}

// fill fills a rectangle within a cell.
func (s *shot) fill(at image.Point, r image.Rectangle, c color.Color) {
	draw.Draw(s.img, r.Add(at), image.NewUniform(c), image.Point{}, draw.Src)
}

// block draws the glyphs that are made of rectangles: those of the picture, of bars and of rules. They fill their cell to its
// border, which letters do not.
func (s *shot) block(at image.Point, r rune, c color.Color) bool {
	const half = shotCellW / 2
	switch {
	case r >= '▁' && r <= '█':
		s.fill(at, image.Rect(0, shotCellH-int(r-'▁'+1)*shotEighth, shotCellW, shotCellH), c)
	case r == '▐':
		s.fill(at, image.Rect(half, 0, shotCellW, shotCellH), c)
	case r == '─':
		s.fill(at, image.Rect(0, shotCellH/2, shotCellW, shotCellH/2+1), c)
	case r == '│':
		s.fill(at, image.Rect(half, 0, half+1, shotCellH), c)
	case r == '┊':
		for y := 1; y < shotCellH; y += 4 {
			s.fill(at, image.Rect(half, y, half+1, y+2), c)
		}
	case r >= '\u2800' && r <= '\u28ff':
		for i, bit := range render.BrailleDots {
			if r&rune(bit) != 0 {
				x, y := i%2*half+1, i/2*4+1
				s.fill(at, image.Rect(x, y, x+2, y+2), c)
			}
		}
	default:
		mask, ok := map[rune]uint8{'▝': 1, '▖': 2, '▞': 3, '▗': 4, '▟': 7}[r]
		for i, corner := range []image.Point{{half, 0}, {0, shotCellH / 2}, {half, shotCellH / 2}} {
			if mask>>i&1 == 1 {
				s.fill(at, image.Rect(0, 0, half, shotCellH/2).Add(corner), c)
			}
		}
		return ok
	}
	return true
}

// sign draws the signs of the screen that its font does not have.
func (s *shot) sign(at image.Point, r rune, c color.Color) bool {
	inside, ok := map[rune]func(x, y int) bool{ // of eight columns and rows
		'●': func(x, y int) bool { return disc(x, y, 12) },
		'○': func(x, y int) bool { return disc(x, y, 12) && !disc(x, y, 5) },
		'◐': func(x, y int) bool { return disc(x, y, 12) && (x < 4 || !disc(x, y, 5)) },
		'✗': func(x, y int) bool { return x == y || x == 7-y || x == y+1 || x == 8-y },
		'▸': func(x, y int) bool { return x >= 2 && x-2 <= min(y, 7-y) },
	}[r]
	if !ok {
		return false
	}
	for y := range 8 {
		for x := range 8 {
			if inside(x, y) {
				s.img.Set(at.X+x, at.Y+4+y, c)
			}
		}
	}
	return true
}

// disc reports whether a point of eight by eight lies within so much, squared, of their middle.
func disc(x, y, radius2 int) bool {
	dx, dy := 2*x-7, 2*y-7
	return dx*dx+dy*dy <= 4*radius2
}

// picture is the image as pixels.
func (s *shot) picture() *render.Picture {
	pic := &render.Picture{}
	size := s.img.Bounds().Size()
	pic.Resize(size.X, size.Y)
	for i := range pic.Pix {
		p := s.img.Pix[4*i:]
		pic.Pix[i] = render.RGB{R: p[0], G: p[1], B: p[2]}
	}
	return pic
}
