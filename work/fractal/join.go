package fractal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

var (
	// ErrTile: the bytes are not the output of a tile; count them as lost and ask again.
	ErrTile = errors.New("not a tile of fractal/1")
	// ErrMisfit: the tile belongs to another picture, or its place is taken; drop it.
	ErrMisfit = errors.New("tile does not fit")
)

// Tile is the output of one task.
type Tile struct {
	W, H        int  // of the whole picture, in samples
	Rect        Rect // of the tile, in samples
	Supersample int  // samples a side of a pixel
	Iterations  int  // the limit
	View        View // of the frame
	numbers     []byte
}

const (
	tileVersion = 1
	tileHeader  = 2 + 4 + 8 + 32 + 16 // bytes before the numbers
)

func (t Tile) appendHeader(buf []byte) []byte {
	w := writer{append(buf, tileVersion, byte(t.Supersample))}
	w.u32(uint32(t.Iterations))
	w.view(t.View)
	w.rect(t.Rect)
	return w.buf
}

// DecodeTile reads what [Function.Run] wrote. The tile keeps raw and reads its numbers from there.
func DecodeTile(raw []byte) (Tile, error) {
	r := reader{buf: raw}
	if r.u8() != tileVersion {
		return Tile{}, ErrTile
	}
	t := Tile{Supersample: int(r.u8()), Iterations: int(r.u32()), View: r.view(), Rect: r.rect()}
	if r.short || t.Iterations == 0 {
		return Tile{}, ErrTile
	}
	whole := Params{Kind: Mandelbrot, View: t.View, Supersample: t.Supersample, Iterations: t.Iterations}
	if err := whole.Check(); err != nil {
		return Tile{}, fmt.Errorf("%w: %w", ErrTile, err)
	}
	t.W, t.H = t.View.Width*t.Supersample, t.View.Height*t.Supersample
	if !t.Rect.within(t.W, t.H) || len(r.buf) != 4*t.Rect.W*t.Rect.H {
		return Tile{}, fmt.Errorf("%w: %d bytes of numbers for %d×%d samples", ErrTile, len(r.buf), t.Rect.W, t.Rect.H)
	}
	t.numbers = r.buf
	return t, nil
}

// Field is the tile's own numbers, as a picture by itself.
func (t Tile) Field() Field {
	f := Field{W: t.Rect.W, H: t.Rect.H, Max: float32(t.Iterations), Values: make([]float32, t.Rect.W*t.Rect.H)}
	for i := range f.Values {
		f.Values[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.numbers[4*i:]))
	}
	return f
}

// Field is a picture of numbers, row by row: smooth counts (see [Count]), or [Member]. Where no tile has arrived it
// holds members.
type Field struct {
	W, H   int // in samples
	Max    float32
	Values []float32
}

// Put copies the tile to its place, whatever frame it is of: what a screen shows that does not wait. An empty field
// takes the size of its first tile; a tile of a picture of another size is refused.
func (f *Field) Put(t Tile) error {
	if f.Values == nil {
		f.W, f.H = t.W, t.H
		f.Values = make([]float32, t.W*t.H)
		for i := range f.Values {
			f.Values[i] = Member
		}
	}
	if t.W != f.W || t.H != f.H {
		return fmt.Errorf("%w: of a picture of %d×%d samples, not %d×%d", ErrMisfit, t.W, t.H, f.W, f.H)
	}
	f.Max = float32(t.Iterations)
	for y := range t.Rect.H {
		row := f.Values[(t.Rect.Y+y)*f.W+t.Rect.X:][:t.Rect.W]
		raw := t.numbers[4*y*t.Rect.W:]
		for x := range row {
			row[x] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*x:]))
		}
	}
	return nil
}

// Counts replaces each number by its [Count], so that the original's colours come out exactly.
func (f *Field) Counts() {
	for i, v := range f.Values {
		if n, ok := Count(v); ok {
			f.Values[i] = float32(n)
		} else {
			f.Values[i] = Member
		}
	}
}

// Joiner puts the tiles of one frame together. Its zero value waits for a first tile.
type Joiner struct {
	field  Field
	head   Tile // of the first
	placed []Rect
	area   int
}

// Add copies the tile to its place. It refuses a tile of another picture, view or limit, and one whose place, or part of
// it, is taken.
func (j *Joiner) Add(t Tile) error {
	if j.placed == nil {
		j.head = t
	}
	if t.View != j.head.View || t.Iterations != j.head.Iterations || t.Supersample != j.head.Supersample {
		return fmt.Errorf("%w: of another picture", ErrMisfit)
	}
	for _, r := range j.placed {
		if r.overlaps(t.Rect) {
			return fmt.Errorf("%w: its place at %d,%d is taken", ErrMisfit, t.Rect.X, t.Rect.Y)
		}
	}
	if err := j.field.Put(t); err != nil {
		return err
	}
	j.placed = append(j.placed, t.Rect)
	j.area += t.Rect.W * t.Rect.H
	return nil
}

// Complete reports whether the tiles cover the whole picture.
func (j *Joiner) Complete() bool { return j.placed != nil && j.area == j.field.W*j.field.H }

// Field is the picture so far; it shares its numbers with the joiner.
func (j *Joiner) Field() Field { return j.field }
