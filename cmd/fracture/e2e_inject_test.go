package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"syscall"
	"testing"

	"fracture/cluster"
	"fracture/cluster/failover"
	"fracture/telemetry"
)

// Faults at a running lab, by the verb, on real processes.

// said is what the nodes have said to an injector, as node and verb.
func said(t *testing.T, out string) (list []string) {
	t.Helper()
	for line := range strings.Lines(out) {
		var w word
		if err := json.Unmarshal([]byte(line), &w); err != nil {
			t.Fatalf("%v in %q, want a JSON object a line", err, line)
		}
		if w.Verb != "" { // else it says what begins
			list = append(list, w.Node+" "+w.Verb)
		}
	}
	slices.Sort(list)
	return slices.Compact(list) // on a slow machine a lease may be over before it is healed
}

func TestE2E_aFaultStandsAtEachNodeThatIsNamedAndIsHealed(t *testing.T) {
	h := newHouse(t)
	h.startLab(3, "--fps", "10", "--probe", "50ms")
	for nodes, want := range map[string][]string{
		"all": {"n1 fault", "n1 heal", "n2 fault", "n2 heal", "n3 fault", "n3 heal"},
		"n2":  {"n2 fault", "n2 heal"},
	} {
		p := h.start("inject", "fail", "--terms", "every(3)panic", "--node", nodes, "--for", "300ms", "--json")
		if code := p.end(); code != exitHeld {
			t.Fatalf("inject at %s exits with %d, want 0:\n%s", nodes, code, p.said())
		}
		if got := said(t, p.out.String()); !slices.Equal(got, want) {
			t.Errorf("the nodes say %q, want %q", got, want)
		}
	}

	p := h.start("inject", "cut", "--node", "n9")
	if code := p.end(); code != exitEnvironment || !strings.Contains(p.said(), "n9") {
		t.Errorf("inject at a node that is not there exits with %d, want 3 and its name:\n%s", code, p.said())
	}
}

func TestE2E_anInterruptedFaultIsHealed(t *testing.T) {
	h := newHouse(t)
	h.startLab(3, "--fps", "10", "--probe", "50ms")
	p := h.start("inject", "slow", "--times", "3", "--node", "n1", "--for", "1m", "--json")
	await(t, "n1 says that it stands", func() bool { return strings.Contains(p.out.String(), `"verb":"fault"`) }, p.said)
	p.signal(syscall.SIGINT)
	p.wantExit(exitInterrupted)
	if got := said(t, p.out.String()); fmt.Sprint(got) != "[n1 fault n1 heal]" {
		t.Errorf("n1 says %q, want that the fault stood and is healed", got)
	}
}

// cutFrom is whom each node says that it is cut from, by link.
func cutFrom(t *testing.T, out string) map[string][]string {
	t.Helper()
	lists := map[string][]string{}
	for line := range strings.Lines(out) {
		var w word
		if err := json.Unmarshal([]byte(line), &w); err != nil {
			t.Fatalf("%v in %q, want a JSON object a line", err, line)
		}
		if w.Verb != "fault" {
			continue
		}
		for part := range strings.SplitSeq(w.Text, ", ") {
			if _, peer, ok := strings.Cut(part, "cut at link to "); ok && !slices.Contains(lists[w.Node], peer) {
				lists[w.Node] = append(lists[w.Node], peer)
			}
		}
	}
	return lists
}

// Five nodes are parted into two and three. Each of the three loses what it says to the two, and the other way round.
func TestE2E_aMajorityIsPartedFromTheRest(t *testing.T) {
	h := newHouse(t)
	h.startLab(5, "--fps", "10", "--probe", "50ms")
	t.Setenv("XDG_RUNTIME_DIR", h.runtime)
	watch := watchLab(t)
	before := watch()
	p := h.start("inject", partition, "--shape", "majority", "--for", "1m", "--json")
	await(t, "each node says that it is cut off from others", func() bool { return len(cutFrom(t, p.out.String())) == 5 }, p.said)
	lists := cutFrom(t, p.out.String())
	few := 0
	for node, peers := range lists {
		if len(peers) == 3 {
			few++
		} else if len(peers) != 2 {
			t.Errorf("%s is cut off from %v, want from two or from three", node, peers)
		}
		for _, peer := range peers {
			if !slices.Contains(lists[peer], node) {
				t.Errorf("%s does not reach %s, which reaches it: %v", node, peer, lists)
			}
		}
	}
	if few != 2 {
		t.Errorf("%d nodes are cut off from three, want two: %v", few, lists)
	}
	await(t, "each node has lost what it said", func() bool {
		now := watch()
		for node := range lists {
			if now[node] <= before[node] {
				return false
			}
		}
		return true
	}, p.said)
	p.signal(syscall.SIGINT)
	p.wantExit(exitInterrupted)
	if got := said(t, p.out.String()); !slices.Contains(got, "n1 heal") || !slices.Contains(got, "n5 heal") {
		t.Errorf("the nodes say %q, want that all are healed", got)
	}
}

// watchLab joins the lab that runs, until the test ends, and gives what tells how much faults have had at each node.
func watchLab(t *testing.T) func() map[string]uint64 {
	t.Helper()
	heard := newSurvey()
	joinLab(t, heard.news)
	return func() map[string]uint64 {
		heard.mu.Lock()
		defer heard.mu.Unlock()
		had := map[string]uint64{}
		for name, s := range heard.nodes {
			had[name] = s.Faulted
		}
		return had
	}
}

// joinLab joins the lab that runs, until the test ends, to be told its news.
func joinLab(t *testing.T, news func(telemetry.News)) {
	t.Helper()
	creds, join, err := clusterFlags{}.find()
	if err != nil {
		t.Fatal(err)
	}
	client, err := cluster.NewClient(cluster.ClientConfig{
		Name: "watch", Credentials: creds, Join: join, Log: slog.New(slog.DiscardHandler),
		Answer: func(*failover.Message) {}, News: news,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- client.Run(ctx) }()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Errorf("watching ended with %v", err)
		}
	})
}

func TestE2E_theLabDoesToItsProcessesWhatInjectAsksFor(t *testing.T) {
	h := newHouse(t)
	lab := h.startLab(3, "--fps", "10", "--probe", "50ms")
	before := h.nodes(lab)
	p := h.start("inject", "kill", "--node", "n2", "--for", "300ms", "--json")
	p.wantExit(exitHeld)
	if got := fmt.Sprint(said(t, p.out.String())); got != "[n2 fault n2 heal]" {
		t.Errorf("the injector says %s, want that n2 was killed and healed", got)
	}
	if now := h.nodes(lab)["n2"]; now == before["n2"] || now == 0 {
		t.Errorf("n2 is process %d, and was %d: want another", now, before["n2"])
	}

	frozen := h.start("inject", "freeze", "--pick", "one", "--node", "n1", "--for", "1m")
	await(t, "n1 is stopped", func() bool { return stopped(before["n1"]) == nil }, frozen.said)
	frozen.signal(syscall.SIGINT)
	frozen.wantExit(exitInterrupted)
	await(t, "n1 goes on", func() bool { return stopped(before["n1"]) != nil }, nil)

	abandoned := h.start("inject", "freeze", "--node", "n1", "--for", "1m")
	await(t, "n1 is stopped again", func() bool { return stopped(before["n1"]) == nil }, abandoned.said)
	abandoned.kill()
	await(t, "n1 goes on when its lease is over", func() bool { return stopped(before["n1"]) != nil }, nil)

	h.start("inject", "thaw", "--node", "n1").wantRefusal(exitEnvironment, "n1 is running, and thaw does nothing to it")
	for _, fault := range []string{"kill", "cut", "blackhole", "wedge"} {
		h.start("inject", fault, "--node", "all").wantRefusal(exitEnvironment, "yes-break-it")
	}
	for answer, code := range map[string]int{"\n": exitEnvironment, "y\n": exitHeld} {
		asked, person := h.startOnTerminal("xterm-256color", "inject", "freeze", "--node", "all", "--for", "50ms")
		await(t, "a question", func() bool {
			return strings.Contains(asked.out.String(), "no node would be left. Do it all the same? [y/N] ")
		}, asked.said)
		if _, err := person.WriteString(answer); err != nil {
			t.Fatal(err)
		}
		asked.wantExit(code)
	}
	h.start("inject", "noop").wantExit(exitHeld)
}

// Who is cut off counts as broken as who is dead does, whoever tells the node so.
func TestE2E_whomInjectCutsOffCountsAsBroken(t *testing.T) {
	h := newHouse(t)
	h.startLab(3, "--fps", "10", "--probe", "50ms", "--max-nodes", "1")
	cut := h.start("inject", "cut", "--node", "n2", "--for", "1m", "--json")
	await(t, "n2 is cut off", func() bool { return strings.Contains(cut.out.String(), `"verb":"fault"`) }, cut.said)
	h.start("inject", "wedge", "--node", "n3").wantRefusal(exitEnvironment, "--max-nodes allows 1")
	h.start("inject", "kill", "--node", "n3", "--yes-break-it").wantRefusal(exitEnvironment, "--max-nodes allows 1")
	h.start("inject", "slow", "--times", "2", "--node", "n3", "--for", "50ms").wantExit(exitHeld)
	cut.kill()
	await(t, "n3 can be cut off when the lease of who has died is over", func() bool {
		return h.start("inject", "cut", "--node", "n3", "--for", "50ms").end() == exitHeld
	}, nil)
}

// Without a control API the nodes' own words say who would be left.
func TestE2E_injectSparesTheLastHolderWhereTheLabHasNoControl(t *testing.T) {
	h := newHouse(t)
	h.startLab(3, "--fps", "10", "--probe", "50ms", "--control", "none")
	h.start("inject", "cut", "--node", "all").wantRefusal(exitEnvironment, "yes-break-it")
	for _, words := range [][]string{{"cut", "--node", "n2"}, {"wedge", "--node", "all", "--yes-break-it"}} {
		h.start(append([]string{"inject", "--for", "50ms"}, words...)...).wantExit(exitHeld)
	}
}
