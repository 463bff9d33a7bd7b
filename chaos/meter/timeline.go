package meter

import (
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/work"
)

// Timeline is the course of one incident. Every instant is of one host's monotonic clock; 0 where it was not seen.
type Timeline struct {
	Injected    clock.Instant // before the call that injects
	Effective   clock.Instant // after it
	Noticed     clock.Instant // the first node took the victim for failed
	Signal      failover.Signal
	Promoted    clock.Instant // the first standby took over from the victim, a task or the splitter
	FirstResult clock.Instant // a node sent the result of a task that it had taken over
	Delivered   clock.Instant // the first of the tasks taken over arrived at the sink
	Restored    clock.Instant // whoever healed the cluster saw it whole: every stream and task with its standbys again
}

// Stage is one step of a timeline, counted from just before the injection; negative where it was not seen.
type Stage struct {
	Name  string
	After time.Duration
}

// Timeline lays out what followed a fault on victim, injected between before and after, until the horizon. Where nobody
// said "detect", the signal is that of the first promotion. Restored is left open: nodes do not tell of it.
func (l *Log) Timeline(rec *Recorder, victim string, before, after, horizon clock.Instant) Timeline {
	t := Timeline{Injected: before, Effective: after}
	promoted := map[work.TaskID]string{}
	var tell failover.Signal
	for _, line := range l.lines {
		if line.At < before || line.At > horizon || line.Peer != victim {
			continue
		}
		switch line.Verb {
		case "detect":
			if earlier(&t.Noticed, line.At) {
				t.Signal = line.Signal
			}
		case "promote":
			promoted[line.Task] = line.Node
			if earlier(&t.Promoted, line.At) {
				tell = line.Signal
			}
		}
	}
	if t.Noticed == 0 || t.Promoted != 0 && t.Promoted < t.Noticed {
		t.Noticed, t.Signal = t.Promoted, tell
	}
	for _, line := range l.lines {
		node, ok := promoted[line.Task]
		if ok && line.Verb == "result" && line.Node == node && line.At >= t.Promoted && line.At <= horizon {
			earlier(&t.FirstResult, line.At)
		}
	}
	for task := range promoted {
		if at := rec.Arrival(task); at >= t.Promoted && at <= horizon {
			earlier(&t.Delivered, at)
		}
	}
	return t
}

// Stages lists the steps in order.
func (t Timeline) Stages() []Stage {
	return []Stage{
		{"effective", t.after(t.Effective)},
		{"noticed", t.after(t.Noticed)},
		{"promoted", t.after(t.Promoted)},
		{"first result", t.after(t.FirstResult)},
		{"delivered", t.after(t.Delivered)},
		{"redundancy restored", t.after(t.Restored)},
	}
}

func (t Timeline) after(at clock.Instant) time.Duration {
	if at == 0 {
		return -1
	}
	return at.Sub(t.Injected)
}

// earlier moves an instant to at where that is earlier or the first seen, and says whether it did.
func earlier(when *clock.Instant, at clock.Instant) bool {
	if at != 0 && (*when == 0 || at < *when) {
		*when = at
		return true
	}
	return false
}
