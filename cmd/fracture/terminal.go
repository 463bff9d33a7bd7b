package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// isTerminal reports whether what is written to w is seen by a person.
func isTerminal(w io.Writer) bool { return windowOf(w) != nil }

// terminalSize is the size of the terminal that w is, or nil when it is none or does not know.
func terminalSize(w io.Writer) *unix.Winsize {
	size := windowOf(w)
	if size == nil || size.Col == 0 || size.Row < 2 {
		return nil
	}
	return size
}

// windowOf is what the terminal that w is says of its size; nil when w is none.
func windowOf(w io.Writer) *unix.Winsize {
	file, ok := w.(*os.File)
	if !ok {
		return nil
	}
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return nil
	}
	return size
}
