package tui

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/charmbracelet/colorprofile"
	"golang.org/x/sys/unix"

	"fracture/render"
)

// ErrUnknownDepth: the name is none of auto, truecolor, 256, 16 and none; offer those.
var ErrUnknownDepth = errors.New("unknown colour depth")

// tmuxTimeout bounds how long tmux may take to say what the terminal outside can do.
const tmuxTimeout = 300 * time.Millisecond

// ParseDepth is the depth of a name: truecolor, 256, 16, none, or auto, which reads it from the environment: NO_COLOR,
// whatever its value (no-color.org), COLORTERM, TERM, the terminfo entry, and inside tmux what tmux says of the terminal
// outside. An explicit name wins over NO_COLOR.
func ParseDepth(name string, env []string) (render.Depth, error) {
	switch name {
	case "truecolor":
		return render.TrueColor, nil
	case "256":
		return render.Colors256, nil
	case "16":
		return render.Colors16, nil
	case "none":
		return render.ASCII, nil
	case "auto", "":
		return detectDepth(env, askTmux), nil
	}
	return 0, fmt.Errorf("%w %q: one of auto, truecolor, 256, 16, none", ErrUnknownDepth, name)
}

// detectDepth finds the depth; features asks tmux for what its client can do.
func detectDepth(env []string, features func() string) render.Depth {
	if lookup(env, "NO_COLOR") != "" {
		return render.ASCII
	}
	term := lookup(env, "TERM")
	profile := colorprofile.Env(env)
	if profile >= colorprofile.ANSI && profile < colorprofile.TrueColor {
		profile = max(profile, colorprofile.Terminfo(term))
	}
	inTmux := lookup(env, "TMUX") != "" && (strings.HasPrefix(term, "tmux") || strings.HasPrefix(term, "screen"))
	if inTmux && profile < colorprofile.TrueColor && saysTrueColor(features()) {
		return render.TrueColor
	}
	switch profile {
	case colorprofile.TrueColor:
		return render.TrueColor
	case colorprofile.ANSI256:
		return render.Colors256
	case colorprofile.ANSI:
		return render.Colors16
	}
	return render.ASCII
}

// saysTrueColor reads tmux's list of a client's features, such as "256,RGB,title".
func saysTrueColor(features string) bool {
	for f := range strings.SplitSeq(strings.TrimSpace(features), ",") {
		if f == "RGB" || f == "Tc" {
			return true
		}
	}
	return false
}

func askTmux() string {
	ctx, cancel := context.WithTimeout(context.Background(), tmuxTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, "tmux", "display", "-p", "#{client_termfeatures}").Output()
	if err != nil {
		return "" // no tmux to ask, or one too old to know: what the environment says stands
	}
	return string(out)
}

// lookup is the value of a variable in an environment of "name=value"; the last one counts, as in a shell.
func lookup(env []string, name string) (value string) {
	for _, e := range env {
		if k, v, ok := strings.Cut(e, "="); ok && k == name {
			value = v
		}
	}
	return value
}

// CanDraw reports whether the screen can be drawn on a file descriptor in an environment, and keys be read from another, and
// if not, why; [Print] then serves better.
func CanDraw(env []string, in, out int) (ok bool, why string) {
	switch lookup(env, "TERM") {
	case "":
		return false, "TERM is not set"
	case "dumb":
		return false, "TERM is dumb"
	}
	size, err := unix.IoctlGetWinsize(out, unix.TIOCGWINSZ)
	if err != nil {
		return false, "the output is no terminal"
	}
	if _, err := unix.IoctlGetTermios(in, unix.TCGETS); err != nil {
		return false, "the input is no terminal"
	}
	if size.Col < 20 || size.Row < 5 {
		return false, fmt.Sprintf("the terminal has %d×%d cells, and at least 20×5 are needed", size.Col, size.Row)
	}
	return true, ""
}
