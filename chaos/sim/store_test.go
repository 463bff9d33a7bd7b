package sim

import (
	"testing"
	"time"

	"fracture/cluster/failover"
	"fracture/work"
)

// pantry is a world of nodes that hold a request of two results, and do nothing of their own accord.
func pantry() (w *World, s *stream) {
	w = New(Config{Faultless: true, Nodes: MinNodes})
	w.reset(1)
	w.populate()
	for i := range w.processes {
		w.start(&w.processes[i])
	}
	w.addStream(0, work.Stream{Tiles: 2, Frames: 1, Strategy: work.Standby, Factor: 2})
	w.queue.reset()
	s = &w.streams[0]
	for i := range w.cfg.Nodes {
		s.roles[i] = role{id: w.processes[i].id, follows: true}
	}
	return w, s
}

// pass lets everything happen that is planned up to now and a while.
func pass(w *World, d time.Duration) {
	until := w.now.Add(d)
	for w.queue.len() > 0 && w.queue.heap[0].at <= until {
		e := w.queue.pop()
		w.now = e.at
		if e.kind == stores { // nothing else matters here
			w.happen(e)
		}
	}
	w.now = until
}

func keepBoth(w *World, s *stream, p *process) {
	for i := range s.tasks {
		w.keep(p, &failover.Message{Task: s.taskID(i)})
	}
}

func TestStore_losesWithItsWriterWhatWasNotWritten(t *testing.T) {
	w, s := pantry()
	keepBoth(w, s, &w.processes[0])
	w.kill(&w.processes[0])
	if pass(w, time.Second); s.stored != 0 || s.whole {
		t.Errorf("%d results came to the store from a writer that was dead before it wrote", s.stored)
	}
}

func TestStore_thatFailsIsAskedAgain(t *testing.T) {
	w, s := pantry()
	w.shelf.failing = w.now.Add(300 * time.Millisecond)
	keepBoth(w, s, &w.processes[0])
	keepBoth(w, s, &w.processes[1])
	if pass(w, 5*time.Second); !s.whole {
		t.Errorf("%d of 2 results are stored long after the store has come back", s.stored)
	}
}

func TestStore_thatIsEmptiedIsWrittenAgainByWhoKeepsTheResults(t *testing.T) {
	w, s := pantry()
	first, second := s.taskID(0), s.taskID(1)
	w.keep(&w.processes[0], &failover.Message{Task: first})
	if pass(w, time.Second); s.stored != 1 {
		t.Fatalf("%d results are stored, want 1", s.stored)
	}
	if w.empty(); s.stored != 0 {
		t.Fatalf("%d results are in an empty store", s.stored)
	}
	w.keep(&w.processes[1], &failover.Message{Task: second})
	if pass(w, time.Second); !s.whole {
		t.Errorf("%d of 2 results are stored after both were written again", s.stored)
	}

	w, s = pantry()
	w.keep(&w.processes[0], &failover.Message{Task: first})
	pass(w, time.Second)
	s.unkeep(&w.processes[0]) // it holds the stream no longer
	w.empty()
	w.keep(&w.processes[1], &failover.Message{Task: second})
	if pass(w, time.Second); s.whole {
		t.Error("the store is whole, and nobody kept what it lost")
	}
}
