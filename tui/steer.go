package tui

import (
	"bufio"
	"context"
	"fmt"
	"io"
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
// screen's colon: "kill n3", "guard", "heal". What comes of it is a line, too. The end of the input ends nothing; quit does.
func Steer(ctx context.Context, opts Options, feed Feed, control Control) error {
	opts = opts.withDefaults()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := newSteer(opts)
	if err != nil {
		return err
	}
	orders, told := make(chan string), make(chan tea.Msg)
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

// readOrders hands on the lines of an input until it ends. What is longer than a line may be is handed on in pieces, which are no
// actions.
func readOrders(ctx context.Context, in io.Reader, orders chan<- string) {
	r := bufio.NewReaderSize(in, maxOrder)
	for {
		line, _, err := r.ReadLine()
		if err != nil {
			return
		}
		select {
		case orders <- string(line):
		case <-ctx.Done():
			return
		}
	}
}

// steer is the line mode with the screen's model behind it, which nobody draws.
type steer struct {
	*printer
	model *model
}

func newSteer(opts Options) (*steer, error) {
	m, err := newModel(opts)
	if err != nil {
		return nil, err
	}
	m.arrange(1, 1) // nothing is drawn
	return &steer{newPrinter(opts), m}, nil
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
	s.model.Update(msg)
	s.answer()
}

// obey does what a line asks for, and reports whether that ends it.
func (s *steer) obey(line string) (quits bool) {
	name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	m, st := s.model, &s.model.state
	if name == "" {
		return false
	}
	if st.now == 0 {
		st.now = clock.Now()
	}
	if i := st.numbered(name); st.parting != "" && i >= 0 { // from whom it is to be cut off
		m.part(strconv.Itoa(i + 1))
		return false
	}
	for i := range m.table {
		a := &m.table[i]
		if a.name != name {
			continue
		}
		switch name {
		case "quit":
			return true
		case "help":
			s.explain()
			return false
		}
		given := m.given
		st.message = ""
		m.run(a, strings.TrimSpace(rest))
		if st.message == "" && m.given == given {
			st.say(false, "%s: done", name)
		}
		s.answer() // of a deed it comes later
		return false
	}
	text := "there is no action " + strconv.Quote(name) + "; help lists them"
	if near := matches(m.table, name); len(near) > 0 {
		text += "; did you mean " + near[0].name + "?"
	}
	s.tell("answer", st.now, answerFact{text, true})
	return false
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
		a := &s.model.table[i]
		s.tell("action", s.model.state.now, actionFact{a.name, a.help})
	}
}

// actionFact is something that can be asked for.
type actionFact struct {
	Name string `json:"name"`
	Help string `json:"help"`
}

func (f actionFact) words() string { return f.Name + ": " + f.Help }
