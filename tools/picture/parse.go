package main

import (
	"fmt"
	"strconv"
	"strings"
)

// The colours of a terminal that has none of its own. The ground is black, as the fractal's members are: tmux leaves
// out cells at a line's end that were erased in a colour, and a member's black is the only one that is lost so.
const (
	ground = "#000000"
	ink    = "#c9d1d9"
)

// pen is how a cell is written.
type pen struct {
	front, back      string // #rrggbb
	bold, dim, turns bool   // turns: the two colours change places
}

// cell is one place of the screen.
type cell struct {
	glyph rune
	pen   pen
}

// screen is what a terminal shows, row by row; every row has the same length.
type screen [][]cell

// parse reads lines of text with escape codes. What lies beyond the size is left out, what is missing is ground.
func parse(text string, columns, rows int) screen {
	plain := pen{front: ink, back: ground}
	s := make(screen, rows)
	for y := range s {
		s[y] = make([]cell, columns)
		for x := range s[y] {
			s[y][x] = cell{' ', plain}
		}
	}
	p := plain
	for y, line := range strings.Split(text, "\n") {
		if y >= rows {
			break
		}
		x := 0
		for line != "" {
			if codes, rest, ok := cutSGR(line); ok {
				p, line = p.set(codes, plain), rest
				continue
			}
			for i, r := range line { // the first rune
				if x < columns {
					s[y][x] = cell{r, p}
				}
				x++
				line = line[i+len(string(r)):]
				break
			}
		}
	}
	return s
}

// cutSGR cuts the codes of an escape sequence for colours and attributes off the beginning of s.
func cutSGR(s string) (codes []int, rest string, ok bool) {
	s, ok = strings.CutPrefix(s, "\x1b[")
	end := strings.IndexByte(s, 'm')
	if !ok || end < 0 {
		return nil, "", false
	}
	for _, code := range strings.FieldsFunc(s[:end], func(r rune) bool { return r == ';' || r == ':' }) {
		n, err := strconv.Atoi(code)
		if err != nil {
			return nil, "", false
		}
		codes = append(codes, n)
	}
	if len(codes) == 0 {
		codes = []int{0}
	}
	return codes, s[end+1:], true
}

// set is the pen after codes.
func (p pen) set(codes []int, plain pen) pen {
	for i := 0; i < len(codes); i++ {
		switch n := codes[i]; {
		case n == 0:
			p = plain
		case n == 1:
			p.bold = true
		case n == 2:
			p.dim = true
		case n == 22:
			p.bold, p.dim = false, false
		case n == 7:
			p.turns = true
		case n == 27:
			p.turns = false
		case n == 38 || n == 48:
			colour, used := extended(codes[i+1:])
			i += used
			if n == 38 {
				p.front = colour
			} else {
				p.back = colour
			}
		case n == 39:
			p.front = plain.front
		case n == 49:
			p.back = plain.back
		case n >= 30 && n <= 37:
			p.front = indexed(n - 30)
		case n >= 90 && n <= 97:
			p.front = indexed(n - 90 + 8)
		case n >= 40 && n <= 47:
			p.back = indexed(n - 40)
		case n >= 100 && n <= 107:
			p.back = indexed(n - 100 + 8)
		}
	}
	return p
}

// extended reads what follows 38 or 48, and how many codes that were.
func extended(codes []int) (colour string, used int) {
	switch {
	case len(codes) >= 4 && codes[0] == 2:
		return fmt.Sprintf("#%02x%02x%02x", codes[1], codes[2], codes[3]), 4
	case len(codes) >= 2 && codes[0] == 5:
		return indexed(codes[1]), 2
	}
	return ink, len(codes)
}

// indexed is a colour of xterm's 256.
func indexed(n int) string {
	sixteen := [...]string{
		"#000000", "#cd3131", "#0dbc79", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#c9d1d9",
		"#6e7686", "#f14c4c", "#23d18b", "#f5f543", "#3b8eea", "#d670d6", "#29b8db", "#ffffff",
	}
	switch {
	case n < 0 || n > 255:
		return ink
	case n < 16:
		return sixteen[n]
	case n < 232:
		level := func(v int) int {
			if v == 0 {
				return 0
			}
			return 55 + 40*v
		}
		n -= 16
		return fmt.Sprintf("#%02x%02x%02x", level(n/36), level(n/6%6), level(n%6))
	}
	grey := 8 + 10*(n-232)
	return fmt.Sprintf("#%02x%02x%02x", grey, grey, grey)
}

// colours are the two that a cell shows.
func (p pen) colours() (front, back string) {
	if p.turns {
		return p.back, p.front
	}
	return p.front, p.back
}
