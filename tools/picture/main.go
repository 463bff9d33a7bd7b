// Command picture turns a captured terminal into an SVG: what `tmux capture-pane -epN` prints goes in, a drawing that
// looks the same in every browser comes out.
//
//	tmux capture-pane -epN | picture -title "fracture lab" >lab.svg
//
// Cells have one size, whatever font the reader has: text is stretched to its cells, and the glyphs that draw (half
// blocks, blocks, rules) are drawn as rectangles. It knows the escape codes that tmux writes, which are colours and
// attributes, and no others.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	columns := flag.Int("columns", 120, "`width` of the terminal in cells")
	rows := flag.Int("rows", 36, "`height` of the terminal in cells")
	title := flag.String("title", "", "what the drawing is called, by those who cannot see it too")
	flag.Parse()
	if err := convert(os.Stdin, os.Stdout, *columns, *rows, *title); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

// convert reads a capture and writes its drawing.
func convert(in io.Reader, out io.Writer, columns, rows int, title string) error {
	text, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("read the capture: %w", err)
	}
	w := bufio.NewWriter(out)
	draw(w, parse(string(text), columns, rows), title)
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the drawing: %w", err)
	}
	return nil
}
