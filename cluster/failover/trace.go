package failover

import (
	"strconv"

	"fracture/clock"
	"fracture/work"
)

// Trace is one line of the trace: what one node did at one instant. Simulator, node log, screen and golden files print
// it by [Trace.Append], so they show the same bytes.
type Trace struct {
	At     clock.Instant
	Node   string
	Verb   string
	Task   work.TaskID
	Epoch  Epoch
	Peer   string
	Signal Signal
}

// TraceOf describes an effect of node at an instant; name spells a peer, and is not called for nobody.
func TraceOf(at clock.Instant, node string, e Effect, name func(NodeID) string) Trace {
	t := Trace{At: at, Node: node, Verb: e.Verb(), Task: e.Message.Task, Epoch: e.Message.Epoch, Signal: e.Signal}
	if e.Peer != 0 {
		t.Peer = name(e.Peer)
	}
	return t
}

// Append appends the line, without a newline: time in milliseconds, node, verb, task, epoch, peer, signal, in columns
// of fixed width, so that a failover is a shape one learns to see.
func (t Trace) Append(buf []byte) []byte {
	us := int64(t.At) / 1000
	buf = padLeft(buf, 13, func(b []byte) []byte {
		b = strconv.AppendInt(b, us/1000, 10)
		b = append(b, '.')
		frac := us % 1000
		b = append(b, byte('0'+frac/100), byte('0'+frac/10%10), byte('0'+frac%10))
		return b
	})
	buf = column(buf, 8, t.Node)
	buf = column(buf, 8, t.Verb)
	buf = padRight(append(buf, ' '), 18, func(b []byte) []byte {
		if t.Task.Stream == 0 {
			return append(b, '-')
		}
		return appendTask(b, t.Task)
	})
	buf = padRight(append(buf, ' '), 8, func(b []byte) []byte {
		if t.Epoch == (Epoch{}) {
			return append(b, '-')
		}
		return t.Epoch.append(b)
	})
	buf = column(buf, 8, orDash(t.Peer))
	return append(append(buf, ' '), t.Signal.String()...)
}

func appendTask(b []byte, id work.TaskID) []byte {
	b = strconv.AppendUint(b, uint64(id.Stream)&0xffff, 16)
	b = append(b, '/')
	b = strconv.AppendUint(b, id.Frame, 10)
	b = append(b, '.')
	if id.Tile == SplitterTile {
		return append(b, '*')
	}
	return strconv.AppendUint(b, uint64(id.Tile), 10)
}

func (e Epoch) append(b []byte) []byte {
	b = strconv.AppendUint(b, uint64(e.Term.Count()), 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, uint64(e.Try), 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, uint64(e.Rank), 10)
	if e.By != 0 {
		b = append(b, '+') // placed by a standby of the splitter, beside its leader
	}
	return b
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func column(buf []byte, width int, s string) []byte {
	return padRight(append(buf, ' '), width, func(b []byte) []byte { return append(b, s...) })
}

func padRight(buf []byte, width int, write func([]byte) []byte) []byte {
	start := len(buf)
	buf = write(buf)
	for len(buf)-start < width {
		buf = append(buf, ' ')
	}
	return buf
}

func padLeft(buf []byte, width int, write func([]byte) []byte) []byte {
	var scratch [32]byte
	s := write(scratch[:0])
	for n := len(s); n < width; n++ {
		buf = append(buf, ' ')
	}
	return append(buf, s...)
}
