package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"image"
	"image/png"
	"testing"

	"fracture/work/fractal"
)

// compute runs every tile of a frame.
func compute(t testing.TB, p fractal.Params, frame uint64, tiles uint32) (params []byte, results [][]byte) {
	t.Helper()
	params = p.Append(nil)
	for tile := range tiles {
		input, err := fractal.Function{}.Split(params, frame, tile, tiles, nil)
		if err != nil {
			t.Fatal(err)
		}
		output, err := fractal.Function{}.Run(input, nil)
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, output)
	}
	return params, results
}

func decode(t testing.TB, hexPNG []byte) image.Image {
	t.Helper()
	if !bytes.Equal(hexPNG, bytes.ToLower(hexPNG)) {
		t.Error("the picture is not in lower-case hexadecimal")
	}
	raw, err := hex.DecodeString(string(hexPNG))
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func newOriginal(t testing.TB) *Original {
	t.Helper()
	o, err := NewOriginal()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func requested(t testing.TB, body string) fractal.Params {
	t.Helper()
	view, err := fractal.ParseRequest([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return fractal.Params{Kind: fractal.Mandelbrot, View: view, Supersample: 1, Iterations: 255, Request: body}
}

func TestOriginal_keepsARequestAsTheOriginalDoes(t *testing.T) {
	const body = "100,80,-1.2,0.35,-1.0,0.2"
	params, results := compute(t, requested(t, body), 0, 7)
	entries, err := newOriginal(t).Image(params, results)()
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 || entries[0].Key != "fractal-metadata" || string(entries[0].Value) != body || entries[1].Key != "fractal-chunk-0-data" {
		t.Fatalf("entries %.80q, want the request word for word and the picture", entries)
	}
	img := decode(t, entries[1].Value)
	if got := img.Bounds().Size(); got != image.Pt(100, 80) {
		t.Errorf("the picture is %v, want 100×80", got)
	}
	// The same colours whichever way the picture was cut.
	whole, one := compute(t, requested(t, body), 0, 1)
	again, err := newOriginal(t).Image(whole, one)()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again[1].Value, entries[1].Value) {
		t.Error("7 tiles and 1 tile make different pictures of one request")
	}
}

func TestOriginal_saysWhatARequestWouldHaveSaid(t *testing.T) {
	p := requested(t, "10,8,-2,1,1,-1")
	p.Request = ""
	params, results := compute(t, p, 0, 2)
	entries, err := newOriginal(t).Image(params, results)()
	if err != nil {
		t.Fatal(err)
	}
	if got := string(entries[0].Value); got != "10,8,-2,1,1,-1" {
		t.Errorf("metadata %q, want 10,8,-2,1,1,-1", got)
	}
}

func TestOriginal_refusesAnIncompletePicture(t *testing.T) {
	params, results := compute(t, requested(t, "10,8,-2,1,1,-1"), 0, 4)
	o := newOriginal(t)
	for name, damaged := range map[string][][]byte{
		"a tile missing": results[1:],
		"a tile twice":   append(results[:4:4], results[0]),
		"no tile":        nil,
	} {
		if _, err := o.Image(params, damaged)(); !errors.Is(err, fractal.ErrMisfit) {
			t.Errorf("%s: %v, want ErrMisfit", name, err)
		}
	}
	if _, err := o.Image(params, [][]byte{[]byte("no tile")})(); !errors.Is(err, fractal.ErrTile) {
		t.Errorf("a result that is no tile: %v, want ErrTile", err)
	}
	if _, err := o.Image([]byte("none"), results)(); !errors.Is(err, fractal.ErrParams) {
		t.Errorf("parameters that are none: %v, want ErrParams", err)
	}
	if _, err := o.Tile(always([]byte("no tile")))(); !errors.Is(err, fractal.ErrTile) {
		t.Errorf("a tile that is none: %v, want ErrTile", err)
	}
}

func TestOriginal_keepsAStreamsTiles(t *testing.T) {
	p := fractal.OriginalJourney(60, 40)
	p.Supersample = 2
	_, results := compute(t, p, 100, 6)
	o := newOriginal(t)
	for tile, result := range results {
		value, err := o.Tile(always(result))()
		if err != nil {
			t.Fatal(err)
		}
		if got := decode(t, value).Bounds().Size(); got != image.Pt(20, 20) {
			t.Errorf("tile %d is %v pixels, want 20×20", tile, got)
		}
	}
	if got := TileKey(0) + " " + TileKey(8); got != "i=1 i=9" {
		t.Errorf("keys %q, want i=1 and i=9", got)
	}
}

func BenchmarkOriginal_Tile(b *testing.B) {
	_, results := compute(b, fractal.OriginalJourney(120, 72), 0, 24)
	encode := newOriginal(b).Tile(always(results[9]))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := encode(); err != nil {
			b.Fatal(err)
		}
	}
}

func always(result []byte) func() []byte { return func() []byte { return result } }
