package fractal

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestParseRequest_readsTheOriginalsExample(t *testing.T) {
	v, err := ParseRequest([]byte("1000,800,-1.2,0.35,-1.0,0.2"))
	want := View{Width: 1000, Height: 800, Left: -1.2, Top: 0.35, Right: -1.0, Bottom: 0.2}
	if err != nil || v != want {
		t.Fatalf("ParseRequest = %+v, %v; want %+v", v, err, want)
	}
}

func TestParseRequest_answersInTheOriginalsWords(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{"", "empty body"},
		{"\xff\xfe,1,2,3,4,5", "body is not a string"},
		{"1,2,3", "input does not contain 6 elements"},
		{"1,2,3,4,5,6,7", "input does not contain 6 elements"},
		{"1,2,3,4,5,6,7,8,9", "input does not contain 6 elements"},
		{"a,b,c,d,e,f", "failed to parse int elements in input string"},
		{"-1,2,0,1,1,0", "failed to parse int elements in input string"},
		{" 1,2,0,1,1,0", "failed to parse int elements in input string"},
		{"1.0,2,0,1,1,0", "failed to parse int elements in input string"},
		{"99999999999999999999,2,0,1,1,0", "failed to parse int elements in input string"},
		{"++1,2,0,1,1,0", "failed to parse int elements in input string"},
		{"1,2,0,1,1,", "failed to parse float elements in input string"},
		{"1,2,0,1,1,0 ", "failed to parse float elements in input string"},
		{"1,2,0,1,1,0\n", "failed to parse float elements in input string"},
		{"1,2,0x1p3,1,1,0", "failed to parse float elements in input string"},
		{"1,2,1_0,1,1,0", "failed to parse float elements in input string"},
	} {
		if _, err := ParseRequest([]byte(c.body)); err == nil || err.Error() != c.want {
			t.Errorf("ParseRequest(%q) = %v, want %q", c.body, err, c.want)
		}
	}
	if ErrInvalidPath.Error() != "invalid path" {
		t.Errorf("ErrInvalidPath = %q, want the original's words", ErrInvalidPath)
	}
}

func TestParseRequest_takesTheOriginalsNumbers(t *testing.T) {
	v, err := ParseRequest([]byte("+4,3,-.5,1.,5e-1,-1E+0"))
	want := View{Width: 4, Height: 3, Left: -0.5, Top: 1, Right: 0.5, Bottom: -1}
	if err != nil || v != want {
		t.Fatalf("ParseRequest = %+v, %v; want %+v", v, err, want)
	}
}

func TestParseRequest_refusesWhatTheOriginalChokesOn(t *testing.T) {
	for _, c := range []struct {
		body  string
		want  error
		words string
	}{
		{"0,800,-1,1,1,-1", ErrNoPixels, "0×800"},
		{"100000,800,-1,1,1,-1", ErrTooLarge, "at most 8192 pixels a side"},
		{"18446744073709551615,1,-1,1,1,-1", ErrTooLarge, "at most 8192"},
		{"8192,8192,-1,1,1,-1", ErrTooLarge, "at most 8388608 in all"},
		{"10,10,NaN,1,1,-1", ErrNotFinite, "NaN"},
		{"10,10,-inf,1,1,-1", ErrNotFinite, "-Inf"},
		{"10,10,-1e999,1,1,-1", ErrNotFinite, "-Inf"},
		{"10,10,-1e308,1,1e308,-1", ErrNotFinite, "wider"},
		{"10,10,1,1,-1,-1", ErrInverted, "x must rise"},
		{"10,10,1,1,1,-1", ErrInverted, "x must rise"},
		{"10,10,-1,-1,1,1", ErrInverted, "y must fall"},
		{"1000,10,0.5,1,0.5000000000000002,-1", ErrTooDeep, "finer than"},
	} {
		_, err := ParseRequest([]byte(c.body))
		if !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), c.words) {
			t.Errorf("ParseRequest(%q) = %v, want %v with %q", c.body, err, c.want, c.words)
		}
	}
}

func TestView_fitMakesPixelsSquareAndShowsAtLeastAsMuch(t *testing.T) {
	for _, size := range [][2]int{{100, 100}, {300, 100}, {100, 300}, {7, 6}} {
		v := View{Width: size[0], Height: size[1], Left: -2.5, Top: 1.5, Right: 1, Bottom: -1.5}
		f := v.Fit()
		dx, dy := (f.Right-f.Left)/float64(f.Width), (f.Top-f.Bottom)/float64(f.Height)
		if math.Abs(dx/dy-1) > 1e-12 {
			t.Errorf("%v: pixel of %v×%v, want a square", size, dx, dy)
		}
		if f.Left > v.Left || f.Right < v.Right || f.Top < v.Top || f.Bottom > v.Bottom {
			t.Errorf("%v: %+v cuts off part of %+v", size, f, v)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	for _, s := range []string{"1000,800,-1.2,0.35,-1.0,0.2", "", ",,,,,", "1,1,nan,inf,-inf,1e999", "0,0,0,0,0,0"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := ParseRequest(body)
		if err == nil {
			err = v.Check()
		} else if v != (View{}) {
			t.Fatalf("ParseRequest(%q) gives %+v with the error %v", body, v, err)
		} else {
			return
		}
		if err != nil {
			t.Fatalf("ParseRequest(%q) takes what Check refuses: %v", body, err)
		}
	})
}
