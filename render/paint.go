package render

// Paint makes dst w×h pixels and fills it from the whole field. Every pixel is the mean, in linear light, of the samples
// under it, weighted by how much of each it covers; so any size does, larger or smaller than the field. Marks are kept
// when the size stays. An empty field paints black.
func Paint(dst *Picture, f Field, p *Palette, w, h int) {
	if dst.W != w || dst.H != h {
		dst.Resize(w, h)
	}
	PaintPart(dst, f, p, Rect{W: f.W, H: f.H})
}

// PaintPart repaints every pixel that the samples in part (in samples of the field) touch, and no other. dst keeps its
// size: the whole of it shows the whole of f.
func PaintPart(dst *Picture, f Field, p *Palette, part Rect) {
	part = part.clip(f.W, f.H)
	if part.Empty() || dst.W == 0 || dst.H == 0 || len(f.Values) < f.W*f.H {
		return
	}
	x0, x1 := part.X*dst.W/f.W, ceilDiv((part.X+part.W)*dst.W, f.W)
	y0, y1 := part.Y*dst.H/f.H, ceilDiv((part.Y+part.H)*dst.H, f.H)
	index := p.indexer(f.Max)
	mean := indexer.weighted
	switch {
	case f.W == dst.W && f.H == dst.H:
		mean = indexer.one
	case f.W%dst.W == 0 && f.H%dst.H == 0:
		mean = indexer.block
	}
	for y := y0; y < y1; y++ {
		row := dst.Pix[y*dst.W : (y+1)*dst.W]
		for x := x0; x < x1; x++ {
			row[x] = mean(index, f, x, y, dst.W, dst.H)
		}
	}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// one, block and weighted are the colour of pixel x, y of a w×h picture of the whole field.

// one serves where a pixel is a sample.
func (ix indexer) one(f Field, x, y, _, _ int) RGB {
	return ix.colors[ix.at(f.Values[y*f.W+x])]
}

// block serves where a pixel is a whole number of samples each way.
func (ix indexer) block(f Field, x, y, w, h int) RGB {
	nx, ny := f.W/w, f.H/h
	var r, g, b uint
	for sy := y * ny; sy < (y+1)*ny; sy++ {
		for _, v := range f.Values[sy*f.W+x*nx:][:nx] {
			l := ix.lights[ix.at(v)]
			r, g, b = r+uint(l.r), g+uint(l.g), b+uint(l.b)
		}
	}
	n := uint(nx * ny)
	return RGB{screenOf[r/n>>4], screenOf[g/n>>4], screenOf[b/n>>4]}
}

// weighted serves everywhere. It counts in units in which a sample is w×h and a pixel f.W×f.H large, so that every
// weight is a whole number and the sum is exact.
func (ix indexer) weighted(f Field, x, y, w, h int) RGB {
	left, right := x*f.W, (x+1)*f.W
	top, bottom := y*f.H, (y+1)*f.H
	var r, g, b uint64
	for sy := top / h; sy*h < bottom; sy++ {
		wy := min(bottom, (sy+1)*h) - max(top, sy*h)
		line := f.Values[sy*f.W:]
		for sx := left / w; sx*w < right; sx++ {
			weight := uint64(wy * (min(right, (sx+1)*w) - max(left, sx*w)))
			l := ix.lights[ix.at(line[sx])]
			r += weight * uint64(l.r)
			g += weight * uint64(l.g)
			b += weight * uint64(l.b)
		}
	}
	area := uint64(f.W * f.H)
	return RGB{screenOf[r/area>>4], screenOf[g/area>>4], screenOf[b/area>>4]}
}
