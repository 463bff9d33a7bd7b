package tui

import (
	"fmt"
	"strings"
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/telemetry"
)

// entry is one line of the log: what happened, once or several times in a row.
type entry struct {
	at    clock.Instant
	node  string
	verb  string
	text  string
	times int
}

// note adds an event to the log, if a person should read it. Equal ones that follow each other closely become one line
// with a count: a dead owner of five tiles is one promotion of five tasks, not five lines.
func (s *state) note(e telemetry.Event) bool {
	n, ok := entryOf(e)
	if !ok {
		return false
	}
	for i := len(s.log) - 1; i >= 0 && i >= len(s.log)-8; i-- {
		l := &s.log[i]
		if l.node == n.node && l.verb == n.verb && l.text == n.text && n.at.Sub(l.at) < mergeWindow {
			l.times++
			return true
		}
	}
	if len(s.log) >= maxLog {
		s.log = append(s.log[:0], s.log[maxLog/10:]...)
	}
	s.log = append(s.log, n)
	if s.back > 0 && s.holds(n) { // what is looked at stays where it is
		s.back++
	}
	return true
}

// entryOf makes the log's line of an event; ok is false for what only the trace is for.
func entryOf(e telemetry.Event) (n entry, ok bool) {
	n = entry{at: e.At, node: e.Node, verb: e.Verb, text: e.Text, times: 1}
	if n.text == "" {
		n.text = sentence(e.Trace)
	}
	if rest, ok := strings.CutPrefix(n.text, e.Node); ok && e.Node != "" { // the line begins with the name
		if trimmed := strings.TrimLeft(rest, ": "); trimmed != rest {
			n.text = trimmed
		}
	}
	return n, n.text != ""
}

// sentence says what a line of the trace means, for the verbs that a person should hear of; empty for the others.
func sentence(t failover.Trace) string {
	splitter := t.Task.Tile == failover.SplitterTile
	switch t.Verb {
	case "detect":
		return "takes " + t.Peer + " for failed by " + t.Signal.String()
	case "recover":
		return "hears " + t.Peer
	case "promote":
		if splitter {
			return "took the splitter over" + from(t.Peer) + " by " + t.Signal.String()
		}
		return "took over" + from(t.Peer) + " by " + t.Signal.String()
	case "replace":
		return "placed a task" + of(t.Peer) + " anew (" + t.Signal.String() + ")" // the signal is seen in the narrowest log
	case "lead":
		return fmt.Sprintf("leads stream %x in reign %d", uint64(t.Task.Stream), t.Epoch.Term.Count())
	case "refuse":
		return "refused a lower epoch of " + t.Peer
	case "drop":
		return "gave up at a bound"
	case "drained":
		return "holds nothing any more and may leave"
	}
	return ""
}

// from names whose something was, where that is known.
func from(peer string) string {
	if peer == "" {
		return ""
	}
	return " from " + peer
}

// of names whose something is, where that is known.
func of(peer string) string {
	if peer == "" {
		return ""
	}
	return " of " + peer
}

// tone is the style of the name in a line of a verb: its text says what the verb does.
func tone(verb string) style {
	switch verb {
	case "kill", "crash", "drop", "lost", "stop":
		return danger
	case "detect", "freeze", "late", "refuse", "disobey", "leave", "left", "store", "mask":
		return caution
	case "promote", "recover", "revive", "thaw", "join", "joined", "guard", "record":
		return good
	}
	return bar
}

// stamp is an instant as the time of day.
func (o Options) stamp(at clock.Instant, layout string) string {
	return o.Anchor.wall(at).Format(layout)
}

// drawLog draws the newest lines of the log that are wanted, or older ones, newest last.
func drawLog(s *state, t *theme, w, h int) []string {
	rows := make([]string, 0, h)
	note := ""
	if s.missed > 0 {
		note = fmt.Sprintf("%d missed", s.missed)
	}
	list, newer := s.shownLog(h - 1)
	mood := caution
	switch {
	case newer > 0:
		note, mood = fmt.Sprintf("%d newer, pgdown", newer), strong
	case s.filter != "":
		note, mood = "with "+s.filter+", esc shows all", strong
	}
	rows = append(rows, s.head(t, paneLog, note, mood, w))
	switch {
	case h <= 1:
	case len(s.log) == 0:
		rows = append(rows, t.line(w).put(faint, "nothing has happened yet").String())
	case len(list) == 0:
		rows = append(rows, t.line(w).put(faint, t.cut("no line holds "+s.filter, w)).String())
	}
	var lines []string
	for _, e := range list[max(0, len(list)-(h-1)):] {
		l := t.line(w).put(faint, s.opts.stamp(e.at, "15:04:05.000")+" ")
		l.left(tone(e.verb), e.node, min(8, s.longestName())).put(plain, " ")
		count := ""
		if e.times > 1 {
			count = fmt.Sprintf(" ×%d", e.times)
		}
		if left := max(l.max-l.w, 0); e.verb == "record" && cells(e.text) > left { // it says what to type
			lines = append(lines, l.put(plain, string([]rune(e.text)[:left])).String())
			lines = append(lines, t.rest([]rune(e.text)[left:], w)...)
			continue
		}
		l.put(plain, t.cut(e.text, l.max-l.w-cells(count))).put(strong, count)
		lines = append(lines, l.String())
	}
	return fill(t, append(rows, lines[max(0, len(lines)-(h-1)):]...), w, h)
}

// rest is what did not fit into a line, in as many rows as it takes.
func (t *theme) rest(text []rune, w int) (rows []string) {
	for len(text) > 0 {
		n := min(len(text), w)
		rows = append(rows, t.line(w).put(plain, string(text[:n])).String())
		text = text[n:]
	}
	return rows
}

// longestName is the width a column of node names needs.
func (s *state) longestName() int {
	n := 2
	for i := range s.nodes {
		n = max(n, cells(s.nodes[i].Name))
	}
	return n
}

// heading is the first row of a panel: its title, a thin rule, and a note at the right end.
func heading(t *theme, name, note string, s style, w int) string {
	return t.line(w).put(title, name).crossed(note, s)
}

// crossed puts what stands behind a title: the rule, and the note.
func (l *line) crossed(note string, s style) string {
	l.put(plain, " ")
	if note == "" {
		return l.rule(l.max).String()
	}
	note = l.look.cut(note, max(l.max-l.w-3, 0))
	return l.rule(l.max-cells(note)-1).put(plain, " ").put(s, note).String()
}

// fill cuts or pads rows to a panel's height.
func fill(t *theme, rows []string, w, h int) []string {
	for len(rows) < h {
		rows = append(rows, t.line(w).String())
	}
	return rows[:h]
}

// age prints how long ago something was, in one unit.
func age(d time.Duration) string {
	switch {
	case d < time.Second:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h ago", int(d.Hours()))
}
