package main

import (
	"fmt"
	"time"

	"fracture/chaos/sim"
)

// lateness counts how late results of calm worlds came, in classes: a million seeds have millions of them.
type lateness struct {
	count [lateClasses]int
	n     int
	most  time.Duration
}

const (
	lateClass   = 100 * time.Microsecond
	lateClasses = 1000 // what is later still is in the last one, and in most
)

func (l *lateness) add(late time.Duration) {
	l.count[min(max(late, 0)/lateClass, lateClasses-1)]++
	l.n++
	l.most = max(l.most, late)
}

func (l *lateness) join(m *lateness) {
	for i, n := range m.count {
		l.count[i] += n
	}
	l.n += m.n
	l.most = max(l.most, m.most)
}

// sum reads the quantiles off, in milliseconds, each at the end of its class.
func (l *lateness) sum() simTakeovers {
	at := func(share float64) float64 {
		left := int(share * float64(l.n))
		for i, n := range l.count {
			if left -= n; left < 0 {
				return float64(i+1) * float64(lateClass) / 1e6
			}
		}
		return float64(l.most) / 1e6
	}
	if l.n == 0 {
		return simTakeovers{}
	}
	return simTakeovers{l.n, at(0.5), at(0.99), float64(l.most) / 1e6}
}

// addLates takes in how late the results of a calm world were.
func (t *simTotal) addLates(lates []sim.Lateness) {
	for _, l := range lates {
		if l.Robbed {
			t.Robbed.add(l.By)
		} else {
			t.Late.add(l.By)
		}
	}
}

// printLates prints how late results came after a single death.
func (t *simTotal) printLates(line func(label, format string, args ...any)) {
	for _, row := range []struct {
		name string
		late *lateness
	}{{"late", &t.Late}, {"robbed", &t.Robbed}} {
		if s := row.late.sum(); s.N > 0 {
			what := "from when its frame was due, after a single death"
			if row.late == &t.Robbed {
				what = "the same, where a message of the task died with its sender"
			}
			line(row.name, "%s", fmt.Sprintf("%-9s %8d %8.3f %8.3f %8.3f  (ms, %s)", "", s.N, s.P50, s.P99, s.Max, what))
		}
	}
}
