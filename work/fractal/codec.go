package fractal

import (
	"encoding/binary"
	"math"
)

// writer appends numbers, little-endian.
type writer struct{ buf []byte }

func (w *writer) u32(vs ...uint32) {
	for _, v := range vs {
		w.buf = binary.LittleEndian.AppendUint32(w.buf, v)
	}
}

func (w *writer) f64(vs ...float64) {
	for _, v := range vs {
		w.buf = binary.LittleEndian.AppendUint64(w.buf, math.Float64bits(v))
	}
}

func (w *writer) view(v View) {
	w.u32(uint32(v.Width), uint32(v.Height))
	w.f64(v.Left, v.Top, v.Right, v.Bottom)
}

func (w *writer) rect(r Rect) {
	w.u32(uint32(r.X), uint32(r.Y), uint32(r.W), uint32(r.H))
}

// reader takes numbers off buf. Past its end it gives zeros and says short.
type reader struct {
	buf   []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if len(r.buf) < n {
		r.short, r.buf = true, nil
		return nil
	}
	b := r.buf[:n]
	r.buf = r.buf[n:]
	return b
}

func (r *reader) u8() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) f64() float64 {
	if b := r.take(8); b != nil {
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	return 0
}

func (r *reader) view() View {
	return View{Width: int(r.u32()), Height: int(r.u32()), Left: r.f64(), Top: r.f64(), Right: r.f64(), Bottom: r.f64()}
}

func (r *reader) rect() Rect {
	return Rect{X: int(r.u32()), Y: int(r.u32()), W: int(r.u32()), H: int(r.u32())}
}
