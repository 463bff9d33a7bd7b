package tui

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"fracture/clock"
)

// maxOrder bounds a line that asks for something, in bytes.
const maxOrder = 256

// Steer is [Print] for a user who acts: each line of Options.In is an action by its name, with what it is for behind it, as behind the
// screen's colon: "kill n3", "guard", "heal". What comes of it is a line, too. The end of the input ends nothing; quit does. When it
// returns a read of the input may still wait.
func Steer(ctx context.Context, opts Options, feed Feed, control Control) error {
	opts = opts.withDefaults()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := newSteer(opts)
	if err != nil {
		return err
	}
	orders, told := make(chan order), make(chan tea.Msg)
	go readOrders(ctx, opts.In, orders) // it ends with its input, which nobody else reads
	var beside sync.WaitGroup
	defer beside.Wait()
	defer cancel()
	beside.Go(func() {
		perform(ctx, control, s.model.deeds, func(msg tea.Msg) {
			select {
			case told <- msg:
			case <-ctx.Done():
			}
		})
	})
	tick := time.NewTicker(printEvery)
	defer tick.Stop()
	for {
		if err := s.print(feed.Collect(clock.Now())); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		case msg := <-told:
			s.hear(msg)
		case order := <-orders:
			if s.obey(order) {
				return nil
			}
		}
		if s.model.failed != nil {
			return s.model.failed
		}
	}
}

// order is a line of the input.
type order struct {
	text string
	long bool // it is longer than a line may be, and this is its beginning
}

// readOrders hands on the lines of an input until it ends.
func readOrders(ctx context.Context, in io.Reader, orders chan<- order) {
	r := bufio.NewReaderSize(in, maxOrder)
	for rest := false; ; {
		line, more, err := r.ReadLine()
		if err != nil {
			return
		}
		if !rest {
			select {
			case orders <- order{string(line), more}:
			case <-ctx.Done():
				return
			}
		}
		rest = more
	}
}

// steer is the line mode with the screen's model behind it, which nobody draws.
type steer struct {
	*printer
	model   *model
	last    string // line
	waiting string // the action of which it is not told yet what came of it; empty: none
}

func newSteer(opts Options) (*steer, error) {
	m, err := newModel(opts)
	if err != nil {
		return nil, err
	}
	m.arrange(1, 1) // nothing is drawn
	m.lines = true
	return &steer{printer: newPrinter(opts), model: m}, nil
}

// print tells a batch, and lets the model know of it.
func (s *steer) print(n News) error {
	s.model.absorb(n)
	return s.printer.print(n)
}

// answerFact is what came of what was asked for.
type answerFact struct {
	Text    string `json:"text"`
	Refused bool   `json:"refused,omitempty"`
}

func (f answerFact) words() string {
	if f.Refused {
		return "refused: " + f.Text
	}
	return f.Text
}

// answer tells what the footer would say.
func (s *steer) answer() {
	if m := &s.model.state; m.message != "" {
		s.tell("answer", m.now, answerFact{m.message, m.alarm && m.asked == question{} && m.parting == ""})
	}
}

// hear takes what came of a deed.
func (s *steer) hear(msg tea.Msg) {
	st := &s.model.state
	before := st.message
	st.message = ""
	s.model.Update(msg)
	switch {
	case st.message != "":
		s.answer()
	case s.waiting != "":
		s.tell("answer", st.now, answerFact{Text: s.waiting + ": done"})
	default: // nobody has asked for it
		st.message = before
	}
	s.waiting = ""
}

// refuse says why a line does nothing.
func (s *steer) refuse(format string, args ...any) {
	s.tell("answer", s.model.state.now, answerFact{fmt.Sprintf(format, args...), true})
}

// obey does what a line asks for, and reports whether that ends it.
func (s *steer) obey(o order) (quits bool) {
	m, st := s.model, &s.model.state
	if st.now == 0 {
		st.now = clock.Now()
	}
	line := strings.TrimSpace(o.text)
	name, rest, _ := strings.Cut(line, " ")
	if i := st.numbered(name); st.parting != "" && i >= 0 { // from whom it is to be cut off
		if !m.part(strconv.Itoa(i + 1)) {
			s.refuse("a node is not cut off from itself")
		}
		return false
	}
	if line != s.last { // no answer to what was asked
		st.asked, st.parting = question{}, ""
	}
	s.last = line
	i := slices.IndexFunc(m.table, func(a action) bool { return a.name == name })
	switch {
	case name == "":
	case o.long:
		s.refuse("a line of more than %d bytes", maxOrder)
	case i < 0:
		text := "there is no action " + strconv.Quote(name) + "; help lists them"
		if near := matches(m.table, name); len(near) > 0 {
			text += "; did you mean " + near[0].name + "?"
		}
		s.refuse("%s", text)
	case name == "quit":
		return true
	case name == "help":
		s.explain()
	case m.table[i].drawn:
		s.refuse("%s is about what a screen draws, and there is none", name)
	default:
		s.do(&m.table[i], strings.TrimSpace(rest))
	}
	return false
}

// do does what an action does.
func (s *steer) do(a *action, rest string) {
	m, st := s.model, &s.model.state
	if rest == "" && a.line != nil && a.name != "goto" {
		rest = st.picked
	}
	given := m.given
	st.message = ""
	m.run(a, rest)
	switch {
	case st.message != "":
		s.answer()
	case m.given == given:
		s.tell("answer", st.now, answerFact{Text: a.name + ": done"})
	default:
		s.waiting = a.name
	}
}

// numbered is the place of a node by its name, or by its number in the list; -1 where there is none.
func (s *state) numbered(text string) int {
	i := s.ordinal(text)
	if number, err := strconv.Atoi(text); i < 0 && err == nil && number >= 1 && number <= len(s.nodes) {
		return number - 1
	}
	return i
}

// explain tells of every action.
func (s *steer) explain() {
	for i := range s.model.table {
		if a := &s.model.table[i]; !a.drawn {
			s.tell("action", s.model.state.now, actionFact{a.name, a.help})
		}
	}
}

// actionFact is something that can be asked for.
type actionFact struct {
	Name string `json:"name"`
	Help string `json:"help"`
}

func (f actionFact) words() string { return f.Name + ": " + f.Help }
