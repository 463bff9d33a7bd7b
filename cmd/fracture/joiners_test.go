package main

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fracture/chaos"
	"fracture/cluster/failover"
	"fracture/telemetry"
)

// company is a cluster that obeys at once, and whose orders can be read.
type company struct {
	mu    sync.Mutex // guards what follows
	up    []telemetry.Status
	stand map[string][]chaos.Standing // by node: what it was last ordered
}

// meetUp makes a company of nodes, and an injector before it.
func meetUp(seed uint64, names ...string) (*company, *injector) {
	c := &company{stand: map[string][]chaos.Standing{}}
	c.join(names...)
	book := &orderBook{client: "who"}
	book.order = func(node string, o chaos.Order) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.stand[node] = o.Stand
		said := telemetry.Event{Trace: failover.Trace{Peer: "who"}, Order: o.ID}
		go book.confirm(&said) // the book is held while it orders
		return nil
	}
	return c, newInjector(nil, book, c.statuses, seed)
}

func (c *company) join(names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range names {
		name, zone, _ := strings.Cut(n, "@")
		c.up = append(c.up, telemetry.Status{Name: name, Zone: zone, Owns: 1})
	}
}

func (c *company) statuses() []telemetry.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.up)
}

// suffering names the nodes at which something stands.
func (c *company) suffering() (names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, stand := range c.stand {
		if len(stand) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// begin has a fault begin, as inject has it.
func begin(t *testing.T, i *injector, line string, change func(*harm)) standingFault {
	t.Helper()
	h, err := parseHarm(strings.Fields(line))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&h)
	}
	f, err := i.begin(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestInjector_whatIsForAllIsForThoseWhoJoin(t *testing.T) {
	for line, want := range map[string][]string{
		"loss --share 20% --node all":              {"n1", "n2", "n3", "n4"},
		"loss --share 20% --pick all":              {"n1", "n2", "n3", "n4"},
		"slow --times 2 --zone z1":                 {"n1", "n3"},
		"loss --share 20% --node n1":               {"n1"},
		"slow --times 2 --role owner":              {"n1", "n2"},
		"kill --store":                             {"n1", "n2", "n3", "n4"},
		"partition --groups n1/n2":                 {"n1", "n2"},
		"cut --node n1 --node n2 --peer n4":        {"n1", "n2"},
		"loss --share 20% --pick 100% --node all":  {"n1", "n2"},
		"delay --share 1 --by 5ms --zone z1,z2":    {"n1", "n2", "n3", "n4"},
		"loss --share 20% --gossip --node all":     {"n1", "n2", "n3", "n4"},
		"fail --terms every(7)panic --node all":    {"n1", "n2", "n3", "n4"},
		"loss --share 50% --node all --seed 7":     {"n1", "n2", "n3", "n4"},
		"bandwidth --rate 64KB/s --node all":       {"n1", "n2", "n3", "n4"},
		"blackhole --timeout 1s --inward --zone z": {},
	} {
		c, i := meetUp(1, "n1@z1", "n2@z2")
		h, err := parseHarm(strings.Fields(line))
		if err != nil {
			t.Fatal(err)
		}
		f, err := i.begin(t.Context(), h)
		if err != nil && len(want) > 0 {
			t.Fatal(err)
		}
		c.join("n3@z1", "n4@z2")
		i.renew()
		i.renew()
		if got := c.suffering(); !slices.Equal(got, want) {
			t.Errorf("%s: %v suffer it, want %v", line, got, want)
		}
		if len(want) == 0 {
			continue
		}
		if err := i.heal(t.Context(), f.id); err != nil {
			t.Error(err)
		}
		if left := c.suffering(); len(left) > 0 {
			t.Errorf("%s: %v suffer on when it is healed", line, left)
		}
	}
}

func TestInjector_eachFaultHasItsOwnSeed(t *testing.T) {
	seeds := func(lines ...string) map[chaos.Kind]uint64 {
		c, i := meetUp(3, "n1")
		for _, line := range lines {
			begin(t, i, line, nil)
		}
		got := map[chaos.Kind]uint64{}
		for _, s := range c.stand["n1"] {
			got[s.Fault.Kind] = chaos.SeedAt(s.Seed, s.Site, "n1", s.Peer, s.Rule)
		}
		return got
	}
	alone := seeds("slow --times 2 --node n1 --seed 7")[chaos.Slow]
	both := seeds("wrong --share 10% --node n1", "slow --times 2 --node n1 --seed 7", "fail --terms 5%panic --node n1 --seed 8")
	if both[chaos.Slow] != alone {
		t.Error("a fault with a seed draws otherwise beside others")
	}
	if both[chaos.Fail] == both[chaos.Slow] || both[chaos.Wrong] == both[chaos.Slow] {
		t.Errorf("faults of different seeds draw the same: %v", both)
	}
}

func TestInjector_eachRoundDrawsAnew(t *testing.T) {
	drawn := func(round uint64) (chosen []string) {
		c, i := meetUp(3, "n1", "n2", "n3", "n4", "n5")
		for place := range uint32(20) {
			f := begin(t, i, "loss --share 20% --pick one", func(h *harm) { h.place, h.round, h.last = place+1, round, time.Minute })
			chosen = append(chosen, f.nodes...)
			c.mu.Lock()
			chosen = append(chosen, string(rune('a'+c.stand[f.nodes[0]][0].Seed%26)))
			c.mu.Unlock()
		}
		return chosen
	}
	first, second := drawn(0), drawn(1)
	if slices.Equal(first, second) {
		t.Errorf("two rounds draw the same: %v", first)
	}
	if !slices.Equal(first, drawn(0)) || !slices.Equal(second, drawn(1)) {
		t.Error("a round draws otherwise in another run of its seed")
	}
}
