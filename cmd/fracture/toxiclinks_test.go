package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"fracture/chaos"
	"fracture/chaos/toxiproxy"
	"fracture/cluster"
	"fracture/control"
	"fracture/telemetry"
)

// toxicOf makes a toxic of a type, with attributes as a client library sends them.
func toxicOf(t *testing.T, attributes toxiproxy.Attributes, stream string, toxicity float32, said string) toxiproxy.Toxic {
	t.Helper()
	if err := json.Unmarshal([]byte(said), attributes); err != nil {
		t.Fatal(err)
	}
	return toxiproxy.Toxic{Attributes: attributes, Name: "it", Stream: stream, Toxicity: toxicity}
}

func TestToxicWords_everyToxicIsAFaultOfInject(t *testing.T) {
	for _, c := range []struct {
		toxic toxiproxy.Toxic
		want  string
	}{
		{toxicOf(t, &toxiproxy.Latency{}, "upstream", 1, `{"latency":100,"jitter":20}`), "delay --share 1 --by 100ms --jitter 20ms --node n1 --peer n2"},
		{toxicOf(t, &toxiproxy.Latency{}, "downstream", 0.2, `{"latency":100}`), "delay --share 0.2 --by 100ms --jitter 0s --node n2 --peer n1"},
		{toxicOf(t, &toxiproxy.Latency{}, "upstream", 1, `{"latency":0}`), ""},
		{toxicOf(t, &toxiproxy.Latency{}, "upstream", 0, `{"latency":100}`), ""},
		{toxicOf(t, &toxiproxy.Bandwidth{}, "upstream", 1, `{"rate":64}`), "bandwidth --rate 64000B --node n1 --peer n2"},
		{toxicOf(t, &toxiproxy.Bandwidth{}, "upstream", 1, `{"rate":0}`), "blackhole --node n1 --peer n2"},
		{toxicOf(t, &toxiproxy.SlowClose{}, "upstream", 1, `{"delay":500}`), "slow_close --by 500ms --node n2 --peer n1 --inward"},
		{toxicOf(t, &toxiproxy.Timeout{}, "upstream", 1, `{"timeout":1000}`), "blackhole --timeout 1s --node n1 --peer n2"},
		{toxicOf(t, &toxiproxy.Timeout{}, "downstream", 1, `{"timeout":0}`), "blackhole --timeout 0s --node n2 --peer n1"},
		{toxicOf(t, &toxiproxy.ResetPeer{}, "upstream", 1, `{"timeout":0}`), "reset --timeout 1ms --node n1 --peer n2"},
		{toxicOf(t, &toxiproxy.Slicer{}, "upstream", 1, `{"average_size":100,"size_variation":20,"delay":10}`), "slicer --size 100B --by 10µs --vary 20B --node n1 --peer n2"},
		{toxicOf(t, &toxiproxy.Slicer{}, "upstream", 1, `{}`), "slicer --size 1B --by 0s --node n1 --peer n2"},
		{toxicOf(t, &toxiproxy.LimitData{}, "upstream", 1, `{"bytes":1024}`), "limit_data --bytes 1024B --node n1 --peer n2"},
		{toxicOf(t, &toxiproxy.NthCall{}, "upstream", 1, `{"n":7}`), "loss --share 100%every(7) --node n1 --peer n2"},
		{toxicOf(t, &toxiproxy.NthCall{}, "upstream", 0.5, `{"n":7}`), "loss --share 50%every(7) --node n1 --peer n2"},
		{toxicOf(t, &toxiproxy.Corrupt{}, "upstream", 1, `{"probability":0.01}`), "corrupt --share 0.01 --node n1 --peer n2"},
		{toxicOf(t, &toxiproxy.PacketLoss{}, "upstream", 0.5, `{"probability":0.5}`), "loss --share 0.25 --node n1 --peer n2"},
		{toxicOf(t, &toxiproxy.PacketLoss{}, "upstream", 1, `{"probability":0}`), ""},
		{toxicOf(t, &toxiproxy.Duplicate{}, "upstream", 1, `{"probability":0.1}`), "duplicate --by 1ms --share 0.1 --node n1 --peer n2"},
		{toxicOf(t, &toxiproxy.Reorder{}, "upstream", 1, `{"probability":0.1}`), "reorder --by 10ms --share 0.1 --node n1 --peer n2"},
	} {
		from, to := "n1", "n2"
		if c.toxic.Stream == toxiproxy.Downstream {
			from, to = to, from
		}
		words := suffering(1, "n1-n2", c.toxic, from, to)
		if got := strings.Join(words, " "); got != c.want {
			t.Errorf("%T %+v is %q, want %q", c.toxic.Attributes, c.toxic.Attributes, got, c.want)
		}
		if words != nil {
			if _, err := parseHarm(words); err != nil {
				t.Errorf("inject %s: %v", strings.Join(words, " "), err)
			}
		}
	}
}

func TestSuffering_toxicityOfAConnectionIsAChanceOfTheLink(t *testing.T) {
	const links = 1000
	hit := func(seed uint64, toxicity float32) (list []int) {
		for n := range links {
			toxic := toxiproxy.Toxic{Attributes: &toxiproxy.LimitData{Bytes: 1}, Name: "it", Toxicity: toxicity}
			if suffering(seed, fmt.Sprint(n), toxic, "n1", "n2") != nil {
				list = append(list, n)
			}
		}
		return list
	}
	some, more, all := hit(1, 0.3), hit(1, 0.6), hit(1, 1)
	if len(some) < links/5 || len(some) > links*2/5 || len(all) != links {
		t.Errorf("%d and %d of %d links have a toxic of toxicity 0.3 and 1", len(some), len(all), links)
	}
	for _, n := range some {
		if !slices.Contains(more, n) {
			t.Errorf("link %d has it with a toxicity of 0.3, and not of 0.6", n)
		}
	}
	if slices.Equal(some, hit(2, 0.3)) || !slices.Equal(some, hit(1, 0.3)) {
		t.Error("who has it does not follow the seed")
	}
}

// stocked are the links of some nodes, each of which holds a tile with the next, and which no faults reach.
func stocked(limits control.Limits, names ...string) *toxicLinks {
	words := func() (list []telemetry.Status) {
		for _, n := range names {
			list = append(list, telemetry.Status{Name: n})
		}
		return list
	}
	b := &breaker{injector: newInjector(nil, &orderBook{}, words, 1), limits: limits}
	b.stock = func() (list []control.Node) {
		for _, n := range names {
			list = append(list, control.Node{Name: n, State: "alive", Gossip: n + ":7946"})
		}
		return list
	}
	b.tiles = func(name string) []uint32 {
		at := uint32(slices.Index(names, name))
		return []uint32{at, (at + 1) % uint32(len(names))}
	}
	return newToxicLinks(b, nil)
}

func TestToxicLinks_areOneForEachTwoNodes(t *testing.T) {
	var got []string
	for _, l := range stocked(control.Limits{}, "n10", "n2", "edge-1", "n1").List() {
		got = append(got, l.Name+" from "+l.Listen+" to "+l.Upstream)
	}
	want := []string{"n1-n2 from n1:7946 to n2:7946", "n1-n10 from n1:7946 to n10:7946", "n1~edge-1 from n1:7946 to edge-1:7946",
		"n2-n10 from n2:7946 to n10:7946", "n2~edge-1 from n2:7946 to edge-1:7946", "n10~edge-1 from n10:7946 to edge-1:7946"}
	if !slices.Equal(got, want) {
		t.Errorf("the links are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestToxicLinks_aToxicThatNoLinkCanHaveIsRefused(t *testing.T) {
	l := stocked(control.Limits{}, "n1", "n2")
	state := toxiproxy.State{Toxics: []toxiproxy.Toxic{toxicOf(t, &toxiproxy.Latency{}, "upstream", 1, `{"latency":5000}`)}}
	if err := l.Set(t.Context(), "n1-n2", state); !errors.Is(err, toxiproxy.ErrUnable) || !strings.Contains(err.Error(), chaos.MaxLate.String()) {
		t.Errorf("5 s of latency: %v, want %v and the bound", err, toxiproxy.ErrUnable)
	}
	if err := l.Set(t.Context(), "n1-n3", state); !errors.Is(err, errNoSuchNode) {
		t.Errorf("a link to nobody: %v, want %v", err, errNoSuchNode)
	}
	if err := l.Set(t.Context(), "n1-n3", toxiproxy.State{}); err != nil {
		t.Errorf("healing a link that is no longer there: %v", err)
	}
}

func TestToxicLinks_whomNobodyHearsCountsAsBroken(t *testing.T) {
	cut := toxiproxy.State{Cut: true}
	mute := toxiproxy.State{Toxics: []toxiproxy.Toxic{{Attributes: &toxiproxy.Timeout{}, Stream: toxiproxy.Upstream, Toxicity: 1}}}
	for _, c := range []struct {
		name   string
		limits control.Limits
		nodes  []string
		suffer map[string]toxiproxy.State // by now
		link   string
		state  toxiproxy.State
		want   string
	}{
		{"one link of several", control.Limits{Nodes: 1}, []string{"n1", "n2", "n3"}, nil, "n1-n2", cut, ""},
		{"the last of a node", control.Limits{Nodes: 1}, []string{"n1", "n2", "n3"}, map[string]toxiproxy.State{"n1-n2": cut}, "n1-n3", cut, ""},
		{"the last of two nodes", control.Limits{Nodes: 1}, []string{"n1", "n2", "n3"},
			map[string]toxiproxy.State{"n1-n2": cut, "n1-n3": cut}, "n2-n3", cut, "--max-nodes"},
		{"what it says alone", control.Limits{Percent: 10}, []string{"n1", "n2", "n3"}, map[string]toxiproxy.State{"n1-n2": mute}, "n1-n3", mute, "--max-percent"},
		{"what is said to it", control.Limits{Percent: 10}, []string{"n0", "n1", "n2"}, map[string]toxiproxy.State{"n0-n2": mute}, "n1-n2", mute, ""},
		{"the only link", control.Limits{}, []string{"n1", "n2"}, nil, "n1-n2", cut, ""},
		{"every holder of a tile", control.Limits{}, []string{"n1", "n2", "n3", "n4"},
			map[string]toxiproxy.State{"n1-n2": cut, "n1-n3": cut, "n1-n4": cut, "n2-n3": cut}, "n2-n4", cut, "held by nobody but"},
	} {
		l := stocked(c.limits, c.nodes...)
		for name, state := range c.suffer {
			l.injector.stands = append(l.injector.stands, faultsOf(t, l, name, state)...)
		}
		more := faultsOf(t, l, c.link, c.state)
		l.breaker.mu.Lock()
		err := l.spare(more, nil)
		l.breaker.mu.Unlock()
		if (err == nil) != (c.want == "") || err != nil && (!errors.Is(err, control.ErrConflict) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// faultsOf are the faults that a link is to suffer.
func faultsOf(t *testing.T, l *toxicLinks, link string, state toxiproxy.State) (list []*standingFault) {
	t.Helper()
	at, err := l.link(link)
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := l.wanted(link, at.ends, state)
	for _, w := range wanted {
		f, chosen := l.injector.choose(w.harm)
		err = errors.Join(err, chosen)
		list = append(list, f)
	}
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Whom no other hears because of what links suffer is broken to all who ask, and none of them waits while a node is told.
func TestToxicLinks_limitWhatElseIsBroken(t *testing.T) {
	l := stocked(control.Limits{Nodes: 1}, "n1", "n2", "n3", "n4")
	for _, link := range []string{"n1-n2", "n1-n3", "n1-n4"} {
		l.injector.stands = append(l.injector.stands, faultsOf(t, l, link, toxiproxy.State{Cut: true})...)
	}
	h, err := parseHarm([]string{"cut", "--node", "n3"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.breaker.begin(t.Context(), h); !errors.Is(err, control.ErrConflict) || !strings.Contains(err.Error(), "--max-nodes allows 1") {
		t.Errorf("cutting n3 off while nobody hears n1: %v, want the limit", err)
	}

	told := 0
	l = stocked(control.Limits{}, "n1", "n2", "n3")
	l.injector.book.order = func(string, chaos.Order) error {
		if told++; !l.breaker.mu.TryLock() {
			t.Error("the breaker is held while a node is told")
			return cluster.ErrUnlinked
		}
		l.breaker.mu.Unlock()
		return cluster.ErrUnlinked
	}
	if err := l.Set(t.Context(), "n1-n2", toxiproxy.State{Cut: true}); !errors.Is(err, cluster.ErrUnlinked) || told == 0 {
		t.Errorf("cutting a link of nodes that are not there: %v, and %d were told; want %v", err, told, cluster.ErrUnlinked)
	}
	if left := len(l.breaker.underWay); left > 0 {
		t.Errorf("%d faults are under way for ever", left)
	}
}
