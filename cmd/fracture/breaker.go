package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"

	"fracture/chaos"
	"fracture/clock"
	"fracture/control"
	"fracture/lab"
	"fracture/tui"
)

// breaker carries out what is asked for in the words of inject, by the control API or a scenario, as far as limits allow it.
type breaker struct {
	injector *injector
	stock    func() []control.Node      // every node that is known
	tiles    func(node string) []uint32 // that it runs or holds a copy of

	mu       sync.Mutex // guards what follows: held from the look at who is broken until one more counts as such, and no longer
	limits   control.Limits
	underWay map[*standingFault]undertaking
}

// undertaking is a fault that is being brought about.
type undertaking struct {
	giveUp context.CancelCauseFunc
	starts map[string]int // by node: how often its process had been started before
	aimed  bool           // it has not begun
}

// errHealedFirst: everything was healed while the fault was being brought about, and so was this one.
var errHealedFirst = errors.New("everything was healed before it stood")

// Inject implements control.Lab.
func (b *breaker) Inject(ctx context.Context, arguments []string) (control.Deed, error) {
	h, err := parseHarm(arguments)
	if err != nil {
		return control.Deed{}, fmt.Errorf("%w: %w", control.ErrOrder, err)
	}
	f, err := b.begin(ctx, h)
	switch {
	case errors.Is(err, errUnsuited), errors.Is(err, errHealedFirst), errors.Is(err, errNotOurStore), errors.Is(err, errEmbedded),
		errors.Is(err, errDisobeyed):
		return control.Deed{}, fmt.Errorf("%w: %w", control.ErrConflict, err)
	case errors.Is(err, chaos.ErrNobody), errors.Is(err, chaos.ErrBadPartition), errors.Is(err, errNoSuchNode), errors.Is(err, errNotOurProcess),
		errors.Is(err, lab.ErrNoNetwork):
		return control.Deed{}, fmt.Errorf("%w: %w", control.ErrOrder, err)
	case err != nil:
		return control.Deed{}, err
	}
	if h.name == "kill" && h.deed != nil && h.signal == syscall.SIGKILL { // who asks next is to see it dead
		if err := forEach(f.nodes, func(node string) error { return b.injector.home.labOf(h).Ended(ctx, node) }); err != nil {
			return control.Deed{}, errors.Join(err, b.injector.heal(context.WithoutCancel(ctx), f.id))
		}
	}
	d := control.Deed{What: h.name, Whom: f.nodes, For: h.last, Heal: func(ctx context.Context) error {
		if err := b.injector.heal(ctx, f.id); !errors.Is(err, errNoSuchFault) { // its time may have come first
			return err
		}
		return nil
	}}
	if h.once() {
		over := make(chan struct{})
		close(over)
		d.For, d.Over = 0, over
	}
	return d, nil
}

// begin chooses who suffers a fault, looks at the limits, and has it begin. Where everything is healed meanwhile, so is this.
func (b *breaker) begin(ctx context.Context, h harm) (*standingFault, error) {
	begun, err := b.beginAll(ctx, []harm{h}, nil)
	if len(begun) == 0 {
		return nil, err
	}
	return begun[0], err
}

// beginAll has faults begin, one after the other, that are as one to the limits, and to those who heal everything meanwhile. Whom those
// of the numbers in over leave unheard, they do not add to, for they are about to end. What began is answered also beside an error.
func (b *breaker) beginAll(ctx context.Context, harms []harm, over []uint32) (begun []*standingFault, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	chosen, err := b.reserve(harms, over, cancel)
	defer b.release(chosen)
	for _, f := range chosen {
		if err == nil {
			begun = append(begun, f)
			err = b.bring(ctx, f)
		}
	}
	return begun, err
}

// aim is a fault that was chosen before its time, and waits for it.
type aim struct {
	*breaker
	fault  *standingFault
	healed context.Context // ends when everything is healed
	letGo  context.CancelCauseFunc
}

// aim chooses who is to suffer a fault, and looks at the limits, which count it from then on. Somebody must have it strike.
func (b *breaker) aim(ctx context.Context, h harm) (*aim, error) {
	ctx, letGo := context.WithCancelCause(ctx)
	chosen, err := b.reserve([]harm{h}, nil, letGo)
	if err != nil {
		letGo(nil)
		return nil, err
	}
	a := &aim{b, chosen[0], ctx, letGo}
	a.waits(true)
	return a, nil
}

// waits notes whether the fault has yet to begin.
func (a *aim) waits(yet bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if u, ok := a.underWay[a.fault]; ok {
		u.aimed = yet
		a.underWay[a.fault] = u
	}
}

// strike has the fault begin. One that was given up before, as everything was healed, is errHealedFirst, and nothing was done.
func (a *aim) strike() (*standingFault, error) {
	defer a.letGo(nil)
	defer a.release([]*standingFault{a.fault})
	a.waits(false)
	if a.healed.Err() != nil {
		return nil, context.Cause(a.healed)
	}
	return a.fault, a.bring(a.healed, a.fault)
}

// bring brings a fault about. Where everything is healed meanwhile, so is this.
func (b *breaker) bring(ctx context.Context, f *standingFault) error {
	err := b.injector.bring(ctx, f)
	b.release([]*standingFault{f})
	if !errors.Is(context.Cause(ctx), errHealedFirst) {
		return err
	}
	if err == nil && !f.harm.once() {
		err = b.injector.heal(context.WithoutCancel(ctx), f.id)
	}
	if errors.Is(err, errHealedFirst) || errors.Is(err, context.Canceled) || errors.Is(err, errNoSuchFault) {
		err = nil // that is how it ended
	}
	return errors.Join(errHealedFirst, err)
}

// reserve chooses who suffers faults, and counts them as broken while they are being brought about, until release.
func (b *breaker) reserve(harms []harm, over []uint32, giveUp context.CancelCauseFunc) (chosen []*standingFault, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range harms {
		f, err := b.injector.choose(h)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, f)
	}
	if err := b.spare(chosen, over); err != nil {
		return nil, err
	}
	if b.underWay == nil {
		b.underWay = map[*standingFault]undertaking{}
	}
	for _, f := range chosen {
		u := undertaking{giveUp: giveUp, starts: map[string]int{}}
		for _, node := range f.nodes {
			if home := b.injector.home; home != nil { // none of somebody else's
				u.starts[node] = home.startsOf(f.harm, node)
			}
		}
		b.underWay[f] = u
	}
	return chosen, nil
}

// release counts faults as under way no more.
func (b *breaker) release(faults []*standingFault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range faults {
		delete(b.underWay, f)
	}
}

// spare checks whether the limits allow more faults, in place of those that are about to be over. The caller holds mu.
func (b *breaker) spare(more []*standingFault, over []uint32) error {
	if len(more) == 0 {
		return nil // what ends breaks nothing
	}
	nodes, stand := b.stock(), b.counted()
	before := b.injector.unheard(nodes, stand)
	stand = slices.DeleteFunc(stand, func(f *standingFault) bool { return slices.Contains(over, f.id) })
	var mute, victims []string
	for _, n := range b.injector.unheard(nodes, append(stand, more...)) {
		if !slices.Contains(before, n) {
			mute = append(mute, n)
		}
	}
	sure := true
	for _, f := range more {
		if breaks(f) {
			victims = append(victims, f.nodes...)
		}
		sure = sure && f.harm.sure
	}
	if len(mute)+len(victims) == 0 {
		return nil
	}
	err := b.limits.Check(b.stocks(), append(victims, mute...), sure)
	if err != nil && len(victims) == 0 {
		return fmt.Errorf("no other node would hear %s: %w", strings.Join(mute, ", "), err)
	}
	return err
}

// counted are the faults that stand, and those that are under way. The caller holds mu.
func (b *breaker) counted() []*standingFault {
	return slices.AppendSeq(b.injector.faults(), maps.Keys(b.underWay))
}

// breaks reports whether nodes are broken by a fault; what heals breaks nothing.
func breaks(f *standingFault) bool {
	if f.harm.server != nil { // the store is on nobody's path
		return false
	}
	if d := f.harm.deed; d != nil {
		return slices.Contains(d.suits, lab.Running)
	}
	return f.harm.isolates()
}

// stocks are the nodes as limits see them. The caller holds mu.
func (b *breaker) stocks() (list []control.Stock) {
	broken := map[string]bool{}
	for f := range b.underWay {
		for _, n := range f.nodes {
			broken[n] = broken[n] || breaks(f)
		}
	}
	for _, f := range b.injector.faults() { // of a killed or frozen one its state tells
		if d := f.harm.deed; breaks(f) && (d == nil || d.name == down) {
			for _, n := range f.nodes {
				broken[n] = broken[n] || d == nil || b.injector.home.startsOf(f.harm, n) == f.starts[n]
			}
		}
	}
	nodes := b.stock()
	for _, n := range b.injector.unheard(nodes, b.counted()) {
		broken[n] = true
	}
	for _, n := range nodes {
		list = append(list, control.Stock{Name: n.Name, Broken: !n.Up() || broken[n.Name], Holds: b.tiles(n.Name)})
	}
	return list
}

// isLast says why a node is the last one, or the last who holds a task; nil where it is neither.
func (b *breaker) isLast(node string) *control.LastError {
	b.mu.Lock()
	defer b.mu.Unlock()
	var last *control.LastError
	errors.As(control.Limits{}.Check(b.stocks(), []string{node}, false), &last)
	return last
}

// giveUp ends everything that is under way, and does not wait for it to notice. It tells what that was.
func (b *breaker) giveUp(ctx context.Context) (told []string, err error) {
	told, late := b.abandon()
	started := make([]bool, len(late))
	err = forEach(late, func(node string) error {
		err := startAnew(ctx, b.injector.home, node)
		started[slices.Index(late, node)] = err == nil
		return err
	})
	for i, node := range late {
		if started[i] {
			told = append(told, node+" started again")
		}
	}
	return told, err
}

// abandon has everything that is under way end, and tells what it was. Nodes that were asked to end and have not are killed, and
// to be started again.
func (b *breaker) abandon() (told, late []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for f, u := range b.underWay {
		u.giveUp(errHealedFirst)
		if u.aimed {
			continue
		}
		for _, node := range f.nodes {
			told = append(told, fmt.Sprintf("%s of %s given up", f.harm.name, node))
			if f.harm.deed == nil || f.harm.server != nil || f.harm.name != "stop" && f.harm.name != "restart" {
				continue
			}
			child, err := b.injector.home.lab.Child(node)
			if err == nil && child.State != lab.Dead && child.Starts == u.starts[node] {
				_, _, _ = b.injector.home.lab.Kill(node) // one that has died meanwhile is as good
				late = append(late, node)
			}
		}
	}
	slices.Sort(told)
	slices.Sort(late) // a stop and a restart may both be under way at one
	return told, slices.Compact(late)
}

// Mend implements control.Lab: what was broken by key, or by hand, is healed too, and what is under way.
func (b *breaker) Mend(ctx context.Context) (mended []string, err error) {
	mended, err = b.giveUp(ctx)
	var mu sync.Mutex // guards what is answered
	var all sync.WaitGroup
	for _, n := range b.stock() {
		if state, ours := b.injector.home.childState(n.Name); !ours || state == tui.Alive || state == tui.Starting {
			continue // a silent one may run
		}
		what, mend := "started again", reviveDead
		if n.State == "frozen" {
			what, mend = "thawed", thawLiving
		}
		all.Go(func() {
			failed := mend(ctx, b.injector.home, n.Name)
			mu.Lock()
			defer mu.Unlock()
			if failed != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", n.Name, failed))
				return
			}
			b.injector.recorder.mended(clock.Now(), what, n.Name)
			mended = append(mended, n.Name+" "+what)
		})
	}
	all.Wait()
	if h := b.injector.home; h != nil {
		more, failed := h.mendServer(ctx)
		mended, err = append(mended, more...), errors.Join(err, failed)
	}
	return mended, err
}
