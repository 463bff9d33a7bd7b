package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"fracture/lab"
)

// deed is a fault that a process suffers from outside. Only who started the process may do it, which is the lab or the run.
type deed struct {
	name    string
	may     []string // flags of inject, beside those that say whom and for how long
	stands  bool     // for a while, and is healed then; else it is over when it is done
	suits   []lab.State
	what    string
	example string
	do      func(ctx context.Context, h *home, node string, sig syscall.Signal) error
	heal    func(ctx context.Context, h *home, node string, sig syscall.Signal) error // nil where it does not stand
}

// What a process must be like to suffer a deed.
var (
	alive  = []lab.State{lab.Starting, lab.Running, lab.Frozen}
	awake  = []lab.State{lab.Starting, lab.Running}
	still  = []lab.State{lab.Frozen}
	buried = []lab.State{lab.Dead}
)

// deeds lists them. What heals is there for what others broke.
var deeds = []deed{
	{"kill", []string{"signal"}, true, alive, "the process gets a signal, SIGKILL where none is named; if it died, it is started again after --for",
		"inject kill --role owner --pick one --for 3s",
		func(_ context.Context, h *home, node string, sig syscall.Signal) error {
			return h.send(node, killed, sig)
		}, healKilled},
	{"freeze", nil, true, awake, "SIGSTOP: its links stand, and it answers nobody; then SIGCONT", "inject freeze --node n3 --for 500ms",
		func(ctx context.Context, h *home, node string, _ syscall.Signal) error { return h.Freeze(ctx, node) },
		func(ctx context.Context, h *home, node string, _ syscall.Signal) error {
			return thawLiving(ctx, h, node)
		}},
	{"stop", nil, true, alive, "it is asked to end: it hands over and leaves; then it is started again", "inject stop --node n3 --for 5s",
		stopNode, healKilled},
	{down, nil, true, alive, "its network interface is taken down, as by ip link set down, and then up (lab --netns, which needs root)", "inject down --node n3 --for 2s",
		takeDown, takeUp},
	{"restart", nil, false, alive, "it is asked to end, and started again at once", "inject restart --role splitter",
		func(ctx context.Context, h *home, node string, sig syscall.Signal) error {
			return errors.Join(stopNode(ctx, h, node, sig), startAnew(ctx, h, node))
		}, nil},
	{"replace", nil, false, alive, "it is killed, and a new incarnation is started at once", "inject replace --node n3",
		func(ctx context.Context, h *home, node string, _ syscall.Signal) error {
			return errors.Join(h.Kill(ctx, node), startAnew(ctx, h, node))
		}, nil},
	{"thaw", nil, false, still, "a frozen process goes on, whoever froze it", "inject thaw --node n3",
		func(ctx context.Context, h *home, node string, _ syscall.Signal) error {
			return thawLiving(ctx, h, node)
		}, nil},
	{"revive", nil, false, buried, "a dead process is started again, whoever ended it", "inject revive --node n3",
		func(ctx context.Context, h *home, node string, _ syscall.Signal) error {
			return reviveDead(ctx, h, node)
		}, nil},
}

// deedOf finds a deed by its name; nil where there is none.
func deedOf(name string) *deed {
	if i := slices.IndexFunc(deeds, func(d deed) bool { return d.name == name }); i >= 0 {
		return &deeds[i]
	}
	return nil
}

// brief reports whether a deed is a system call and no more.
func (d *deed) brief() bool { return d.name == "kill" || d.name == "freeze" }

func stopNode(ctx context.Context, h *home, node string, _ syscall.Signal) error {
	return h.lab.Stop(ctx, node)
}

// startAnew starts a node that is about to end, once it has, and also where whoever asked for that has gone meanwhile.
func startAnew(ctx context.Context, h *home, node string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTime)
	defer cancel()
	if child, err := h.lab.Child(node); err == nil && child.State == lab.Frozen { // else it would not see that it is to end
		if err := thawLiving(ctx, h, node); err != nil {
			return err
		}
	}
	if err := h.lab.Ended(ctx, node); err != nil {
		return err
	}
	return reviveDead(ctx, h, node)
}

// healKilled starts a node again that got a signal. One of those that end a process is waited for; after another it may live.
func healKilled(ctx context.Context, h *home, node string, sig syscall.Signal) error {
	if !lab.Ends(sig) {
		return reviveDead(ctx, h, node)
	}
	return startAnew(ctx, h, node)
}

// thawLiving lets a node go on; one that is dead by now is as good.
func thawLiving(ctx context.Context, h *home, node string) error {
	err := h.Thaw(ctx, node)
	if errors.Is(err, lab.ErrDead) || errors.Is(err, lab.ErrClosed) {
		return nil
	}
	return err
}

// reviveDead starts a node again, unless it lives: not every signal kills, and somebody else may have started it. A lab that
// ends starts none any more.
func reviveDead(ctx context.Context, h *home, node string) error {
	child, err := h.lab.Child(node)
	switch {
	case errors.Is(err, lab.ErrClosed):
		return nil
	case err != nil:
		return err
	case child.State == lab.Frozen:
		return thawLiving(ctx, h, node)
	case child.State != lab.Dead:
		return nil
	}
	err = h.startNode(ctx, node) // and not revive, which would wait for the end of one that somebody else started meanwhile
	switch {
	case errors.Is(err, lab.ErrAlive):
		return h.ready(ctx, node)
	case errors.Is(err, lab.ErrClosed):
		return nil
	}
	return err
}

// send sends a node a signal.
func (h *home) send(node, what string, sig syscall.Signal) error {
	before, _, err := h.lab.Signal(node, sig)
	if sig != syscall.SIGKILL {
		what = fmt.Sprintf("given %s", unix.SignalName(sig))
	}
	h.broke(node, what, before, err)
	return err
}

// parseSignal reads a signal as kill(1) does: KILL, SIGKILL or 9.
func parseSignal(text string) (syscall.Signal, error) {
	name := strings.ToUpper(text)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if sig := unix.SignalNum(name); sig != 0 {
		return sig, nil
	}
	for n := syscall.Signal(1); n < 32; n++ {
		if fmt.Sprint(int(n)) == text {
			return n, nil
		}
	}
	return 0, fmt.Errorf("--signal %q: want a name such as KILL, TERM or QUIT, or a number from 1 to 31", text)
}
