package fractal

import (
	"errors"
	"fmt"
)

// ErrTiles: a frame is asked for in no tiles or in more than MaxTiles, or for a tile that it does not have.
var ErrTiles = errors.New("impossible tiling")

const (
	// DefaultTiles is 6×4 for a picture of common shape.
	DefaultTiles = 24
	// MaxTiles bounds how many tiles a frame is cut into.
	MaxTiles = 4096
	// tileSamples is what [TilesFor] lets a tile hold: 256 KiB of numbers.
	tileSamples = 1 << 16
)

// Rect is a rectangle with its corner X, Y; in pixels of a task, in samples of a tile.
type Rect struct{ X, Y, W, H int }

// overlaps reports whether the two share a place.
func (r Rect) overlaps(o Rect) bool {
	return r.X < o.X+o.W && o.X < r.X+r.W && r.Y < o.Y+o.H && o.Y < r.Y+r.H && r.W*r.H*o.W*o.H != 0
}

// within reports whether r lies inside w×h.
func (r Rect) within(w, h int) bool {
	return r.X >= 0 && r.Y >= 0 && r.W >= 0 && r.H >= 0 && r.X+r.W <= w && r.Y+r.H <= h
}

// TilesFor is how many tiles a picture with s samples a pixel's side wants: DefaultTiles, more when the picture is so
// large that its tiles would make long messages, and fewer when it has not as many pixels: an empty tile is a task for nothing.
func TilesFor(v View, s int) uint32 {
	n := (v.Width*v.Height*s*s + tileSamples - 1) / tileSamples
	return uint32(min(max(n, min(DefaultTiles, v.Width*v.Height)), MaxTiles))
}

// Tiling is the rectangle, in pixels, of one of n tiles of a w×h picture. The n rectangles cover the picture exactly
// and are equal in area up to rounding; all rows hold the same number of tiles but for the last, which may hold fewer.
// A picture with fewer pixels than tiles has empty ones.
func Tiling(w, h int, tile, n uint32) (Rect, error) {
	if n == 0 || n > MaxTiles || tile >= n {
		return Rect{}, fmt.Errorf("%w: tile %d of %d; 1 to %d tiles", ErrTiles, tile, n, MaxTiles)
	}
	i, count := int(tile), int(n)
	cols := columns(w, h, count)
	first := i / cols * cols // of the tile's row
	inRow := min(cols, count-first)
	col := i - first
	y0, y1 := first*h/count, (first+inRow)*h/count
	x0, x1 := col*w/inRow, (col+1)*w/inRow
	return Rect{X: x0, Y: y0, W: x1 - x0, H: y1 - y0}, nil
}

// columns is how many tiles stand in a full row: as many as keep the least square of the n tiles as square as can be.
func columns(w, h, n int) int {
	best, bestWorst := 1, 0.0
	for cols := 1; cols <= n; cols++ {
		worst := oblong(w, h, n, cols)
		if rest := n % cols; rest != 0 {
			worst = max(worst, oblong(w, h, n, rest))
		}
		if cols == 1 || worst < bestWorst {
			best, bestWorst = cols, worst
		}
	}
	return best
}

// oblong is how many times longer than wide a tile is in a row of inRow of n tiles, or the other way round.
func oblong(w, h, n, inRow int) float64 {
	tw, th := float64(w)/float64(inRow), float64(h*inRow)/float64(n)
	return max(tw/th, th/tw)
}
