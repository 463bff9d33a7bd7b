package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"fracture/chaos/meter"
	"fracture/control"
	"fracture/telemetry"
)

// Faults in the words of inject, by who started the processes.

// injecting runs an injector on the theater's cluster.
func (th *theater) injecting() *injector {
	th.t.Helper()
	i := th.injector
	ctx, end := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return i.run(ctx) })
	th.t.Cleanup(func() {
		end()
		if err := group.Wait(); err != nil {
			th.t.Errorf("the injector ended with %v", err)
		}
	})
	return i
}

// begins has a fault begin.
func (th *theater) begins(i *injector, line string) standingFault {
	th.t.Helper()
	h, err := parseHarm(strings.Fields(line))
	if err != nil {
		th.t.Fatal(err)
	}
	var f standingFault
	th.confirmed(line, func() error {
		f, err = i.begin(th.t.Context(), h)
		return err
	})
	return f
}

func TestE2E_processesSufferWhatIsAskedForAndAreHealed(t *testing.T) {
	th := openTheater(t)
	i := th.injecting()
	const n2 = "n2"
	pid := func() int {
		child, err := th.home.lab.Child(n2)
		if err != nil {
			t.Fatal(err)
		}
		return child.PID
	}
	up := func() error {
		if s, err := th.status(n2); err != nil || s.PID != pid() {
			return fmt.Errorf("process %d tells of itself, and %d is the one: %w", s.PID, pid(), err)
		}
		return nil
	}

	first := pid()
	f := th.begins(i, "freeze --node n2 --for 1m")
	th.await("n2 is stopped", func() error { return stopped(first) })
	if err := i.heal(t.Context(), f.id); err != nil || stopped(first) == nil {
		t.Errorf("healed with %v, and process %d stopped: %v; want that it goes on", err, first, stopped(first) == nil)
	}
	if err := i.heal(t.Context(), f.id); !errors.Is(err, errNoSuchFault) {
		t.Errorf("healed once more: %v, want %v", err, errNoSuchFault)
	}

	for _, line := range []string{"replace --node n2", "restart --node n2", "kill --node n2 --for 200ms", "stop --node n2 --for 200ms", "kill --signal QUIT --node n2 --for 200ms"} {
		before := pid()
		th.begins(i, line)
		th.await("another process after "+line, func() error {
			if now := pid(); now == before {
				return fmt.Errorf("%d is still the one", now)
			}
			return up()
		})
	}
	if left := i.faults(); len(left) > 0 {
		th.await("nothing stands", func() error { return errors.Join(stillStands(i.faults())...) })
	}
}

func stillStands(list []*standingFault) (errs []error) {
	for _, f := range list {
		errs = append(errs, fmt.Errorf("%s stands", f.harm.name))
	}
	return errs
}

func TestE2E_faultsOverlapAndEachIsHealedOnItsOwn(t *testing.T) {
	th := openTheater(t)
	i := th.injecting()
	slow := th.begins(i, "slow --times 2 --node n1 --for 1m")
	loss := th.begins(i, "loss --share 50% --pick all --for 1m")
	if len(loss.nodes) != 3 {
		t.Fatalf("loss is at %q, want all three", loss.nodes)
	}
	th.await("loss at n2", th.struck("n2"))
	th.confirmed("slow ends", func() error { return i.heal(t.Context(), slow.id) })
	th.await("loss still at n1 and n2", th.struck("n1", "n2"))
	th.confirmed("the rest ends", func() error { _, err := i.healAll(t.Context()); return err })
	th.wantPeace("all is healed", "n1", "n2", "n3")

	one := th.begins(i, "slow --times 2 --role owner --pick one --for 100ms")
	if len(one.nodes) != 1 {
		t.Errorf("pick one chose %q", one.nodes)
	}
	th.await("it ends by itself", func() error { return errors.Join(stillStands(i.faults())...) })
	th.wantPeace("it has ended", one.nodes...)
}

func TestE2E_aTrialLeavesWhatOthersHaveOrderedAtItsVictim(t *testing.T) {
	th := openTheater(t)
	i := th.injecting()
	outside := th.lab
	var lying control.Deed
	th.confirmed("n2 answers wrong", func() (err error) {
		lying, err = outside.Inject(t.Context(), strings.Fields("wrong --share 100% --node n2 --for 5m"))
		return err
	})
	moreWrong := func() func() error {
		before := th.rec.Wrong()
		return func() error {
			if th.rec.Wrong() == before {
				return errors.New("no wrong answer has come")
			}
			return nil
		}
	}
	th.await("wrong answers before", moreWrong())
	s := strike{component: meter.Owner, fault: meter.Loss, nodes: []string{"n2"}}
	var during func() error
	th.do(s, func() error {
		if during == nil {
			during = moreWrong()
		}
		if n := len(i.faults()); n != 2 {
			return fmt.Errorf("%d faults stand", n)
		}
		return during()
	})
	th.await("wrong answers after", moreWrong())
	if left := i.faults(); len(left) != 1 || left[0].harm.name != "wrong" {
		t.Errorf("%v, want the first fault alone", stillStands(left))
	}

	// Who heals all ends the trial's fault too, and the trial is told.
	s.last = e2eTimeout
	th.confirmed("loss", func() error { _, _, err := th.Strike(t.Context(), s); return err })
	th.confirmed("all is healed", func() error { _, err := outside.Mend(t.Context()); return err })
	if _, err := th.End(t.Context(), s); !errors.Is(err, errHealed) {
		t.Errorf("the trial ends with %v, want %v", err, errHealed)
	}
	if err := lying.Heal(t.Context()); err != nil {
		t.Errorf("healed once more: %v", err)
	}
	th.wantPeace("all is healed", "n2")

	// A frozen node is whoever's who froze it.
	frozen := th.begins(i, "freeze --node n2 --for 5m")
	if _, _, err := th.Strike(t.Context(), strike{component: meter.Owner, fault: meter.Freeze, nodes: []string{"n2"}}); !errors.Is(err, errUnsuited) {
		t.Errorf("a trial freezes what is frozen: %v, want %v", err, errUnsuited)
	}
	if err := i.heal(t.Context(), frozen.id); err != nil {
		t.Error(err)
	}
}

func TestE2E_theStoreIsAwayAsTheNodesSeeItAndTheWorkGoesOn(t *testing.T) {
	th := openTheater(t)
	i := th.injecting()
	away := func(want bool) func() error {
		return func() error {
			words := th.Statuses()
			if at := slices.IndexFunc(words, func(s telemetry.Status) bool { return s.StoreAway > 0 }); (at >= 0) != want {
				return fmt.Errorf("of %d nodes one misses its store: %v, want %v", len(words), at >= 0, want)
			}
			return nil
		}
	}
	f := th.begins(i, "kill --role store --for 1m")
	th.await("the store is missed", away(true))
	missed := th.Now()
	th.await("results of a second without it", func() error {
		if rate := th.rec.Rate(th.Now().Add(-time.Second), th.Now()); th.Now().Sub(missed) < time.Second || rate < 50 {
			return fmt.Errorf("%.0f a second come", rate)
		}
		return nil
	})
	th.confirmed("the store is back", func() error { return i.heal(t.Context(), f.id) })
	th.await("the store answers", away(false))
}

// openFiles counts what a process has open.
func openFiles(t *testing.T, pid int) int {
	t.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

func TestE2E_aThousandFaultsLeaveNothingBehind(t *testing.T) {
	const many = 1000
	th := openTheater(t)
	i := th.injecting()
	pid := func() int { return th.pids()[meter.Owner] } // n2's
	strike := func(times int) {
		for range times {
			f := th.begins(i, "loss --share 1% --node n2 --peer n1 --for 1m")
			th.confirmed("it ends", func() error { return i.heal(t.Context(), f.id) })
		}
	}
	strike(many / 10) // whatever is made once is made
	routines, files, theirs := runtime.NumGoroutine(), openFiles(t, os.Getpid()), openFiles(t, pid())
	before, err := th.status("n2")
	if err != nil {
		t.Fatal(err)
	}
	strike(many)
	th.await("as few goroutines and files as before", func() error {
		now, err := th.status("n2")
		if err != nil {
			return err
		}
		if r, f, g := runtime.NumGoroutine(), openFiles(t, os.Getpid()), openFiles(t, pid()); r > routines+5 || f > files || g > theirs || now.Goroutines > before.Goroutines+5 {
			return fmt.Errorf("%d goroutines and %d files here, %d and %d there; there were %d, %d, %d, %d", r, f, now.Goroutines, g, routines, files, before.Goroutines, theirs)
		}
		return nil
	})
	if left := i.book.open; len(left) > 0 || len(i.book.given) > 0 || len(i.faults()) > 0 {
		t.Errorf("after all are healed %d orders are awaited, %d given, %d faults stand", len(left), len(i.book.given), len(i.faults()))
	}
}
