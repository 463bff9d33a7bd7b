package meter

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// What a report says of the front door, beside what it says of every component.

// DoorLoad is what was asked for at the front door in a whole run, trials or not.
type DoorLoad struct {
	Rate        float64 `json:"requests_per_s"`
	Connections int     `json:"connections"`            // that the client keeps and uses in turn
	Requests    uint64  `json:"requests"`               // that were due
	Late        uint64  `json:"asked_again_late"`       // attempts beside one that was late
	Failed      uint64  `json:"asked_again_failed"`     // attempts after one that had failed
	Unanswered  uint64  `json:"unanswered"`             // requests that were given up
	Why         string  `json:"last_failure,omitempty"` // of the last attempt that failed
}

// write writes the line of the report; nothing where nothing was asked for.
func (l *DoorLoad) write(b *strings.Builder) {
	if l == nil {
		return
	}
	fmt.Fprintf(b, "front door: %s requests/s over %d kept connections; %d requests, asked again %d times beside an attempt that was late, %d times after one that failed; %d given up",
		figure(l.Rate), l.Connections, l.Requests, l.Late, l.Failed, l.Unanswered)
	if l.Why != "" {
		fmt.Fprintf(b, "; the last failure: %s", l.Why)
	}
	b.WriteByte('\n')
}

// StreamRow is one stream alone, over the trials that counted.
type StreamRow struct {
	Stream   string `json:"stream"`
	Downtime Spread `json:"downtime_ms"`
	Gap      Spread `json:"gap_ms"`
	Lost     int    `json:"lost"`
}

// byStream sums up each stream of trials of the front door by itself, in the order of Open: what is broken there carries
// tiles as well, and the row's own figures are of all streams together.
func byStream(trials []Trial) []StreamRow {
	if len(trials) == 0 || trials[0].Component != Door {
		return nil
	}
	var rows []StreamRow
	var down, gap [][]time.Duration
	for _, t := range trials {
		for _, s := range t.Reading.Streams {
			i := slices.IndexFunc(rows, func(row StreamRow) bool { return row.Stream == s.Stream })
			if i < 0 {
				i = len(rows)
				rows, down, gap = append(rows, StreamRow{Stream: s.Stream}), append(down, nil), append(gap, nil)
			}
			rows[i].Lost += s.Lost
			down[i], gap[i] = append(down[i], s.Downtime), append(gap[i], s.Gap)
		}
	}
	for i := range rows {
		rows[i].Downtime, rows[i].Gap = SpreadOf(down[i]), SpreadOf(gap[i])
	}
	return rows
}

// writeStreams writes the line of the streams; nothing where they are not told.
func (r Row) writeStreams(b *strings.Builder) {
	for i, s := range r.Streams {
		if i == 0 {
			fmt.Fprintf(b, "%s: downtime of each stream alone, p50/p99/max in ms:", r.name())
		} else {
			b.WriteByte(';')
		}
		fmt.Fprintf(b, " %s %s/%s/%s", s.Stream, figure(s.Downtime.P50), figure(s.Downtime.P99), figure(s.Downtime.Max))
		if s.Lost > 0 {
			fmt.Fprintf(b, ", %d lost", s.Lost)
		}
	}
	if len(r.Streams) > 0 {
		b.WriteByte('\n')
	}
}
