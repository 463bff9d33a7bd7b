package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/control"
	"fracture/telemetry"
	"fracture/tui"
)

// noControl is the word for no control API.
const noControl = "none"

// controlFlags say where the control API of a lab is, and how much may be broken by it.
type controlFlags struct {
	address              string
	toxiproxy            string // where Toxiproxy's API is; empty: there is none
	maxNodes, maxPercent int
}

func (f *controlFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.address, "control", anyPort, "address of the control API, of loopback; none: there is none")
	flags.StringVar(&f.toxiproxy, "toxiproxy", "", "address of Toxiproxy's API on the links between nodes, of loopback, such as 127.0.0.1:8474; none: there is none")
	flags.IntVar(&f.maxNodes, "max-nodes", 0, "nodes that the control API, or a scenario, may break at once; 0: as many as leave each task a holder")
	flags.IntVar(&f.maxPercent, "max-percent", 100, "how many of a hundred nodes it may break at once, 1 to 100")
}

// check names the first flag that makes no sense.
func (f controlFlags) check(nodes int) error {
	if f.maxNodes < 0 || f.maxNodes > nodes {
		return wrongValue("max-nodes", "%d: want 0, which is no bound, to as many as --nodes, %d", f.maxNodes, nodes)
	}
	if f.maxPercent < 1 || f.maxPercent > 100 {
		return wrongValue("max-percent", "%d: want 1 to 100", f.maxPercent)
	}
	if err := checkToxiproxy(f.toxiproxy); err != nil || f.address == noControl {
		return err
	}
	if err := checkAddress("--control", f.address, anyPort); err != nil {
		return err
	}
	host, port, _ := net.SplitHostPort(f.address)
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--control %s: other hosts could reach it, and it has no TLS: give 127.0.0.1:%s, and bring it elsewhere by "+
			"ssh -L", f.address, port)
	}
	return nil
}

func (f controlFlags) limits() control.Limits {
	return control.Limits{Nodes: f.maxNodes, Percent: f.maxPercent}
}

// openControl opens the control API before a lab, whose directory is the home's. It is nil where there is to be none; else
// it is to be run.
func openControl(ctx context.Context, f controlFlags, h *home, before control.Lab) (*control.Server, string, error) {
	if f.address == noControl || f.address == "" {
		return nil, "", nil
	}
	s := control.New(control.Config{Address: f.address, Dir: h.dir.Path, Version: version()}, before)
	var addr net.Addr
	err := h.atHost(func() (err error) { addr, err = s.Listen(ctx); return err })
	if err != nil {
		return nil, "", fmt.Errorf("--control %s: %w", f.address, err)
	}
	return s, addr.String(), nil
}

// whereControl is the news of where the control API is, and how one is let in.
func whereControl(addr, dir string) telemetry.Event {
	return telemetry.Event{
		Trace: failover.Trace{At: clock.Now(), Node: "lab", Verb: "listen"},
		Text:  fmt.Sprintf("the control API is at http://%s, its token in %s", addr, filepath.Join(dir, "token")),
	}
}

// sceneLab is the lab before which `fracture lab` opens the control API: what the scene sees, and the nodes of its own.
type sceneLab struct {
	*breaker
	scene  *scene
	toxics *toxicLinks
}

// newSceneLab makes the lab of a scene.
func newSceneLab(s *scene, i *injector, limits control.Limits) *sceneLab {
	l := &sceneLab{scene: s}
	l.breaker = &breaker{injector: i, limits: limits, stock: l.Nodes, tiles: l.tiles}
	l.toxics = newToxicLinks(l.breaker, i.ending)
	return l
}

// Mend implements control.Lab: what links suffer by Toxiproxy's API is over, too, and the monkey rests.
func (l *sceneLab) Mend(ctx context.Context) ([]string, error) {
	if l.scene.monkey != nil {
		l.scene.monkey.let(false)
	}
	mended, err := l.breaker.Mend(ctx)
	healed, failed := l.toxics.heal(ctx)
	return append(mended, healed...), errors.Join(err, failed)
}

// Nodes implements control.Lab.
func (l *sceneLab) Nodes() []control.Node {
	list := []control.Node{}
	for _, n := range l.scene.nodes(clock.Now()) {
		list = append(list, nodeOf(n))
	}
	return list
}

// tiles are those of the lowest stream that a node runs or stands by for.
func (l *sceneLab) tiles(name string) []uint32 {
	l.scene.mu.Lock()
	defer l.scene.mu.Unlock()
	return heldTiles(l.scene.statuses[name].status)
}

// Streams implements control.Lab.
func (l *sceneLab) Streams() []control.Stream {
	list := []control.Stream{}
	for _, p := range l.scene.promised() {
		s := streamOf(p.Stream, p.leader)
		s.Stopped = p.stands(clock.Now())
		list = append(list, s)
	}
	return list
}

// Totals implements control.Lab.
func (l *sceneLab) Totals() (control.Totals, bool) { return l.scene.broker.totals() }

// Catalogue implements control.Lab.
func (*sceneLab) Catalogue(w io.Writer) error { return printFaultsJSON(w) }

// nodeOf describes a node as the control API tells of it.
func nodeOf(n tui.Node) control.Node {
	return control.Node{
		Name: n.Name, State: n.State.String(), Ours: !n.Foreign, Zone: n.Zone, PID: n.PID, Incarnation: n.Incarnation,
		Role: roleOf(n.Status), Owns: n.Owns, StandsBy: n.StandsBy, RSS: n.RSS, CPU: n.CPU, Uptime: n.Uptime,
		Gossip: n.Gossip, HTTP: n.HTTP,
	}
}

// roleOf is the first of the roles that a node has.
func roleOf(s telemetry.Status) string {
	switch {
	case len(s.Leads) > 0:
		return "splitter"
	case s.Owns > 0:
		return "owner"
	case s.StandsBy > 0 || len(s.Follows) > 0:
		return "standby"
	}
	return "none"
}

// heldTiles are the tiles of which a node has a copy.
func heldTiles(s telemetry.Status) []uint32 { return slices.Concat(s.OwnedTiles, s.CopiedTiles) }

// streamOf describes a stream as the control API tells of it.
func streamOf(s telemetry.Stream, leader string) control.Stream {
	return control.Stream{
		ID: strconv.FormatUint(s.ID, 16), Name: streamName(s), Tiles: s.Tiles, Period: s.Period.Seconds(),
		Strategy: s.Strategy, Copies: s.Factor, Leader: leader,
	}
}

// byName sorts nodes as people count them: n2 before n10.
func byName(a, b control.Node) int {
	return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), strings.Compare(a.Name, b.Name))
}

// wall is the time of day at an instant of not long ago.
func wall(at clock.Instant) time.Time { return time.Now().Add(at.Sub(clock.Now())) }

// runControl opens the control API before a scene and has the group run it; the screen is told where it is, and how all is healed.
func runControl(ctx context.Context, cfg watchConfig, s *scene, before *sceneLab, group *errgroup.Group) error {
	s.heal = func(ctx context.Context) (all control.Healed) {
		ended, err := s.breaks.healAll(ctx)
		for _, f := range ended {
			all.Healed = append(all.Healed, control.Fault{What: f.harm.name, Whom: f.nodes})
		}
		var failed error
		if all.Mended, failed = before.Mend(ctx); errors.Join(err, failed) != nil {
			all.Failed = []string{errors.Join(err, failed).Error()}
		}
		return all
	}
	s.inject = func(ctx context.Context, arguments []string) (tui.Heal, error) {
		deed, err := before.Inject(ctx, arguments)
		return deed.Heal, err
	}
	server, addr, err := openControl(ctx, cfg.outside, cfg.control, before)
	if err != nil {
		return err
	}
	if server != nil {
		s.heal = server.HealAll
		s.inject = func(ctx context.Context, arguments []string) (tui.Heal, error) {
			fault, err := server.Inject(ctx, arguments)
			return func(context.Context) error { return server.Heal(fault.ID) }, err
		}
		s.broker.openTo(server)
		s.broker.Event(whereControl(addr, cfg.control.dir.Path))
		group.Go(guarded(func() error { return server.Run(ctx) }))
	}
	if address := cfg.outside.toxiproxy; address != "" {
		group.Go(guarded(func() error { return serveLinks(ctx, address, before.toxics, s.broker.Event) }))
	}
	return nil
}

// unhealed tells the log of a fault that could not be healed when its time came.
func (s *scene) unhealed(f *standingFault, err error) {
	s.broker.Event(telemetry.Event{
		Trace: failover.Trace{At: clock.Now(), Node: "lab", Verb: "heal"},
		Text:  fmt.Sprintf("%s at %s could not be healed: %v", f.harm.name, strings.Join(f.nodes, ", "), err),
	})
}

// tellOfMonkey tells the log of what the monkey could not break.
func (s *scene) tellOfMonkey(text string) {
	s.broker.Event(telemetry.Event{Trace: failover.Trace{At: clock.Now(), Node: "monkey", Verb: "fault"}, Text: text})
}

// known are the last words of all nodes that were heard of and have not left.
func (s *scene) known() (list []telemetry.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, word := range s.statuses {
		if !word.leaving {
			list = append(list, word.status)
		}
	}
	return list
}
