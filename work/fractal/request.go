package fractal

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What the original answers to a request that it does not understand (E-007), word for word. ErrInvalidPath goes with
// status 404 and is for who reads the path; the others go with 400.
var (
	ErrInvalidPath = errors.New("invalid path")
	ErrEmptyBody   = errors.New("empty body")
	ErrNotText     = errors.New("body is not a string")
	ErrNotSix      = errors.New("input does not contain 6 elements")
	ErrNotInts     = errors.New("failed to parse int elements in input string")
	ErrNotFloats   = errors.New("failed to parse float elements in input string")
)

// ParseRequest reads the body of a request (E-006):
// width,height,top_left_x,top_left_y,lower_right_x,lower_right_y, without blanks. Its errors are the original's, in the
// original's order; then those of [View.Check], for what the original would take and choke on.
func ParseRequest(body []byte) (View, error) {
	if len(body) == 0 {
		return View{}, ErrEmptyBody
	}
	if !utf8.Valid(body) {
		return View{}, ErrNotText
	}
	tokens := strings.SplitN(string(body), ",", 8)
	if len(tokens) != 6 {
		return View{}, ErrNotSix
	}
	var v View
	for i, side := range []*int{&v.Width, &v.Height} {
		n, err := strconv.ParseUint(strings.TrimPrefix(tokens[i], "+"), 10, 64)
		if err != nil {
			return View{}, ErrNotInts
		}
		*side = int(min(n, 1<<31-1)) // refused by Check all the same, without an overflow on the way
	}
	for i, corner := range []*float64{&v.Left, &v.Top, &v.Right, &v.Bottom} {
		f, ok := parseFloat(tokens[2+i])
		if !ok {
			return View{}, ErrNotFloats
		}
		*corner = f
	}
	if err := v.Check(); err != nil {
		return View{}, err
	}
	return v, nil
}

// parseFloat takes what the original takes: decimal numbers, also too large ones and inf and nan by name, but neither
// hexadecimal nor underscores.
func parseFloat(s string) (float64, bool) {
	if strings.ContainsAny(s, "xX_") {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil || errors.Is(err, strconv.ErrRange)
}
