package sim

import (
	"time"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/work"
)

// The store, and what the shell around a machine owes it: every holder of a stream writes what it keeps, behind the path,
// tries again what failed, and writes all of it once more to a store that has lost it. When the store has everything of a
// stream, its holders are told so, and not before.

// The store's times.
const (
	writeLow     = 100 * time.Microsecond // how long a write takes
	writeHigh    = 2 * time.Millisecond
	writeSlowest = 400 * time.Millisecond // while the store is slow
	writeFails   = 0.7                    // the share of the writes that fail while it fails
	backoffFirst = 50 * time.Millisecond  // before a write is tried again, doubled each time,
	backoffLast  = time.Second            // up to this
	storeTurn    = 1100                   // tells its rules from the others where it is drawn who takes part
	maxStoreSpan = 3                      // strikes of each of its rules in one run
)

var (
	storeWait = chaos.Span{Min: assembly, Max: 300 * time.Millisecond}
	storeLast = chaos.Span{Min: 20 * time.Millisecond, Max: 250 * time.Millisecond}
)

// shelf is the store as far as it can go wrong.
type shelf struct{ slow, failing clock.Instant } // until when

// planStore draws what goes wrong with the store.
func (w *World) planStore() {
	w.shelf = shelf{}
	if w.quiet() {
		return
	}
	for trouble := StoreSlow; trouble <= StoreEmpty; trouble++ {
		if w.luck(luckSwarm, 0, 0, storeTurn+uint64(trouble)).Hits(0.5) {
			continue
		}
		at := time.Duration(0)
		for nth := range uint64(maxStoreSpan) {
			at += w.luck(luckStore, int(trouble), 1, nth).Within(storeWait)
			if clock.Instant(at) < w.heals {
				w.at(at, entry{kind: spoils, arg: uint32(trouble), slot: int32(nth)})
			}
		}
	}
}

// spoil lets something go wrong with the store.
func (w *World) spoil(e entry) {
	trouble := Trouble(e.arg)
	until := min(w.now.Add(w.luck(luckStore, int(trouble), 2, uint64(e.slot)).Within(storeLast)), w.heals)
	w.out.Troubles[trouble]++
	w.trace.fault(w.now, "store", "", trouble.word())
	switch trouble {
	case StoreSlow:
		w.shelf.slow = max(w.shelf.slow, until)
	case StoreFail:
		w.shelf.failing = max(w.shelf.failing, until)
	default:
		w.empty()
	}
}

// empty starts the store again without anything of the streams that it did not have whole. Who keeps their results, and
// runs, writes them once more; a stream that was whole was said to be so, and its loss is the store's.
func (w *World) empty() {
	for i := range w.streams {
		s := &w.streams[i]
		if s.whole {
			continue
		}
		s.stored = 0
		for j := range s.tasks {
			t := &s.tasks[j]
			t.stored = false
			for k := range w.cfg.Nodes {
				if t.kept>>k&1 != 0 {
					w.write(&w.processes[k], s.taskID(j))
				}
			}
		}
	}
}

// keep takes the first result of a task at a holder of its stream, to be written to the store.
func (w *World) keep(p *process, m *failover.Message) {
	if t := w.taskOf(m.Task); t != nil {
		t.kept |= 1 << p.index
		w.write(p, m.Task)
	}
}

// write begins to write a result.
func (w *World) write(p *process, id work.TaskID) {
	slot := w.parcels.keep(&failover.Message{Task: id})
	luck, slowest := w.draw(p, luckStore), writeHigh
	if w.now < w.shelf.slow {
		slowest = writeSlowest
	}
	w.at(luck.Within(between(writeLow, slowest)), entry{kind: stores, a: uint16(p.index), gen: p.incarnation, slot: slot})
}

// stored ends a write, of a process that lives. When the store has the last result of a stream, whoever holds the stream is
// told.
func (w *World) stored(p *process, e entry) {
	if w.now < w.shelf.failing && w.draw(p, luckStore).Hits(writeFails) {
		e.arg++
		e.at = w.now.Add(min(backoffFirst<<min(e.arg-1, 8), backoffLast))
		w.queue.push(e) // the next attempt's end, as far as anybody can tell
		return
	}
	id := w.parcels.at(e.slot).message.Task
	w.parcels.drop(e.slot)
	s := w.streamOf(id.Stream)
	t := s.task(id)
	if t.stored {
		return
	}
	t.stored = true
	if s.stored++; s.stored < len(s.tasks) {
		return
	}
	s.whole = true
	for i := range w.cfg.Nodes {
		w.tellSaved(&w.processes[i], s)
	}
}

// tellSaved tells a holder of a stream that the store has everything of it, if so.
func (w *World) tellSaved(p *process, s *stream) {
	if s == nil || !p.up || !s.whole || !s.roles[p.index].has(p.id) {
		return
	}
	slot := w.parcels.keep(&failover.Message{Task: work.TaskID{Stream: s.spec.ID}})
	w.at(w.draw(p, luckStore).Within(between(0, writeHigh)),
		entry{kind: saves, a: uint16(p.index), gen: p.incarnation, slot: slot})
}

// saved tells a machine that the store has everything of a stream.
func (w *World) saved(p *process, e entry) {
	id := w.parcels.at(e.slot).message.Task
	w.parcels.drop(e.slot)
	w.feed(p, &failover.Event{Kind: failover.Saved, Message: failover.Message{Task: id}})
}

// unkeep forgets what a process kept of a stream: it holds it no longer, or is gone.
func (s *stream) unkeep(p *process) {
	for i := range s.tasks {
		s.tasks[i].kept &^= 1 << p.index
	}
}
