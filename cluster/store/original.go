package store

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"image/png"
	"strconv"
	"sync"

	"fracture/render"
	"fracture/work/fractal"
)

// The keys that the original's viewers read.
const (
	// MetadataKey holds the request of the last picture, word for word (E-010).
	MetadataKey = "fractal-metadata"
	// ChunkKey holds the last picture itself, as a PNG in lower-case hexadecimal (E-009).
	ChunkKey = "fractal-chunk-0-data"
)

// TileKey is the key of a stream's tile; the original counts tiles from 1, so tile 0 is "i=1" (E-026).
func TileKey(tile uint32) string { return "i=" + strconv.FormatUint(uint64(tile)+1, 10) }

// Original turns results into what the original's viewers show: its colours, its keys, its encoding. What its methods
// return is called when the value is really written, which most tiles of a fast stream are not.
type Original struct {
	image *render.Palette // of a requested picture, E-009
	tile  *render.Palette // of a stream's tile, E-025
	png   png.Encoder     // fast rather than small: it runs beside what the picture is computed with
}

// buffers lends an encoder its 800 KiB of tables, which would otherwise be made anew for every tile. It keeps those of one
// encoding: a sync.Pool would lose them with every collection, and cause the next.
type buffers struct {
	mu    sync.Mutex // guards spare
	spare *png.EncoderBuffer
}

func (b *buffers) Get() *png.EncoderBuffer {
	b.mu.Lock()
	defer b.mu.Unlock()
	buf := b.spare
	b.spare = nil
	return buf
}

func (b *buffers) Put(buf *png.EncoderBuffer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spare = buf
}

// NewOriginal makes the original's colours.
func NewOriginal() (*Original, error) {
	whole, err := render.NewPalette("rainbow")
	if err != nil {
		return nil, err
	}
	tile, err := render.NewPalette("rainbow-scaled")
	if err != nil {
		return nil, err
	}
	encoder := png.Encoder{CompressionLevel: png.BestSpeed, BufferPool: &buffers{}}
	return &Original{image: whole, tile: tile, png: encoder}, nil
}

// Tile makes the encoder for [Writer.Put] of one tile of a stream, under its [TileKey]. It calls newest for the output of
// fractal/1 that is to be written, which stays as it is for so long.
func (o *Original) Tile(newest func() []byte) func() ([]byte, error) {
	return func() ([]byte, error) {
		t, err := fractal.DecodeTile(newest())
		if err != nil {
			return nil, err
		}
		return o.paint(t.Field(), o.tile, t.Rect.W/t.Supersample, t.Rect.H/t.Supersample)
	}
}

// Image makes the encoder for [Writer.PutDurable] of a requested picture: both keys, which readers see change at once
// (see [Client.Set]). It keeps params, those of the stream, and results, the outputs of fractal/1 for each tile of its
// frame in any order; they must stay as they are.
func (o *Original) Image(params []byte, results [][]byte) func() ([]Entry, error) {
	return func() ([]Entry, error) {
		p, err := fractal.DecodeParams(params)
		if err != nil {
			return nil, err
		}
		var joiner fractal.Joiner
		for _, result := range results {
			t, err := fractal.DecodeTile(result)
			if err != nil {
				return nil, err
			}
			if err := joiner.Add(t); err != nil {
				return nil, err
			}
		}
		if !joiner.Complete() {
			return nil, fmt.Errorf("%w: %d tiles do not cover the picture", fractal.ErrMisfit, len(results))
		}
		picture, err := o.paint(joiner.Field(), o.image, p.View.Width, p.View.Height)
		if err != nil {
			return nil, err
		}
		return []Entry{{Key: MetadataKey, Value: []byte(words(p))}, {Key: ChunkKey, Value: picture}}, nil
	}
}

// paint is a field as a picture of w×h pixels, in one of the original's palettes and its encoding.
func (o *Original) paint(field fractal.Field, palette *render.Palette, w, h int) ([]byte, error) {
	field.Counts()
	var picture render.Picture
	render.Paint(&picture, render.Field(field), palette, w, h)
	var text bytes.Buffer
	if err := o.png.Encode(hex.NewEncoder(&text), picture.Image()); err != nil {
		return nil, fmt.Errorf("%d×%d pixels as PNG: %w", w, h, err)
	}
	return text.Bytes(), nil
}

// words are those of the request, or what it would have said.
func words(p fractal.Params) string {
	if p.Request != "" {
		return p.Request
	}
	v := p.View
	return fmt.Sprintf("%d,%d,%v,%v,%v,%v", v.Width, v.Height, v.Left, v.Top, v.Right, v.Bottom)
}
