package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"fracture/chaos"
	"fracture/chaos/scenario"
	"fracture/cluster/store"
	"fracture/lab"
)

// serverRole means the process of the store, where fracture started it. What nodes say to it is storeRole's.
const serverRole = "server"

// serverDeed is a deed of which the store's own process is the victim. Of a store that lives in the lab's process it does what
// embedded does.
type serverDeed struct {
	deed
	alone    bool // no node suffers it, so nobody need be named
	embedded func(e *store.Embedded) error
}

// Errors of what the store's process is to suffer.
var (
	// errNotOurStore: fracture did not start the store, and breaks none that is somebody else's; the text says what can be done.
	errNotOurStore = errors.New("fracture did not start this store, and breaks none that it did not start")
	// errEmbedded: the store is no process of its own; the text says what can be done.
	errEmbedded = errors.New("the store is embedded in the lab's own process")
	// errSaved: the store goes on saving though its disk is to be full, or cannot save though it is not.
	errSaved = errors.New("the store's file")
	// errLetGo: the deed is taken back, and a second try would take back somebody else's; but what it had brought about was not seen to
	// end, for the reason that follows.
	errLetGo = errors.New("the disk is no longer full")
)

// serverDeeds lists them. Where empty is set, what starts the store again has it come up with nothing in it.
func serverDeeds(empty bool) []serverDeed {
	revive := func(ctx context.Context, h *home, _ string, _ syscall.Signal) error {
		return reviveServer(ctx, h, empty)
	}
	anew := func(ctx context.Context, h *home, name string, sig syscall.Signal) error {
		if lab.Ends(sig) { // after another it may live
			if err := h.server.lab.Ended(ctx, name); err != nil {
				return err
			}
		}
		return reviveServer(ctx, h, empty)
	}
	return []serverDeed{
		{deed: deed{"kill", []string{"signal", "empty"}, true, alive, "the store's process gets a signal, SIGKILL where none is named; after --for it is started again with what it last saved",
			"inject kill --role server --for 3s", signalServer, anew}},
		{deed: deed{"freeze", nil, true, awake, "the store's process stands still: SIGSTOP, then SIGCONT", "inject freeze --role server --for 2s",
			func(_ context.Context, h *home, name string, _ syscall.Signal) error {
				_, _, err := h.server.lab.Freeze(name)
				return err
			}, thawServer}},
		{deed: deed{"stop", []string{"empty"}, true, alive, "the store saves and ends; after --for it is started again with what it saved, or --empty", "inject stop --role server --for 3s",
			stopServer, anew}},
		{deed: deed{"restart", []string{"empty"}, false, alive, "the store saves and ends, and is started again at once, with what it saved, or --empty",
			"inject restart --role server --empty", func(ctx context.Context, h *home, name string, sig syscall.Signal) error {
				stopped := stopServer(ctx, h, name, sig)
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTime) // who asked may be gone; it has been told to end
				defer cancel()
				return errors.Join(stopped, h.server.lab.Ended(ctx, name), reviveServer(ctx, h, empty))
			}, nil}, embedded: func(e *store.Embedded) error { e.Restart(empty); return nil }},
		{deed: deed{"thaw", nil, false, still, "a frozen store goes on, whoever froze it", "inject thaw --role server", thawServer, nil}},
		{deed: deed{"revive", []string{"empty"}, false, buried, "a dead store is started again, whoever ended it", "inject revive --role server", revive, nil}},
		{alone: true, deed: deed{"flush", nil, false, awake, "all that is in the store is taken out of it: FLUSHALL", "inject flush", flushServer, nil},
			embedded: func(e *store.Embedded) error { e.Flush(); return nil }},
		{alone: true, deed: deed{"full_disk", nil, true, awake, "the store cannot write to its files, and so takes no more writes", "inject full_disk --for 5s",
			fillDisk, emptyDisk}},
	}
}

// serverDeedOf finds one by its name; nil where there is none.
func serverDeedOf(name string, empty bool) *serverDeed {
	list := serverDeeds(empty)
	if i := slices.IndexFunc(list, func(d serverDeed) bool { return d.name == name }); i >= 0 {
		return &list[i]
	}
	return nil
}

// where is what it strikes.
func (d serverDeed) where() chaos.Site {
	if d.name == "flush" {
		return chaos.Store
	}
	return chaos.Process
}

// wants are the flags that it needs.
func (d serverDeed) wants() []string {
	if d.alone {
		return nil
	}
	return []string{"role"}
}

// ofServer reads what the store's process is to suffer; nil where it is not meant.
func (f *harmFlags) ofServer(name string, given func(flag string) bool) (*serverDeed, error) {
	meant := slices.Contains(f.roles, serverRole)
	d := serverDeedOf(name, f.empty)
	if !meant && (d == nil || !d.alone || f.store) {
		return nil, nil
	}
	if d == nil {
		var names []string
		for _, d := range serverDeeds(false) {
			names = append(names, d.name)
		}
		return nil, fmt.Errorf("--role %s: the store's process suffers %s, and not %s; --role %s is the store as nodes see it, which suffers %s",
			serverRole, strings.Join(names, ", "), name, storeRole, strings.Join(atStores, ", "))
	}
	for _, flag := range []string{"node", "zone", "tile", "pick", "store"} {
		if given(flag) || flag == storeRole && f.store {
			return nil, fmt.Errorf("--%s: %s strikes the process of the store, of which there is one; leave it away", flag, name)
		}
	}
	if others := slices.DeleteFunc(slices.Clone(f.roles), func(r string) bool { return r == serverRole }); len(others) > 0 {
		return nil, fmt.Errorf("--role %s: %s strikes the process of the store; leave the role away", strings.Join(others, ","), name)
	}
	return d, nil
}

// canSuffer tells whether a deed suits what the store is, and how it is.
func (h *home) canSuffer(d *serverDeed) error {
	switch {
	case h.server != nil:
	case h.embedded != nil && d.embedded != nil:
		return nil
	case h.embedded != nil:
		return fmt.Errorf("%s: %w: start it by `fracture lab --redis %s`, or ask for --role %s, by which it is so to all nodes", d.name, errEmbedded, ownRedis, storeRole)
	default:
		return fmt.Errorf("%s: %w: break it by hand, start the lab by `fracture lab --redis %s`, or ask for --role %s, by which it is so to all nodes",
			d.name, errNotOurStore, ownRedis, storeRole)
	}
	child, err := h.server.lab.Child(serverName)
	if err == nil && !slices.Contains(d.suits, child.State) {
		err = fmt.Errorf("%w: the store is %v, and %s does nothing to it", errUnsuited, child.State, d.name)
	}
	return err
}

// does does the deed of a harm to one who suffers it.
func (h *home) does(ctx context.Context, asked harm, name string) error {
	if d := asked.server; d != nil && h.server == nil {
		return d.embedded(h.embedded)
	}
	return asked.deed.do(ctx, h, name, asked.signal)
}

// labOf is the lab whose child suffers a harm; nil where it is no child.
func (h *home) labOf(asked harm) *lab.Lab {
	switch {
	case asked.server == nil:
		return h.lab
	case h.server == nil:
		return nil
	}
	return h.server.lab
}

// startsOf is how often the process of who suffers a harm was started; 0 where it is no process.
func (h *home) startsOf(asked harm, name string) int {
	l := h.labOf(asked)
	if l == nil {
		return 0
	}
	child, err := l.Child(name)
	if err != nil {
		return 0
	}
	return child.Starts
}

func signalServer(_ context.Context, h *home, name string, sig syscall.Signal) error {
	_, _, err := h.server.lab.Signal(name, sig)
	return err
}

func stopServer(ctx context.Context, h *home, name string, _ syscall.Signal) error {
	return h.server.lab.Stop(ctx, name)
}

// thawServer lets the store go on; one that is dead by now is as good.
func thawServer(_ context.Context, h *home, name string, _ syscall.Signal) error {
	_, _, err := h.server.lab.Thaw(name)
	return unlessGone(err)
}

// unlessGone is an error, but that of a process that has ended, or whose lab has.
func unlessGone(err error) error {
	if errors.Is(err, lab.ErrDead) || errors.Is(err, lab.ErrClosed) {
		return nil
	}
	return err
}

// reviveServer starts the store again, unless it lives, and waits until it answers. Empty, it comes up with nothing in it.
func reviveServer(ctx context.Context, h *home, empty bool) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	child, err := h.server.lab.Child(serverName)
	switch {
	case errors.Is(err, lab.ErrClosed):
		return nil
	case err != nil:
		return err
	case child.State == lab.Frozen:
		return thawServer(ctx, h, serverName, 0)
	case child.State != lab.Dead:
		return nil
	}
	if empty {
		if err := os.Remove(h.server.dump); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("emptying the store: %w", err)
		}
	}
	err = h.reviveServer(ctx)
	if errors.Is(err, lab.ErrAlive) || errors.Is(err, lab.ErrClosed) {
		return nil
	}
	return err
}

func flushServer(ctx context.Context, h *home, _ string, _ syscall.Signal) error {
	return h.server.client.Flush(ctx)
}

// fillDisk lets the store write to no file any more, and has it find that out: by itself it would a year later.
func fillDisk(ctx context.Context, h *home, name string, _ syscall.Signal) error {
	if err := h.server.lab.FillDisk(name); err != nil {
		return err
	}
	saved, err := h.server.client.Save(ctx)
	if err == nil && saved {
		err = fmt.Errorf("%w could be written though the disk was to be full", errSaved)
	}
	return err
}

// emptyDisk takes that back. A store that is dead by now, or was started again, is as good; so is one whose disk others hold full.
func emptyDisk(ctx context.Context, h *home, name string, _ syscall.Signal) error {
	full, err := h.server.lab.EmptyDisk(name)
	if err != nil || full {
		return unlessGone(err)
	}
	saved, err := h.server.client.Save(ctx)
	if err == nil && !saved {
		err = fmt.Errorf("%w cannot be written: see its log", errSaved)
	}
	if err != nil {
		err = fmt.Errorf("%w, but %w", errLetGo, err)
	}
	return err
}

// mendServer lets the store go on, or starts it again, where it is a process of ours and somebody has broken it.
func (h *home) mendServer(ctx context.Context) (mended []string, err error) {
	if h.server == nil {
		return nil, nil
	}
	child, err := h.server.lab.Child(serverName)
	if err != nil || child.State != lab.Frozen && child.State != lab.Dead {
		return nil, unlessGone(err)
	}
	if err := reviveServer(ctx, h, false); err != nil {
		return nil, err
	}
	return []string{serverName + " goes on"}, nil
}

// breaksServer reports whether a scenario wants a store that is a process of its own.
func breaksServer(e *scenario.Experiment) bool {
	return slices.ContainsFunc(injections(e), func(arguments []string) bool {
		h, err := parseHarm(arguments)
		return err == nil && h.server != nil && h.server.embedded == nil
	})
}

// injections are the arguments of all faults that a scenario has, or may draw.
func injections(e *scenario.Experiment) (all [][]string) {
	for _, s := range e.Plan() {
		if s.Fault != "" {
			all = append(all, s.Arguments)
		}
	}
	if m := e.Fracture.Nemesis; m != nil { // which of them it draws is another matter
		for _, f := range m.Faults {
			all = append(all, f.Fault.Arguments())
		}
	}
	return all
}
