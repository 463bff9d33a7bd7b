package tui

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/creack/pty"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"fracture/clock"
	"fracture/render"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// terminal is a real pty with a screen on it.
type terminal struct {
	t       *testing.T
	user    *os.File // the end at which the user sits
	program *os.File
	mu      sync.Mutex // guards seen
	seen    bytes.Buffer
	more    chan struct{} // that something was read since the last look
	read    chan struct{} // closed when nothing more can be read
}

func newTerminal(t *testing.T, cols, rows uint16) *terminal {
	t.Helper()
	user, program, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	must(t, pty.Setsize(user, &pty.Winsize{Rows: rows, Cols: cols}))
	term := &terminal{t: t, user: user, program: program, more: make(chan struct{}, 1), read: make(chan struct{})}
	go func() {
		defer close(term.read)
		buf := make([]byte, 1<<16)
		for {
			n, err := user.Read(buf)
			term.mu.Lock()
			term.seen.Write(buf[:n])
			term.mu.Unlock()
			select {
			case term.more <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = program.Close()
		<-term.read
		_ = user.Close()
	})
	return term
}

func (term *terminal) text() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.seen.String()
}

// await waits until the screen has written something.
func (term *terminal) await(what string) {
	term.t.Helper()
	deadline := time.After(20 * time.Second)
	for !strings.Contains(term.text(), what) {
		select {
		case <-term.more:
		case <-deadline:
			text := term.text()
			term.t.Fatalf("the screen never wrote %q; it wrote %d bytes ending in %q", what, len(text), text[max(0, len(text)-200):])
		}
	}
}

func (term *terminal) enter(keys string) {
	term.t.Helper()
	if _, err := io.WriteString(term.user, keys); err != nil {
		term.t.Fatal(err)
	}
}

// run starts the screen and gives what it returns.
func (term *terminal) run(ctx context.Context, feed Feed, control Control) <-chan error {
	done := make(chan error, 1)
	opts := Options{Depth: render.TrueColor, In: term.program, Out: term.program, Period: fakePeriod}
	go func() { done <- Run(ctx, opts, feed, control) }()
	return done
}

func (term *terminal) wait(done <-chan error) error {
	term.t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(20 * time.Second):
		term.t.Fatal("the screen does not end")
		return nil
	}
}

// state is the terminal's line discipline: raw or as it was.
func (term *terminal) state() unix.Termios {
	term.t.Helper()
	s, err := unix.IoctlGetTermios(int(term.program.Fd()), unix.TCGETS)
	if err != nil {
		term.t.Fatal(err)
	}
	return *s
}

// restored checks that all that the screen set is taken back.
func (term *terminal) restored(before unix.Termios) {
	term.t.Helper()
	for _, off := range []string{"\x1b[?1049l", "\x1b[?25h", "\x1b[?1002l", "\x1b[?2004l"} {
		term.await(off)
	}
	if term.state() != before {
		term.t.Error("the terminal's modes are not as before")
	}
	if text := term.text(); strings.LastIndex(text, "\x1b[?1049l") < strings.LastIndex(text, "\x1b[?1049h") {
		term.t.Error("the alternate screen was entered again after it was left")
	}
}

func TestRun_drawsObeysAndRestoresTheTerminalOnQuit(t *testing.T) {
	term := newTerminal(t, 120, 36)
	before := term.state()
	f := newFake(5)
	done := term.run(t.Context(), f, f)
	term.await("\x1b[?1049h")
	term.await("owner of 5 tiles")
	term.enter("2x")
	term.await("killed")
	must(t, pty.Setsize(term.user, &pty.Winsize{Rows: 24, Cols: 80}))
	must(t, unix.Kill(os.Getpid(), unix.SIGWINCH))
	term.await("took over") // so says the log
	term.enter("?")
	term.await("leave the screen")
	term.enter("q")
	if err := term.wait(done); err != nil {
		t.Errorf("Run = %v, want nil after q", err)
	}
	term.restored(before)
	if len(f.calls) != 1 || f.calls[0] != "kill n2" {
		t.Errorf("the deeds were %q, want one: kill n2", f.calls)
	}
}

func TestRun_aResizeTakesBackTheMarginsOfTheSizeBefore(t *testing.T) {
	term := newTerminal(t, 90, 28)
	f := newFake(5)
	done := term.run(t.Context(), f, f)
	term.await("5 alive")
	before := len(term.text())
	must(t, pty.Setsize(term.user, &pty.Winsize{Rows: 45, Cols: 150}))
	must(t, unix.Kill(os.Getpid(), unix.SIGWINCH))
	term.await("RSS MiB") // a column that only the new size has
	term.enter("?")
	term.await("leave the screen")
	term.enter("q")
	if err := term.wait(done); err != nil {
		t.Errorf("Run = %v, want nil after q", err)
	}
	after := term.text()[before:]
	reset := strings.LastIndex(after, ansi.SetTopBottomMargins(0, 0))
	if reset < 0 || !strings.Contains(after[reset:], ansi.EraseEntireScreen) {
		t.Errorf("after a resize the margins are taken back at byte %d of %d, want so, and a whole screen after it", reset, len(after))
	}
}

func TestRun_restoresTheTerminalWhenItsContextEnds(t *testing.T) {
	term := newTerminal(t, 80, 24)
	before := term.state()
	ctx, cancel := context.WithCancel(t.Context())
	done := term.run(ctx, newFake(5), nil)
	term.await("\x1b[?1049h")
	cancel()
	if err := term.wait(done); !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v, want %v", err, context.Canceled)
	}
	term.restored(before)
}

// panicking panics in its third batch.
type panicking struct{ calls int }

func (p *panicking) Collect(now clock.Instant) News {
	if p.calls++; p.calls > 3 {
		panic("the feed broke")
	}
	return News{Now: now}
}

func TestRun_restoresTheTerminalWhenTheFeedPanics(t *testing.T) {
	term := newTerminal(t, 80, 24)
	before := term.state()
	done := term.run(t.Context(), &panicking{}, nil)
	if err := term.wait(done); err == nil || !strings.Contains(err.Error(), "the feed broke") {
		t.Errorf("Run = %v, want the panic", err)
	}
	term.restored(before)
}

// brittle is a Control whose deeds panic.
type brittle struct{ *fake }

func (brittle) Kill(context.Context, string, bool) error { panic("the control broke") }

func TestRun_restoresTheTerminalWhenTheControlPanics(t *testing.T) {
	term := newTerminal(t, 80, 24)
	before := term.state()
	done := term.run(t.Context(), newFake(3), brittle{newFake(3)})
	term.await("kill")
	term.enter("x")
	if err := term.wait(done); err == nil || !strings.Contains(err.Error(), "the control broke") {
		t.Errorf("Run = %v, want the panic", err)
	}
	term.restored(before)
}

func TestRun_refusesAnUnknownPalette(t *testing.T) {
	if err := Run(t.Context(), Options{Palette: "mud"}, &Broker{}, nil); !errors.Is(err, render.ErrUnknownPalette) {
		t.Errorf("Run = %v, want %v", err, render.ErrUnknownPalette)
	}
}

func TestCanDraw_refusesWhatIsNoTerminal(t *testing.T) {
	term := newTerminal(t, 80, 24)
	fd := int(term.program.Fd())
	if ok, why := CanDraw([]string{"TERM=xterm"}, fd, fd); !ok {
		t.Errorf("a terminal of 80×24 is refused: %s", why)
	}
	r, w, err := os.Pipe()
	must(t, err)
	defer func() { _, _ = r.Close(), w.Close() }()
	small := newTerminal(t, 10, 3)
	for what, c := range map[string]struct {
		env     []string
		in, out int
		why     string
	}{
		"a dumb terminal":  {[]string{"TERM=dumb"}, fd, fd, "TERM is dumb"},
		"an unknown one":   {nil, fd, fd, "TERM is not set"},
		"a pipe":           {[]string{"TERM=xterm"}, fd, int(w.Fd()), "the output is no terminal"},
		"keys from a pipe": {[]string{"TERM=xterm"}, int(r.Fd()), fd, "the input is no terminal"},
		"a tiny one":       {[]string{"TERM=xterm"}, fd, int(small.program.Fd()), "10×3"},
	} {
		if ok, why := CanDraw(c.env, c.in, c.out); ok || !strings.Contains(why, c.why) {
			t.Errorf("%s: CanDraw = %v, %q; want a refusal with %q", what, ok, why, c.why)
		}
	}
}
