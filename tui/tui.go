// Package tui is the lab's screen: it draws what a cluster does, and lets a user break it.
//
// [Run] is the screen, [Print] the same news as labelled lines for pipes, plain terminals and screen readers, and [Steer] that for
// one who acts by lines; [CanDraw] says which a terminal is fit for. All are fed by a [Feed], in general a [Broker], with one [News] a frame, and hand
// deeds to a [Control]. The screen is one Bubble Tea model (model.go); the panes (picture.go, nodes.go, failure.go,
// log.go, topology.go, bars.go) turn its state into rows and know nothing of it; one table (actions.go) is all that can be done.
//
// The package knows no cluster: who runs the nodes and who receives the results supplies both interfaces. It writes to
// the terminal and nowhere else, and nothing else may write there while it runs.
package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"fracture/clock"
	"fracture/render"
	"fracture/work"
	"fracture/work/fractal"
)

// ErrNotOurs: the node was not started by this lab, so this lab cannot stop or start it. Do it where the node was
// started.
var ErrNotOurs = errors.New("not this lab's node")

// Doubt is the error of a deed that would end the last node, or the last who holds a task. Nothing was done. It is done all the same
// where the user is sure.
type Doubt struct{ Why string }

// Error says which it would be.
func (d *Doubt) Error() string { return d.Why }

// Control carries out what a user asks for. Each call answers when the deed is done, or refuses with an error that says
// why; [ErrNotOurs] for a node that someone else runs. Calls come from goroutines of their own and may overlap; the
// context ends after [DeedTimeout].
type Control interface {
	// Kill and Freeze refuse with a [Doubt] what loses results, unless the user is sure.
	Kill(ctx context.Context, node string, sure bool) error
	Freeze(ctx context.Context, node string, sure bool) error
	// Inject brings a fault about, in the words of `fracture inject`, and answers with what ends it. It refuses with a [Doubt], too.
	Inject(ctx context.Context, arguments []string, sure bool) (Heal, error)
	Thaw(ctx context.Context, node string) error
	Revive(ctx context.Context, node string) error
	// Guard has the picture's stream guarded so from now on, or started again so where a fault has stopped it. It answers
	// with what holds now, as people read it.
	Guard(ctx context.Context, strategy work.Strategy, factor uint8) (string, error)
	// Look has the picture's stream compute p from now on, and answers once that holds.
	Look(ctx context.Context, p fractal.Params) error
	// Monkey has something broken at random every few seconds from now on, or no more.
	Monkey(ctx context.Context, loose bool) error
	// Heal ends everything that stands, whoever began it, and answers with what did, as people read it. The monkey rests.
	Heal(ctx context.Context) (string, error)
	// Keep writes what is on the screen somewhere, and answers with where that is.
	Keep(ctx context.Context, m *Moment) (string, error)
	// Record begins to note what is broken and healed, or ends that and writes it as a scenario. It answers with which it was,
	// and how to replay it.
	Record(ctx context.Context) (string, error)
}

// Heal ends a fault that stands.
type Heal func(ctx context.Context) error

// DeedTimeout is how long a [Control] may take over one deed.
const DeedTimeout = 5 * time.Second

// Options say how to draw, and what the header tells. The zero value of a field takes its default.
type Options struct {
	Depth   render.Depth // see [ParseDepth]; the zero value is without colour
	ASCII   bool         // only ASCII characters
	FPS     int          // frames a second at most; default 30, at most 60
	JSON    bool         // line mode writes objects
	NoMouse bool         // leave the mouse to the terminal, until a key takes it
	NoAnim  bool         // draw news once a second; what a key does is drawn at once
	Palette string       // of render.PaletteNames; default the first
	Theme   string       // of [ThemeNames]; default the first

	Strategy string        // of the stream, for the header
	Factor   int           // copies of each task, for the header
	Store    string        // for the header: "embedded", or the URL without its password
	Cluster  string        // for the header: the address to join at
	Period   time.Duration // of the stream; a tile is stale after four; default 1 s / 30
	Budget   time.Duration // downtime that is allowed; default 10 ms

	Anchor Anchor    // ties instants to the time of day; default is the start of the screen
	In     io.Reader // default stdin
	Out    io.Writer // default stdout
}

// Anchor is one moment on both clocks.
type Anchor struct {
	At   clock.Instant
	Wall time.Time
}

// withDefaults fills the gaps.
func (o Options) withDefaults() Options {
	if o.FPS <= 0 {
		o.FPS = 30
	}
	o.FPS = min(o.FPS, 60)
	if o.Palette == "" {
		o.Palette = render.PaletteNames[0]
	}
	if o.Theme == "" {
		o.Theme = ThemeNames[0]
	}
	if o.Period <= 0 {
		o.Period = time.Second / 30
	}
	if o.Budget <= 0 {
		o.Budget = 10 * time.Millisecond
	}
	if o.Anchor == (Anchor{}) {
		o.Anchor = Anchor{At: clock.Now(), Wall: time.Now()}
	}
	if o.In == nil {
		o.In = os.Stdin
	}
	if o.Out == nil {
		o.Out = os.Stdout
	}
	return o
}

// quitTime is how long the screen may take to end in order.
const quitTime = 2 * time.Second

// Run draws until the user quits, which is no error, or ctx ends, whose error it returns. The terminal is as before when
// it returns, whatever happened, a panic included. It takes no signals: the caller ends ctx on SIGHUP and SIGTERM.
// A nil Control refuses every deed with [ErrNotOurs].
func Run(ctx context.Context, opts Options, feed Feed, control Control) error {
	opts = opts.withDefaults()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m, err := newModel(opts)
	if err != nil {
		return err
	}
	profile := colorprofile.TrueColor // the rows already hold what the terminal can show
	if opts.Depth == render.ASCII {
		profile = colorprofile.ASCII
	}
	m.gauge = &gauge{}
	p := tea.NewProgram(m, tea.WithInput(opts.In), tea.WithOutput(m.gauge.over(opts.Out)),
		tea.WithColorProfile(profile), tea.WithFPS(60), tea.WithoutSignalHandler())

	ended := make(chan struct{})
	var beside sync.WaitGroup
	beside.Go(func() { quit(ctx, p, ended) })
	beside.Go(func() { deliver(ctx, p.Send, feed, time.Second/time.Duration(opts.FPS)) })
	beside.Go(func() { perform(ctx, control, m.deeds, p.Send) })
	_, err = p.Run()
	close(ended)
	cause := ctx.Err()
	cancel()
	beside.Wait()

	switch {
	case m.failed != nil:
		return m.failed
	case cause != nil:
		return cause
	case err != nil:
		return fmt.Errorf("draw the screen: %w", err)
	}
	return nil
}

// quit ends a program with ctx, and returns when it has ended. Bubble Tea's own way with a context closes the terminal while it
// is still being read. So it is asked to quit, and made to where it does not, for it may be stuck in a terminal that takes no
// more.
func quit(ctx context.Context, p *tea.Program, ended <-chan struct{}) {
	<-ctx.Done()
	var asking sync.WaitGroup
	defer asking.Wait()
	asking.Go(p.Quit) // waits for a program that is busy, until it takes the wish or has ended
	select {
	case <-ended:
	case <-time.After(quitTime):
		p.Kill()
	}
}

// panicked is the error of a panic in what the screen was given.
type panicked struct {
	where string
	value any
	stack []byte
}

// Error says where it was and what it was panicked with.
func (p *panicked) Error() string { return fmt.Sprintf("%s: panic: %v", p.where, p.value) }

// Stack is the stack of the goroutine where it panicked.
func (p *panicked) Stack() []byte { return p.stack }

// deliver sends one batch of news a frame. When the program is busy it waits, and the feed holds or drops what comes
// meanwhile. A panic of the feed ends the screen in order instead of leaving the terminal raw.
func deliver(ctx context.Context, send func(tea.Msg), feed Feed, every time.Duration) {
	defer func() {
		if r := recover(); r != nil {
			send(failure{&panicked{"news for the screen", r, debug.Stack()}})
		}
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		send(frame{feed.Collect(clock.Now())})
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
