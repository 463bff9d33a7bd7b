package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Bounds of healing. A node that does not come up again may do so a moment later.
const (
	healTries = 3
	healPause = 500 * time.Millisecond
)

// errFull: too many faults stand; heal one.
var errFull = errors.New("too many faults stand at once; heal one first")

// errEnding: the lab ends, and all faults with it.
var errEnding = errors.New("the lab is ending")

// standing is a fault that stands, and who holds it: one goroutine, until it is over.
type standing struct {
	deed  Deed
	lease chan time.Duration // unbuffered: a renewal waits for the holder
	told  chan struct{}      // closed where it is to be healed; under the server's mutex
	over  chan struct{}      // closed when it is healed, or was given up
	err   error              // why it was given up; to be read once over is closed

	fault Fault // guarded by the server's mutex
	ended bool  // told is closed; guarded by the server's mutex
}

// begin carries an order out and holds what stands then.
func (s *Server) begin(ctx context.Context, o order) (Fault, error) {
	healed, err := s.reserve()
	if err != nil {
		return Fault{}, err
	}
	var st *standing
	defer func() { s.settle(st, o.lease) }() // also where the lab panics: the server's end waits for it
	ctx, cancel := context.WithTimeout(ctx, s.cfg.DeedTime)
	defer cancel()
	defer context.AfterFunc(s.living, cancel)()
	deed, err := s.lab.Inject(ctx, o.arguments)
	if err != nil {
		return Fault{}, err
	}
	since := time.Now()
	st = &standing{deed: deed, lease: make(chan time.Duration), told: make(chan struct{}), over: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counted++
	st.fault = Fault{
		ID: fmt.Sprintf("f%d", s.counted), What: deed.What, Whom: deed.Whom, Since: since, Until: until(since, deed.For, o.lease),
	}
	s.standing = append(s.standing, st)
	s.history.add("fault", st.fault)
	if s.healed != healed { // everything was healed while it began, and so is this
		st.ended = true
		close(st.told)
	}
	return st.fault, nil
}

// reserve finds room for a fault that is about to begin; settle must follow. It answers how often everything was healed before.
func (s *Server) reserve() (healed uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return 0, errEnding
	case len(s.standing)+s.beginning >= s.cfg.MaxFaults:
		return 0, fmt.Errorf("%w: %d", errFull, s.cfg.MaxFaults)
	}
	s.beginning++
	s.holders.Add(1) // under the mutex, for nobody may be added once the server waits
	return s.healed, nil
}

// settle has the fault that began held; there is none where it did not.
func (s *Server) settle(st *standing, lease time.Duration) {
	s.mu.Lock()
	s.beginning--
	s.mu.Unlock()
	if st == nil {
		s.holders.Done()
		return
	}
	go func() {
		defer s.holders.Done()
		s.hold(st, lease)
	}()
}

// until is when a fault ends by itself; nil where it does not.
func until(since time.Time, last, lease time.Duration) *time.Time {
	var end *time.Time
	for _, d := range []time.Duration{last, lease} {
		if at := since.Add(d); d > 0 && (end == nil || at.Before(*end)) {
			end = &at
		}
	}
	return end
}

// hold waits for the end of a fault, whichever comes first, and heals it.
func (s *Server) hold(st *standing, lease time.Duration) {
	defer close(st.over)
	last := after(st.deed.For)
	defer last.Stop()
	left := after(lease)
	defer left.Stop()
	why := ""
	for why == "" {
		select {
		case <-s.living.Done():
			why = "the lab ends"
		case <-st.told:
			why = "as told"
		case <-last.C:
			why = "its time is over"
		case <-left.C:
			why = "its lease was not renewed"
		case <-st.deed.Over:
			s.gone(st, "it ended by itself")
			return
		case d := <-st.lease:
			left.Reset(d)
		}
	}
	st.err = s.heal(st.deed)
	if st.err != nil {
		why = "given up: " + st.err.Error()
	}
	s.gone(st, why)
}

// after is a timer of d; of 0, one that never comes.
func after(d time.Duration) *time.Timer {
	if d > 0 {
		return time.NewTimer(d)
	}
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// heal ends a deed, also where the server ends meanwhile.
func (s *Server) heal(d Deed) (err error) {
	for try := range healTries {
		if try > 0 {
			select {
			case <-time.After(healPause):
			case <-s.living.Done(): // what ends with the lab ends without us
				return err
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), s.cfg.DeedTime)
		err = d.Heal(ctx)
		cancel()
		if err == nil {
			return nil
		}
	}
	return err
}

// gone takes a fault off the list.
func (s *Server) gone(st *standing, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.standing = slices.DeleteFunc(s.standing, func(other *standing) bool { return other == st })
	s.history.add("heal", struct {
		Fault
		Why string `json:"why"`
	}{st.fault, why})
}

// faults lists those that stand.
func (s *Server) faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Fault, 0, len(s.standing))
	for _, st := range s.standing {
		list = append(list, st.fault)
	}
	return list
}

// find is the fault of an id; nil where none of it stands.
func (s *Server) find(id string) *standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.standing {
		if st.fault.ID == id {
			return st
		}
	}
	return nil
}

// renew gives a fault a lease from now on; false where it is over by now.
func (s *Server) renew(st *standing, lease time.Duration) (Fault, bool) {
	select {
	case st.lease <- lease:
	case <-st.told: // it is being healed
		return Fault{}, false
	case <-st.over:
		return Fault{}, false
	case <-time.After(s.cfg.WriteTime): // it is being healed, and that takes long
		return Fault{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	ends := until(now, 0, lease)
	if st.deed.For > 0 {
		ends = until(now, st.fault.Since.Add(st.deed.For).Sub(now), lease)
	}
	st.fault.Until = ends
	return st.fault, true
}

// Inject carries out what a key of the lab's own screen asks for, in the words of `fracture inject`, as if a request had: it stands until
// its time is over, or [Server.Heal].
func (s *Server) Inject(ctx context.Context, arguments []string) (Fault, error) {
	return s.begin(ctx, order{arguments: arguments})
}

// ErrOver: no fault of that ID stands; it is over, or never was.
var ErrOver = errors.New("it is over")

// Heal ends a fault, and returns when it has ended. It may be called while the server runs.
func (s *Server) Heal(id string) error {
	st := s.find(id)
	if st == nil {
		return ErrOver
	}
	s.end(st)
	<-st.over // healing is bounded
	if st.err != nil {
		return fmt.Errorf("%s could not be healed: %w", id, st.err)
	}
	return nil
}

// end tells a fault to heal.
func (s *Server) end(st *standing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !st.ended {
		st.ended = true
		close(st.told)
	}
}

// Healed is what came of healing everything.
type Healed struct {
	Healed []Fault  `json:"healed"` // that were begun by the control API
	Mended []string `json:"mended"` // and what else stood: nodes that a key had frozen or killed
	Failed []string `json:"failed"` // what could not be ended, and why
}

// HealAll ends everything that stands, all at once, then what the keys left. It does not wait for what begins: that ends when it
// stands. It may be called while the server runs.
func (s *Server) HealAll(ctx context.Context) Healed {
	h := Healed{Healed: []Fault{}, Mended: []string{}, Failed: []string{}}
	s.mu.Lock()
	s.healed++
	all := slices.Clone(s.standing)
	s.mu.Unlock()
	for _, st := range all {
		s.end(st)
	}
	for _, st := range all {
		<-st.over // healing is bounded
		s.mu.Lock()
		fault := st.fault
		s.mu.Unlock()
		if st.err != nil {
			h.Failed = append(h.Failed, fmt.Sprintf("%s (%s): %v", fault.ID, fault.What, st.err))
			continue
		}
		h.Healed = append(h.Healed, fault)
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.DeedTime)
	defer cancel()
	mended, err := s.lab.Mend(ctx)
	h.Mended = append(h.Mended, mended...)
	if err != nil {
		h.Failed = append(h.Failed, err.Error())
	}
	return h
}

// endAll heals what stands when the server ends, and waits for it.
func (s *Server) endAll() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.endFaults()
	s.holders.Wait()
}
