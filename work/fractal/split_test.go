package fractal

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestTiling_coversThePictureExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 130).Draw(t, "w"), rapid.IntRange(1, 130).Draw(t, "h")
		n := rapid.Uint32Range(1, 200).Draw(t, "n")
		covered := make([]int, w*h)
		rows := map[int]int{}
		for i := range n {
			r, err := Tiling(w, h, i, n)
			if err != nil {
				t.Fatal(err)
			}
			rows[r.Y]++
			for y := r.Y; y < r.Y+r.H; y++ {
				for x := r.X; x < r.X+r.W; x++ {
					covered[y*w+x]++
				}
			}
		}
		for i, times := range covered {
			if times != 1 {
				t.Fatalf("%d×%d in %d tiles: pixel %d,%d is covered %d times", w, h, n, i%w, i/w, times)
			}
		}
	})
}

func TestTiling_hasAtMostOneUnevenRowAndEvenAreas(t *testing.T) {
	for n := uint32(1); n <= 101; n++ {
		perRow := map[int]int{}
		for i := range n {
			r, err := Tiling(1200, 720, i, n)
			if err != nil {
				t.Fatal(err)
			}
			perRow[r.Y]++
			if area, want := float64(r.W*r.H), 1200*720/float64(n); area < 0.9*want || area > 1.1*want {
				t.Errorf("tile %d of %d has an area of %v, want about %v", i, n, area, want)
			}
			if long := max(r.W, r.H); n > 6 && long > 4*min(r.W, r.H) {
				t.Errorf("tile %d of %d is %d×%d", i, n, r.W, r.H)
			}
		}
		full, uneven := perRow[0], 0
		for _, k := range perRow {
			if k != full {
				uneven++
			}
		}
		if uneven > 1 {
			t.Errorf("%d tiles have %d uneven rows: %v", n, uneven, perRow)
		}
	}
}

func TestTiling_isSixByFourByDefault(t *testing.T) {
	for _, size := range [][2]int{{120, 72}, {200, 120}, {640, 480}, {1000, 800}} {
		r, err := Tiling(size[0], size[1], 0, DefaultTiles)
		if err != nil || r.W != size[0]/6 || r.H != size[1]/4 {
			t.Errorf("%v: first tile %+v, %v; want a sixth by a quarter", size, r, err)
		}
	}
}

func TestTiling_refusesWhatIsNotThere(t *testing.T) {
	for _, c := range [][2]uint32{{0, 0}, {3, 3}, {0, MaxTiles + 1}} {
		if _, err := Tiling(10, 10, c[0], c[1]); !errors.Is(err, ErrTiles) {
			t.Errorf("Tiling of tile %d of %d = %v, want ErrTiles", c[0], c[1], err)
		}
	}
}

func TestTilesFor_keepsMessagesShort(t *testing.T) {
	if got := TilesFor(View{Width: 120, Height: 72}, 2); got != DefaultTiles {
		t.Errorf("a small picture wants %d tiles, want %d", got, DefaultTiles)
	}
	if got := TilesFor(View{Width: 3, Height: 2}, 2); got != 6 {
		t.Errorf("a picture of six pixels wants %d tiles, want 6", got)
	}
	v := View{Width: 3840, Height: 2160}
	n := TilesFor(v, 1)
	for i := range n {
		r, err := Tiling(v.Width, v.Height, i, n)
		if err != nil || r.W*r.H > tileSamples*11/10 {
			t.Fatalf("tile %d of %d has %d samples, %v", i, n, r.W*r.H, err)
		}
	}
}

func TestJoiner_refusesWhatDoesNotFit(t *testing.T) {
	p := CoralJourney(30, 20)
	var j Joiner
	if j.Complete() {
		t.Error("nothing is complete")
	}
	if err := j.Add(tileOf(t, p, 0, 0, 6)); err != nil {
		t.Fatal(err)
	}
	other := p
	other.View.Width = 31
	limit := p
	limit.Iterations = 99
	for name, tile := range map[string]Tile{
		"the same again":  tileOf(t, p, 0, 0, 6),
		"one overlapping": tileOf(t, p, 0, 0, 5),
		"another frame":   tileOf(t, p, 50, 1, 6),
		"another size":    tileOf(t, other, 0, 1, 6),
		"another limit":   tileOf(t, limit, 0, 1, 6),
	} {
		if err := j.Add(tile); !errors.Is(err, ErrMisfit) {
			t.Errorf("Add of %s = %v, want ErrMisfit", name, err)
		}
	}
	if j.Complete() {
		t.Error("one tile of six is complete")
	}
}

func TestField_takesAnyFrameOfItsSize(t *testing.T) {
	p := CoralJourney(30, 20)
	var f Field
	for i := range uint32(6) {
		if err := f.Put(tileOf(t, p, uint64(i), i, 6)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Put(tileOf(t, CoralJourney(31, 20), 0, 0, 6)); !errors.Is(err, ErrMisfit) {
		t.Errorf("Put of another size = %v, want ErrMisfit", err)
	}
}
