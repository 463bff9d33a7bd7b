package tui

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"fracture/clock"
)

// printEvery is how often the line mode looks for news, and summaryEvery how often it sums up.
const (
	printEvery   = 100 * time.Millisecond
	summaryEvery = time.Second
)

// Print writes the feed's news as lines, one labelled line an event and a summary each second, or with Options.JSON an object each, until
// ctx ends, whose error it returns, or the writer refuses. It writes no escape codes and moves no cursor, so it suits pipes, logs, plain
// terminals and screen readers.
func Print(ctx context.Context, opts Options, feed Feed) error {
	opts = opts.withDefaults()
	p := newPrinter(opts)
	tick := time.NewTicker(printEvery)
	defer tick.Stop()
	for {
		if err := p.print(feed.Collect(clock.Now())); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// printer turns batches of news into lines.
type printer struct {
	out     *bufio.Writer
	state   state
	arrived map[uint32]clock.Instant // when the newest of each tile came
	next    clock.Instant            // when the next summary is due
	failed  error                    // what could not be told
}

func newPrinter(opts Options) *printer {
	return &printer{out: bufio.NewWriter(opts.Out), state: state{opts: opts}, arrived: make(map[uint32]clock.Instant)}
}

// print writes what a batch tells, and the summary when it is due.
func (p *printer) print(n News) error {
	s := &p.state
	s.now = n.Now
	if n.Nodes != nil {
		p.changes(n.Nodes)
		s.setNodes(n.Nodes)
	}
	if n.Stream != nil {
		s.promise(n.Stream)
		p.tell("stream", n.Now, streamFact{n.Stream.Tiles, millis(n.Stream.Period), n.Stream.Strategy, n.Stream.Factor, s.stopped})
	}
	for _, t := range n.Tiles {
		p.arrived[t.Index] = t.Arrived
	}
	if n.Latency != nil {
		s.latency = *n.Latency
	}
	if n.Totals != nil {
		s.totals = n.Totals
	}
	s.missed += n.Missed
	s.log = s.log[:0]
	for _, e := range n.Events {
		s.note(e)
	}
	for _, e := range s.log {
		p.event(e)
	}
	if i := n.Incident; i != nil {
		p.incident(i)
	}
	if p.next == 0 {
		p.next = n.Now.Add(summaryEvery)
	}
	if n.Now >= p.next {
		p.summary()
		p.next = max(p.next.Add(summaryEvery), n.Now)
	}
	return errors.Join(p.failed, p.out.Flush())
}

// tell writes one line: to people its label, the time of day, and what it says; to programs an object. An error of the writer comes
// out of Flush.
func (p *printer) tell(label string, at clock.Instant, f fact) {
	text := fmt.Sprintf("%-8s %s  %s", label, p.state.opts.stamp(at, "15:04:05.000"), f.words())
	if p.state.opts.JSON {
		object, err := asJSON(label, p.state.opts.Anchor.wall(at), f)
		if err != nil {
			p.failed = fmt.Errorf("%s: %w", label, err)
			return
		}
		text = string(object)
	}
	_, _ = io.WriteString(p.out, clean(text)+"\n")
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// clean replaces control characters: what other processes tell must not command the terminal.
func clean(text string) string {
	out := []rune(text)
	for i, r := range out {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			out[i] = '?'
		}
	}
	return string(out)
}

func (p *printer) event(e entry) {
	p.tell("event", e.at, eventFact{e.node, e.verb, e.text, max(e.times, 1)})
}

// changes writes a line for each node that is another way than before.
func (p *printer) changes(nodes []Node) {
	for i := range nodes {
		n := &nodes[i]
		before := p.state.ordinal(n.Name)
		if before < 0 || p.state.nodes[before].State != n.State {
			p.tell("node", p.state.now, nodeFact{n.Name, n.State.String()})
		}
	}
}

func (p *printer) incident(i *Incident) {
	s := &p.state
	if s.incident != nil && *s.incident == *i {
		return
	}
	s.incident = i
	if i.Open {
		return
	}
	p.tell("incident", i.At, s.incidentFact(i))
}

func (p *printer) summary() {
	s := &p.state
	stale := 0
	for _, at := range p.arrived {
		if s.now.Sub(at) > staleAfter(s.opts.Period) {
			stale++
		}
	}
	p.tell("summary", s.now, s.summaryFact(len(p.arrived), stale))
}
