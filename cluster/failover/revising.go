package failover

import "fracture/work"

// What a stream's function is told, at a sink: it asks for another revision until the leader answers, remembers the newest, and
// tells a leader that has an older one.

// maxRevises bounds how often a revision is asked for: for five seconds, at the usual pace.
const maxRevises = 20

// revise asks for a stream's function to be told something else, or, where it is a question, what it is told.
func (s *Sink) revise(told *work.Stream, question bool) {
	w := s.find(told.ID, true) // whoever asked for it: the nodes know it
	if question && w.revise != nil {
		return // the answer that is waited for says it
	}
	asked := work.Stream{ID: told.ID}
	if !question {
		asked.Revision = nextRevision(max(w.highest, s.asked), s.cfg.ID)
		asked.Params = append(asked.Params, told.Params...)
		w.highest, s.asked = asked.Revision, asked.Revision
	}
	w.revise, w.revises = &asked, 0
	s.askRevise(w)
}

// askRevise asks every node; whoever leads the stream answers. Where nobody does for long, the owner is told so.
func (s *Sink) askRevise(w *watched) {
	if w.revises++; w.revises > maxRevises || w.stopped {
		s.out = append(s.out, Effect{Kind: Forward, Message: Message{
			Kind: Revised, Reason: NoStream, Task: work.TaskID{Stream: w.id}, Stream: w.revise,
		}})
		w.revise = nil
		return
	}
	if w.revises == 1 {
		w.reviseAgain.begin(s.now)
	} else {
		w.reviseAgain.next(s.now)
		w.reviseAgain.at = min(w.reviseAgain.at, s.now.Add(s.cfg.Resubmit))
	}
	s.sendAll(Message{Kind: Revise, Task: work.TaskID{Stream: w.id}, Stream: w.revise})
}

// revised: the leader of a stream tells what its function is told, or that it does not take what was asked for. An answer of a
// leader that was deposed may hold no more, and is not taken for one.
func (s *Sink) revised(m *Message) {
	w := s.find(m.Task.Stream, false)
	if w == nil || m.Stream == nil || m.Epoch.Term < w.term {
		return
	}
	news := m.Reason == 0 && w.learn(m.Stream)
	answer := *m
	switch asked := w.revise; {
	case asked == nil:
		if !news {
			return
		}
	case m.Stream.Revision < asked.Revision || m.Reason != 0 && m.Stream.Revision != asked.Revision:
		return // it answers an older question
	case m.Stream.Revision > asked.Revision && asked.Revision != 0:
		answer.Reason = Overtaken
		w.revise = nil
	default:
		w.revise = nil
	}
	s.out = append(s.out, Effect{Kind: Forward, Message: answer})
}

// learn takes in what a stream's function is told, and reports whether that is newer than what is known here.
func (w *watched) learn(told *work.Stream) bool {
	if w.told != nil && (told.Revision < w.told.Revision || told.Revision == w.told.Revision && told.From <= w.told.From) {
		return false
	}
	copied := *told
	copied.Params = append([]byte(nil), told.Params...)
	w.told, w.highest = &copied, max(w.highest, told.Revision)
	w.remember()
	return true
}

// remember has a stream that is submitted again begin with the newest revision that is known.
func (w *watched) remember() {
	if w.spec != nil && w.told != nil && w.told.Revision > w.spec.Revision {
		w.spec.Revision, w.spec.From, w.spec.Params = w.told.Revision, w.told.From, w.told.Params
	}
}

// compare tells the leader of a stream what is known here of what its function is told, where a result says that the leader knows
// of less, or of more. What it answers, if it leads, is the newest.
func (s *Sink) compare(w *watched, m *Message) {
	w.highest = max(w.highest, m.Revision)
	known := w.told
	if known == nil {
		known = w.spec
	}
	if known == nil || m.Failed || w.revise != nil || w.comparedAt != 0 && s.now < w.comparedAt.Add(s.cfg.Resubmit) {
		return
	}
	if less := m.Revision < known.Revision && m.Task.Frame >= known.From; less || m.Revision > known.Revision {
		w.comparedAt = s.now
		s.send(w.term.Splitter(), Message{Kind: Revise, Task: work.TaskID{Stream: w.id}, Stream: known})
	}
}
