package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"fracture/chaos"
	"fracture/chaos/scenario"
	"fracture/control"
)

// harm is one fault that somebody asks for, in the words of `fracture inject`.
type harm struct {
	name   string
	deed   *deed            // done to processes; nil: it is ordered
	server *serverDeed      // whose deed it is, where the store's process suffers it; else nil
	stand  []chaos.Standing // what each of whom is ordered,
	parted partFlags        // unless it is whom each of them cannot reach
	whom   chaos.Selection
	signal syscall.Signal
	last   time.Duration
	seed   uint64          // 0: the injector's
	place  uint32          // in a scenario, from 1; 0: it has none
	round  uint64          // of a repeated scenario, from 0
	sure   bool            // it may break the last node, and the last who holds a task
	flags  []scenario.Flag // with which it was asked for, but for those that say whom, how long, and sure; nil: not in words
}

// once reports whether it is over as soon as it is done.
func (h harm) once() bool {
	switch {
	case h.deed != nil:
		return !h.deed.stands
	case len(h.stand) == 0: // a noop
		return true
	}
	return h.stand[0].Fault.Once()
}

// at reports whether it stands at a site.
func (h harm) at(site chaos.Site) bool { return len(h.stand) > 0 && h.stand[0].Site == site }

// isolates reports whether nobody hears any more who suffers it, or it nobody.
func (h harm) isolates() bool {
	if len(h.stand) == 0 || h.parted != (partFlags{}) {
		return false
	}
	s := h.stand[0]
	return s.Fault.Kind == chaos.Wedge || s.Site == chaos.Link && s.Peer == "" && !s.Inward && (s.Fault.Kind == chaos.Cut || s.Fault.Kind == chaos.Blackhole)
}

// peer is the node at the other end of what suffers; empty where that is every one.
func (h harm) peer() string {
	if len(h.stand) == 0 {
		return ""
	}
	return h.stand[0].Peer
}

// harmFlags are the words in which a fault is asked for: on the command line of inject, and wherever else.
type harmFlags struct {
	nodes, roles, zones []string
	tiles               []uint
	pick                string
	peer                string
	inward, both        bool
	gossip, store       bool
	share               string
	by                  time.Duration
	times               float64
	terms               string
	refusal             string
	empty               bool
	signal              string
	last                time.Duration
	seed                uint64
	sure                bool
	network             networkFlags
	inside              insideFlags
	parted              partFlags
}

func (f *harmFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.nodes, "node", nil, "who suffers it, by name; may be repeated; all: every node")
	flags.StringSliceVar(&f.roles, "role", nil, "who holds one of these roles now: owner, standby, splitter, door; or the store, as all nodes see it; or server, the store's own process")
	flags.StringSliceVar(&f.zones, "zone", nil, "who is in one of these zones")
	flags.UintSliceVar(&f.tiles, "tile", nil, "who owns one of these tiles of the picture now")
	flags.StringVar(&f.pick, "pick", "all", "how many of those: one, all, a number, 50%, or random-max-50%")
	flags.StringVar(&f.peer, "peer", "", "only on the way to this node; none: to every one")
	flags.BoolVar(&f.inward, "inward", false, "on the way from there, instead of to there")
	flags.BoolVar(&f.both, "both", false, "on the way there and on the way from there (cut, loss)")
	flags.BoolVar(&f.gossip, "gossip", false, "what the node gossips suffers it, instead of its links and beats (cut, loss)")
	flags.BoolVar(&f.store, "store", false, "what the node says to its store suffers it, as if the store had it (kill, freeze, cut, loss, delay, deny)")
	flags.StringVar(&f.share, "share", "", "what share of the messages, answers or packets, such as 20%, or which, such as every(7) or burst(3,100)")
	flags.DurationVar(&f.by, "by", 0, "how late, up to "+chaos.MaxLate.String()+"; of a slicer the pause; how far off a clock is")
	flags.Float64Var(&f.times, "times", 0, "how many times as long a task takes")
	flags.StringVar(&f.terms, "terms", "", "what becomes of which task, as gofail spells it; see fracture faults")
	flags.StringVar(&f.refusal, "error", "", "what a write is answered that the store denies: readonly, oom, disk, noreplicas; none: readonly")
	flags.BoolVar(&f.empty, "empty", false, "the store is started again with nothing in it (of --role server: kill, stop, restart, revive)")
	flags.StringVar(&f.signal, "signal", "KILL", "which signal, by name or number (kill)")
	flags.DurationVar(&f.last, "for", usualInject, "how long it stands")
	flags.Uint64Var(&f.seed, "seed", 0, "decides who is picked, and which messages and tasks it has; 0: from the clock, and printed")
	flags.BoolVar(&f.sure, control.YesBreakIt, false, "though it leaves no node, or no holder of a task")
	f.network.register(flags)
	f.inside.register(flags)
	f.parted.register(flags)
}

// whose are the flags that say whom a fault is for, and for how long; every fault takes them.
var whose = []string{"node", "role", "zone", "tile", "pick", "for", "seed"}

// parseHarm reads what would stand behind inject on a command line.
func parseHarm(arguments []string) (harm, error) {
	var f harmFlags
	flags := pflag.NewFlagSet("inject", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	f.register(flags)
	if err := flags.Parse(arguments); err != nil {
		return harm{}, explainFlag(err)
	}
	if flags.NArg() != 1 {
		return harm{}, fmt.Errorf("inject wants one fault, and not %q: one of %s", flags.Args(), strings.Join(faultNames(), ", "))
	}
	h, err := f.harm(flags.Arg(0), flags.Changed)
	h.flags = ownWords(flags)
	return h, err
}

// ownWords are the flags that were given of a fault's own.
func ownWords(given *pflag.FlagSet) []scenario.Flag {
	words := []scenario.Flag{}
	given.Visit(func(f *pflag.Flag) {
		many, several := f.Value.(pflag.SliceValue)
		switch {
		case slices.Contains(whose, f.Name) && f.Name != "seed", f.Name == control.YesBreakIt, f.Value.String() == "false":
		case f.Value.Type() == "bool":
			words = append(words, scenario.Flag{Name: f.Name})
		case several:
			words = append(words, scenario.Flag{Name: f.Name, Values: many.GetSlice()})
		default:
			words = append(words, scenario.Flag{Name: f.Name, Values: []string{f.Value.String()}})
		}
	})
	return words
}

// harm reads the flags, of which some were given.
func (f *harmFlags) harm(name string, given func(flag string) bool) (h harm, err error) {
	if name == noop {
		return harm{name: name}, takes(name, nil, nil, "", given)
	}
	f.roles = slices.DeleteFunc(f.roles, func(r string) bool { f.store = f.store || r == storeRole; return r == storeRole })
	said := given
	given = func(flag string) bool { return flag == storeRole && f.store || said(flag) }
	h = harm{name: name, last: f.last, seed: f.seed, deed: deedOf(name), parted: f.parted, sure: f.sure}
	if f.store {
		if h.deed = nil; !slices.Contains(atStores, name) {
			err := fmt.Errorf("--store: a store suffers %s, and not %s", strings.Join(atStores, ", "), name)
			if serverDeedOf(name, false) != nil {
				err = fmt.Errorf("%w; its process does: --role %s", err, serverRole)
			}
			return h, err
		}
	}
	if h.server, err = f.ofServer(name, given); err != nil {
		return h, err
	}
	if h.server != nil {
		h.deed = &h.server.deed
	} else if h.whom, err = f.selection(name, given); err != nil {
		return h, err
	}
	if f.last < shortestFor || f.last > longestInject {
		return h, fmt.Errorf("--for %v: want %v to %v", f.last, shortestFor, longestInject)
	}
	if h.deed != nil {
		if h.signal, err = parseSignal(f.signal); err != nil {
			return h, err
		}
		return h, takes(name, nil, h.deed.may, h.deed.example, given)
	}
	h.stand, err = f.standing(name, given)
	return h, err
}

// atStores are the faults that a store suffers.
var atStores = []string{"kill", "freeze", "cut", "loss", "delay", "deny", slowDisk}

// storeRole means the store, which is no node: what nodes say to it suffers.
const storeRole = "store"

// selection reads who is meant.
func (f *harmFlags) selection(name string, given func(flag string) bool) (s chaos.Selection, err error) {
	named := false
	for _, flag := range whose[:5] {
		named = named || given(flag)
	}
	if !named && !f.store && name != partition {
		return s, errors.New("--node is missing: name who suffers it, or all; or choose by --role, --zone, --tile, --pick")
	}
	if !slices.Contains(f.nodes, everyNode) {
		s.Names = f.nodes
	}
	for _, text := range f.roles {
		role := chaos.Role(text)
		if !slices.Contains(chaos.Roles, role) {
			return s, fmt.Errorf("--role %q: want one of %s, %s, %s", text, words(chaos.Roles), storeRole, serverRole)
		}
		s.Roles = append(s.Roles, role)
	}
	s.Zones = f.zones
	for _, t := range f.tiles {
		s.Tiles = append(s.Tiles, uint32(min(t, math.MaxUint32)))
	}
	if s.Pick, err = chaos.ParsePick(f.pick); err != nil {
		return s, fmt.Errorf("--pick: %w", err)
	}
	return s, nil
}

// takes checks which flags were given against those that a fault wants and may have.
func takes(name string, wants, may []string, example string, given func(flag string) bool) error {
	own := []string{"share", "by", "times", "terms", "peer", "inward", "both", "gossip", "store", "error", "empty", "signal"}
	for _, flag := range slices.Concat(own, networkFlagNames, insideFlagNames, partFlagNames) {
		wanted := slices.Contains(wants, flag)
		switch {
		case given(flag) && !wanted && !slices.Contains(may, flag):
			return fmt.Errorf("--%s means nothing to %s, which takes %s", flag, name, cmp.Or(strings.Join(dashed(slices.Concat(wants, may)), ", "), "none of its own"))
		case !given(flag) && wanted:
			return fmt.Errorf("--%s is missing: such as `%s`", flag, example)
		}
	}
	return nil
}

// standing says what is to stand at each node.
func (f *harmFlags) standing(name string, given func(flag string) bool) ([]chaos.Standing, error) {
	e, err := entryOf(name)
	if err != nil {
		return nil, err
	}
	if err := takes(name, e.flags, e.may, e.example, given); err != nil {
		return nil, err
	}
	switch aimed := f.peer != "" || f.inward || f.both; {
	case f.gossip && aimed:
		return nil, errors.New("--gossip: what a node gossips goes to no one in particular; leave --peer, --inward and --both away")
	case f.store && (aimed || f.gossip):
		return nil, errors.New("--store: there is one store; leave --peer, --inward, --both and --gossip away")
	case f.inward && f.both:
		return nil, errors.New("--inward is one of the two ways that --both means; leave one of these flags away")
	}
	if err := f.parted.check(e); err != nil {
		return nil, err
	}
	fault, err := f.network.fault(chaos.Fault{
		Kind: e.kind, By: f.by, Times: f.times, Terms: f.terms, Writes: e.name == slowDisk,
		Period: f.inside.period, Cores: uint64(f.inside.cores),
	})
	if e.name == slowDisk {
		fault.Share = 1
	}
	if err == nil && f.refusal != "" {
		if err = fault.Refusal.UnmarshalText([]byte(f.refusal)); err != nil {
			err = fmt.Errorf("--error: %w", err)
		}
	}
	if err == nil && given("share") {
		fault, err = parseShare(fault, f.share)
	}
	if err != nil {
		return nil, err
	}
	var stand []chaos.Standing
	for _, site := range e.sites(f.gossip, f.store) {
		stand = append(stand, chaos.Standing{Site: site, Fault: fault, Peer: f.peer, Inward: f.inward})
		if f.both {
			stand = append(stand, chaos.Standing{Site: site, Fault: fault, Peer: f.peer, Inward: true})
		}
	}
	stand = numbered(stand)
	return stand, chaos.Order{Lease: chaos.Lease(chaos.MaxLease), Stand: stand}.Check()
}
