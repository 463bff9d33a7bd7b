package tui

import (
	"math"

	"fracture/render"
	"fracture/work"
	"fracture/work/fractal"
)

// The picture moves at once when another view is looked at: what is there already is put where it lies in the new one, until
// tiles of that come. Where nothing is there it is black.

// aim is which part of the plane a canvas shows, and which tiles it takes.
type aim struct {
	told     bool          // what the stream computes is known; else every tile is taken
	blind    bool          // that is something else than what is looked at: no tile is taken
	moves    bool          // each of its frames has a view of its own
	revision work.Revision // of the tiles that are taken
	view     fractal.View  // what the numbers show
}

// takes reports whether a tile belongs to what is looked at.
func (a *aim) takes(t Tile) bool { return !a.told || !a.blind && t.Revision == a.revision }

// askew reports whether a tile lies elsewhere in this view than in its own: more keys were pressed than the cluster has heard of.
func (a *aim) askew(t fractal.Tile) bool { return a.told && !a.moves && t.View != a.view }

// turn has the canvas show another view, and moves and scales what is there.
func (c *canvas) turn(to fractal.View) {
	from := c.aim.view
	c.aim.view = to
	if c.numbers.Values == nil || from.Width == 0 || from == to {
		return
	}
	old := c.numbers.Values
	c.numbers.Values = make([]float32, len(old))
	w, h := c.numbers.W, c.numbers.H
	columns := places(w, to.Left, to.Right, from.Left, from.Right)
	rows := places(h, to.Top, to.Bottom, from.Top, from.Bottom)
	for y, fromY := range rows {
		row := c.numbers.Values[y*w:][:w]
		for x, fromX := range columns {
			if row[x] = fractal.Member; fromX >= 0 && fromX < w && fromY >= 0 && fromY < h {
				row[x] = old[fromY*w+fromX]
			}
		}
	}
	c.field = render.Field(c.numbers)
	c.repaint()
}

// project puts a tile of another view where it lies in this one, and answers with where that is.
func (c *canvas) project(t fractal.Tile) render.Rect {
	v := c.aim.view
	columns := places(c.numbers.W, v.Left, v.Right, t.View.Left, t.View.Right)
	rows := places(c.numbers.H, v.Top, v.Bottom, t.View.Top, t.View.Bottom)
	x0, x1 := within(columns, t.Rect.X, t.Rect.X+t.Rect.W)
	y0, y1 := within(rows, t.Rect.Y, t.Rect.Y+t.Rect.H)
	own := t.Field()
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			c.numbers.Values[y*c.numbers.W+x] = own.Values[(rows[y]-t.Rect.Y)*own.W+columns[x]-t.Rect.X]
		}
	}
	c.numbers.Max = own.Max
	return render.Rect{X: x0, Y: y0, W: x1 - x0, H: y1 - y0}
}

// places says of each of n samples between two ends of a view in which sample of another view, between that one's ends, it lies.
func places(n int, from, to, otherFrom, otherTo float64) []int {
	const far = 1 << 30
	out := make([]int, n)
	for i := range out {
		at := from + float64(i)*(to-from)/float64(n)
		place := math.Round((at - otherFrom) / (otherTo - otherFrom) * float64(n))
		out[i] = int(min(max(place, -far), far))
	}
	return out
}

// within is the run of those that are at least low and below high; they rise.
func within(list []int, low, high int) (from, to int) {
	for from < len(list) && list[from] < low {
		from++
	}
	to = from
	for to < len(list) && list[to] < high {
		to++
	}
	return from, to
}

// pointAt is the point of the plane at a cell of the pane.
func (c *canvas) pointAt(x, y int) (re, im float64) {
	v := c.aim.view
	if c.pic.W == 0 || c.pic.H == 0 {
		return middle(v)
	}
	right := (float64(x-c.left) + 0.5) / float64(c.pic.Columns())
	down := (float64(y-c.over) + 0.5) / float64(c.pic.Rows())
	return v.Left + right*(v.Right-v.Left), v.Top - down*(v.Top-v.Bottom)
}

// middle is the point in the middle of a view.
func middle(v fractal.View) (re, im float64) {
	return v.Left + (v.Right-v.Left)/2, v.Bottom + (v.Top-v.Bottom)/2
}
