package fractal

import (
	"errors"
	"fmt"
)

// ErrTask: the bytes are not the input of a tile; they come from [Function.Split].
var ErrTask = errors.New("not a task of fractal/1")

// task is the input of one tile.
type task struct {
	kind        Kind
	supersample int
	iterations  int
	view        View // of the whole frame
	cx, cy      float64
	rect        Rect // in pixels
}

// task is one tile of frame k.
func (p Params) task(k uint64, tile, tiles uint32) (task, error) {
	v := p.At(k)
	rect, err := Tiling(v.Width, v.Height, tile, tiles)
	if err != nil {
		return task{}, err
	}
	t := task{kind: p.Kind, supersample: p.Supersample, iterations: p.Iterations, view: v, cx: p.CX, cy: p.CY, rect: rect}
	if t.iterations == 0 {
		t.iterations = Iterations(v.Right - v.Left)
	}
	return t, nil
}

const taskVersion = 1

func (t task) append(buf []byte) []byte {
	w := writer{append(buf, taskVersion, byte(t.kind), byte(t.supersample))}
	w.u32(uint32(t.iterations))
	w.view(t.view)
	w.f64(t.cx, t.cy)
	w.rect(t.rect)
	return w.buf
}

func decodeTask(raw []byte) (task, error) {
	r := reader{buf: raw}
	if r.u8() != taskVersion {
		return task{}, ErrTask
	}
	t := task{kind: Kind(r.u8()), supersample: int(r.u8()), iterations: int(r.u32()), view: r.view()}
	t.cx, t.cy = r.f64(), r.f64()
	t.rect = r.rect()
	if r.short || len(r.buf) != 0 || t.iterations == 0 {
		return task{}, ErrTask
	}
	whole := Params{Kind: t.kind, View: t.view, Supersample: t.supersample, Iterations: t.iterations, CX: t.cx, CY: t.cy}
	if err := whole.Check(); err != nil {
		return task{}, fmt.Errorf("%w: %w", ErrTask, err)
	}
	if !t.rect.within(t.view.Width, t.view.Height) {
		return task{}, fmt.Errorf("%w: a tile outside its picture", ErrTask)
	}
	return t, nil
}
