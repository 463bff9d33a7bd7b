package tui

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"fracture/clock"
)

// printEvery is how often the line mode looks for news, and summaryEvery how often it sums up.
const (
	printEvery   = 100 * time.Millisecond
	summaryEvery = time.Second
)

// Print writes the feed's news as lines, one labelled line an event and a summary each second, until ctx ends, whose
// error it returns, or the writer refuses. It writes no escape codes and moves no cursor, so it suits pipes, logs, plain
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
		text := ""
		if s.stopped != "" {
			text = "; stopped: " + s.stopped
		}
		p.line("stream", n.Now, "%s every %s ms, strategy %s ×%d%s", plural(n.Stream.Tiles, "tile"), ms(millis(n.Stream.Period)),
			n.Stream.Strategy, n.Stream.Factor, text)
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
	return p.out.Flush()
}

// line writes one line: its label, the time of day, and what it says. An error of the writer comes out of Flush.
func (p *printer) line(label string, at clock.Instant, format string, args ...any) {
	_, _ = io.WriteString(p.out, fmt.Sprintf("%-8s %s  ", label, p.state.opts.stamp(at, "15:04:05.000"))+
		clean(fmt.Sprintf(format, args...))+"\n")
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
	count := ""
	if e.times > 1 {
		count = fmt.Sprintf(" (%d times)", e.times)
	}
	p.line("event", e.at, "%s %s: %s%s", e.node, e.verb, e.text, count)
}

// changes writes a line for each node that is another way than before.
func (p *printer) changes(nodes []Node) {
	for i := range nodes {
		n := &nodes[i]
		before := p.state.ordinal(n.Name)
		if before < 0 || p.state.nodes[before].State != n.State {
			p.line("node", p.state.now, "%s is %s", n.Name, n.State)
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
	_, heir, _ := told(s, i)
	downtime := ms(i.Downtime) + " ms" + i.judged(millis(s.opts.Budget))
	if i.Untold != "" {
		downtime = "cannot be told: " + i.Untold
	}
	p.line("incident", i.At, "%s %s; %s; downtime %s", i.Node, i.What, heir, downtime)
}

func (p *printer) summary() {
	s := &p.state
	alive, ill, dead := s.census()
	stale := 0
	for _, at := range p.arrived {
		if s.now.Sub(at) > staleAfter(s.opts.Period) {
			stale++
		}
	}
	text := fmt.Sprintf("nodes %d alive, %d unwell, %d dead; tiles %d, %d stale", alive, ill, dead, len(p.arrived), stale)
	if t := s.totals; t != nil {
		text += fmt.Sprintf("; frame %d; %.0f results/s; lateness %s ms; lost %d; duplicates %d; needless takeovers %.1f/min",
			t.Frame, t.Results, ms(t.lateness()), t.Lost, t.Duplicates, t.NeedlessPerMinute)
	}
	if l := s.latency; l.N > 0 {
		text += fmt.Sprintf("; downtime n %d, last %s ms, p50 %s ms, p99 %s ms, max %s ms", l.N, ms(l.Last), ms(l.P50), ms(l.P99), ms(l.Max))
	}
	if n := s.latency.Untold; n > 0 {
		text += "; downtime that cannot be told n " + strconv.Itoa(n)
	}
	if t := s.totals; t != nil && t.Unmeasured > 0 {
		text += fmt.Sprintf("; %d results came and were not measured: among those lost", t.Unmeasured)
	}
	if s.gone() {
		text = "the cluster is gone: no node answers any more"
	}
	if away := s.storeAway(); away > 0 {
		text += fmt.Sprintf("; store away for %d s", int(away.Seconds()))
	}
	if s.missed > 0 {
		text += fmt.Sprintf("; %d events missed", s.missed)
	}
	p.line("summary", s.now, "%s", text)
}
