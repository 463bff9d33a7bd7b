package scenario

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Bounds of a recording.
const (
	MaxRecorded      = 256                   // faults; Parse takes as many, whatever flags they have
	MaxRecordedTime  = longest - time.Minute // from its beginning to a fault, and for which one stands
	shortestRecorded = 10 * time.Millisecond // for which a fault stands, as `fracture inject` takes it
)

// Recording is what was done to a cluster while somebody watched, to be written as a scenario.
type Recording struct {
	Title, Question string
	Cluster         Cluster
	YesBreakIt      bool     // it has broken a last holder, which its replay must be allowed to
	Faults          []Strike // Fault or Guard says what was done; a fault strikes named nodes
	Notes           []string // what a scenario cannot say, a line each
}

// YAML spells the recording in the short form. Times are whole milliseconds, and none stands for less than ten. Of two faults at
// one process the first ends before the second begins, so that one may come some milliseconds later than it did. Where nothing
// was broken there is a noop, so that there is something to judge.
func (r Recording) YAML() []byte {
	var b strings.Builder
	for _, note := range r.Notes {
		b.WriteString("# " + strings.Join(strings.Fields(note), " ") + "\n")
	}
	if len(r.Notes) > 0 {
		b.WriteByte('\n')
	}
	c := r.Cluster
	writeYAML(&b, tableOf().putText("title", r.Title).putText("question", r.Question).putWhole("nodes", c.Nodes).putWhole("zones", c.Zones).putTruth("netns", c.NetNS).
		putText("strategy", c.Strategy).putWhole("factor", c.Factor).putTruth(yesBreakIt, r.YesBreakIt), "")
	b.WriteString("\nfaults:\n")
	faults := spaced(r.Faults)
	if !slices.ContainsFunc(faults, func(s Strike) bool { return s.Guard.Strategy == 0 }) {
		faults = slices.Insert(faults, 0, Strike{Fault: Fault{Kind: "noop"}})
	}
	for _, s := range faults {
		b.WriteString("  - ")
		n := s.put(tableOf())
		n.keys = slices.Insert(n.keys, 1, scalar(text, "at")) // behind what is done
		n.items = slices.Insert(n.items, 1, scalar(text, s.At.String()))
		writeFlow(&b, n)
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// spaced are strikes in the order of their times, in whole milliseconds; those at one process one behind the other.
func spaced(strikes []Strike) []Strike {
	list := slices.Clone(strikes)
	slices.SortStableFunc(list, func(a, b Strike) int { return cmp.Compare(a.At, b.At) })
	free := map[string]time.Duration{} // when a process can bear its next fault
	for i := range list {
		s := &list[i]
		end := (s.At + s.Fault.For).Round(time.Millisecond)
		s.At = s.At.Round(time.Millisecond)
		bodies := s.bodies()
		for _, b := range bodies {
			s.At = max(s.At, free[b])
		}
		if s.Fault.For > 0 {
			s.Fault.For = max(end-s.At, shortestRecorded)
		}
		for _, b := range bodies {
			free[b] = s.At + max(s.Fault.For, shortest) // two cannot begin at once
		}
	}
	return list
}

// bodies are what a strike must be alone with: processes, also for a fault that finds one dead, or the streams.
func (s Strike) bodies() []string {
	arguments := s.Fault.Arguments()
	switch {
	case s.Guard.Strategy != 0:
		return []string{"the streams"}
	case besides[s.Fault.Kind] != nil:
		return sufferers(arguments)
	}
	return bodiesOf(arguments)
}

// plainFlow are texts that stand for themselves within brackets.
var plainFlow = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9._()/-]*|[0-9][0-9.]*(ms|s|m|h)[0-9.msh]*|[0-9]{1,6}(\.[0-9]{1,6})?%)$`)

// writeFlow writes a value on one line.
func writeFlow(b *strings.Builder, n *node) {
	if len(n.items) == 0 {
		b.WriteString(scalarText(n, quoteFlow))
		return
	}
	ends := "[]"
	if n.kind == table {
		ends = "{}"
	}
	b.WriteByte(ends[0])
	for i, item := range n.items {
		if i > 0 {
			b.WriteString(", ")
		}
		if n.kind == table {
			b.WriteString(n.keys[i].text + ": ")
		}
		writeFlow(b, item)
	}
	b.WriteByte(ends[1])
}

func quoteFlow(s string) string {
	if plainFlow.MatchString(s) && !slices.Contains(wordsYAML, strings.ToLower(s)) {
		return s
	}
	return quoteJSON(s)
}
