package cluster

import (
	"sync"
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
)

// lagWatch tells the loop of a task that one worker has been running for long. It runs beside the worker, whose thread is busy.
type lagWatch struct {
	report func([]failover.Event)
	timer  *time.Timer

	mu    sync.Mutex       // guards all below, and that the timer is set for the task
	task  failover.Message // without its payload; of Kind 0 where none is run
	began clock.Instant
}

func newLagWatch(report func([]failover.Event)) *lagWatch {
	l := &lagWatch{report: report}
	l.timer = time.AfterFunc(time.Hour, l.look)
	l.timer.Stop()
	return l
}

// begin says that the worker runs a task.
func (l *lagWatch) begin(m failover.Message) {
	m.Payload = nil
	l.mu.Lock()
	defer l.mu.Unlock()
	l.task, l.began = m, clock.Now()
	l.timer.Reset(failover.FirstLag)
}

// end says that it has none. Nothing is reported after it.
func (l *lagWatch) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.task = failover.Message{}
	l.timer.Stop()
}

// look may come late, and find another task than the one that it was to look at.
func (l *lagWatch) look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	ran := clock.Now().Sub(l.began)
	switch {
	case l.task.Kind == 0:
		return
	case ran < failover.FirstLag:
		l.timer.Reset(failover.FirstLag - ran)
		return
	}
	m := l.task
	m.Ran = ran
	l.report([]failover.Event{{Kind: failover.Lags, Message: m}})
	l.timer.Reset(failover.NextLag(ran) - ran)
}
