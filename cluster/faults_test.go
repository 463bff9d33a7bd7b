package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/cluster/wire"
	"fracture/work"
)

// cutOff is an order that lets nothing through, in and out.
func cutOff(id uint64, lease time.Duration) chaos.Order {
	o := chaos.Order{ID: id, Lease: chaos.Lease(lease)}
	for _, site := range []chaos.Site{chaos.Link, chaos.Beat} {
		for _, inward := range []bool{false, true} {
			o.Stand = append(o.Stand, chaos.Standing{Site: site, Fault: chaos.Fault{Kind: chaos.Cut}, Inward: inward})
		}
	}
	return o
}

// order sends an order and waits until the node has confirmed it by the verb.
func (r *receiver) order(t *testing.T, node, verb string, o chaos.Order) {
	t.Helper()
	eventually(t, "the order is sent", func() error { return r.Order(node, o) })
	r.untilConfirmed(t, node, verb, o.ID)
}

func (r *receiver) untilConfirmed(t *testing.T, node, verb string, id uint64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s says %s of order %d", node, verb, id), r.reading(func() error {
		for _, ev := range r.events {
			if ev.Node == node && ev.Verb == verb && ev.Order == id {
				return nil
			}
		}
		return fmt.Errorf("%d events, none of them that", len(r.events))
	}))
}

// untilLost waits until faults at the node have swallowed more beats.
func untilLost(t *testing.T, n *running) {
	t.Helper()
	before := n.beats.Stats().Faulted
	eventually(t, "beats are lost", func() error {
		if n.beats.Stats().Faulted == before {
			return errors.New("none")
		}
		return nil
	})
}

// wantNoneLost checks that a few rounds of beats pass without one being lost.
func wantNoneLost(t *testing.T, n *running) {
	t.Helper()
	eventually(t, "the fault is over", func() error { return n.standsNothing() })
	before, out := n.beats.Stats().Faulted, n.beats.Stats().Out
	eventually(t, "beats pass", func() error {
		if n.beats.Stats().Out < out+6 {
			return errors.New("none")
		}
		return nil
	})
	if now := n.beats.Stats().Faulted; now != before {
		t.Errorf("%d beats were lost after the fault was over", now-before)
	}
}

// standsNothing asks the sites themselves, without the loop.
func (r *running) standsNothing() error {
	switch {
	case r.beats.Stands() || r.links.Stands():
		return errors.New("a fault stands on the way")
	case r.work.faults.Load() != nil || r.gossip.mouth.faults.Load() != nil:
		return errors.New("a fault stands at the node")
	}
	return nil
}

func TestNode_obeysUntilItIsToldToHeal(t *testing.T) {
	crew := startCrew(t, newKeys(t), 3)
	client := startClient(t, crew)
	client.order(t, "n2", "fault", cutOff(1, chaos.MaxLease))
	untilLost(t, crew[1])
	if crew[0].beats.Stands() || crew[2].links.Stands() {
		t.Error("an order to n2 stands at another node")
	}
	client.order(t, "n2", "heal", chaos.Order{ID: 2})
	wantNoneLost(t, crew[1])
}

func TestNode_faultsEndWithTheirLease(t *testing.T) {
	crew := startCrew(t, newKeys(t), 2)
	client := startClient(t, crew)
	o := cutOff(1, 300*time.Millisecond)
	o.Stand = append(o.Stand, chaos.Standing{Site: chaos.Work, Fault: chaos.Fault{Kind: chaos.Slow, Times: 2}},
		chaos.Standing{Site: chaos.Gossip, Fault: chaos.Fault{Kind: chaos.Cut}})
	client.order(t, "n2", "fault", o)
	client.untilConfirmed(t, "n2", "heal", 1)
	wantNoneLost(t, crew[1])
}

func TestNode_faultsEndWithTheLinkOfWhoOrderedThem(t *testing.T) {
	creds := newKeys(t)
	crew := startCrew(t, creds, 2)
	client := startClient(t, crew)
	client.order(t, "n2", "fault", cutOff(1, chaos.MaxLease))
	crew[1].links.Disconnect(client.id)
	eventually(t, "n2 heals", func() error {
		if !crew[1].diary.has("who ordered it is gone") {
			return errors.New("its log does not say so")
		}
		return nil
	})
	wantNoneLost(t, crew[1])
}

func TestNode_isOrderedByLinkedSinksAlone(t *testing.T) {
	crew := startCrew(t, newKeys(t), 2)
	client := startClient(t, crew)
	text, err := cutOff(1, chaos.MaxLease).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "n1 tells n2", func() error {
		if !crew[0].links.SendTelemetry(crew[1].id, text) {
			return errors.New("no link")
		}
		return nil
	})
	crew[0].links.Flush()
	crew[1].ordered(client.id, [][]byte{[]byte("{}{}"), []byte(strings.Repeat("{", chaos.MaxOrderBytes+1))})
	crew[1].ordered(12345, [][]byte{text})
	client.untilStatuses(t, 3, "n1", "n2")
	if err := crew[1].standsNothing(); err != nil || crew[1].diary.has("fault:") {
		t.Errorf("n2 obeys a node, a stranger, or what is no order: %v", err)
	}
}

func TestNode_breaksTheLinksThatAreToBeReset(t *testing.T) {
	crew := startCrew(t, newKeys(t), 3)
	client := startClient(t, crew)
	reset := chaos.Order{ID: 1, Lease: chaos.Lease(time.Second), Stand: []chaos.Standing{{Site: chaos.Link, Fault: chaos.Fault{Kind: chaos.Reset}}}}
	before := crew[1].links.Stats().Reconnects
	client.order(t, "n2", "fault", reset)
	eventually(t, "both of its links are made anew", func() error {
		if got := crew[1].links.Stats().Reconnects - before; got < 2 {
			return fmt.Errorf("%d are", got)
		}
		return nil
	})
	if got := crew[1].links.Stats().Reconnects - before; got != 2 {
		t.Errorf("%d links were made anew, want those to n1 and n3, not that of who ordered it", got)
	}
	reset.ID, reset.Stand[0].Peer = 2, "n3"
	client.order(t, "n2", "fault", reset)
	eventually(t, "the link to n3 is made anew", func() error {
		if got := crew[1].links.Stats().Reconnects - before; got != 3 {
			return fmt.Errorf("%d are", got)
		}
		return nil
	})
}

// busy is a function that takes two milliseconds and answers with eight bytes.
type busy struct{ work.Function }

func (busy) Run(_, output []byte) ([]byte, error) {
	for end := clock.Now().Add(2 * time.Millisecond); clock.Now() < end; {
	}
	return append(output, make([]byte, 8)...), nil
}

// meeting is busy, and says when it begins, once.
type meeting struct {
	busy
	begun chan<- struct{}
}

func (m meeting) Run(input, output []byte) ([]byte, error) {
	close(m.begun)
	return m.busy.Run(input, output)
}

func TestWorkers_areSlowAndWrongAsFaultsHaveIt(t *testing.T) {
	w := newWorkers(func(string) work.Function { return busy{} }, nil)
	at := func(f chaos.Fault) *spotFaults {
		return newSpotFaults(nil, []chaos.Standing{{Site: chaos.Work, Fault: f}})
	}
	w.faults.Store(at(chaos.Fault{Kind: chaos.Slow, Times: 10}))
	do := func() failover.Message { return w.do(&failover.Message{}, nil, maxStretch).Message }
	if ran := do().Ran; ran < 20*time.Millisecond {
		t.Errorf("ten times as slow, a task of 2 ms took %v", ran)
	}
	w.faults.Store(at(chaos.Fault{Kind: chaos.Wrong, Share: 1}))
	flipped := 0
	for _, b := range do().Payload {
		flipped += bits.OnesCount8(b)
	}
	if flipped != 1 {
		t.Errorf("%d bits of a wrong answer differ, want one", flipped)
	}
	w.faults.Store(nil)
	if m := do(); !bytes.Equal(m.Payload, make([]byte, 8)) {
		t.Errorf("without a fault the answer is %x", m.Payload)
	}
}

func TestWorkers_doToTasksWhatTermsSay(t *testing.T) {
	for _, tt := range []struct {
		terms  string
		want   string // of three tasks: right, wrong, late, or an error's text
		struck uint64
	}{
		{`every(2)return("boom")`, "right boom right", 1},
		{`1*off->300*panic`, "right late right", 300}, // each costs a millisecond
		{`1*off->1*sleep(300)->wrong`, "right late wrong", 2},
		{`1*panic->1*return("boom")`, "boom right right", 2}, // what is started again asks again
		{`0.0001%panic`, "right right right", 0},
	} {
		w := newWorkers(func(string) work.Function { return busy{} }, nil)
		w.faults.Store(newSpotFaults(nil, []chaos.Standing{{Site: chaos.Work, Fault: chaos.Fault{Kind: chaos.Fail, Terms: tt.terms}}}))
		var got []string
		for range 3 {
			switch m := w.do(&failover.Message{}, nil, maxStretch).Message; {
			case m.Failed:
				got = append(got, string(m.Payload))
			case m.Ran >= 300*time.Millisecond:
				got = append(got, "late")
			case bytes.Equal(m.Payload, make([]byte, 8)):
				got = append(got, "right")
			default:
				got = append(got, "wrong")
			}
		}
		if got := strings.Join(got, " "); got != tt.want {
			t.Errorf("%s: three tasks are %s, want %s", tt.terms, got, tt.want)
		}
		if got := w.faulted.Load(); got != tt.struck {
			t.Errorf("%s: %d tasks were struck, want %d", tt.terms, got, tt.struck)
		}
	}
}

func TestWorkers_areQuickAgainOnceTheFaultIsOver(t *testing.T) {
	met := make(chan struct{})
	w := newWorkers(func(string) work.Function { return meeting{begun: met} }, nil)
	forever := newSpotFaults(nil, []chaos.Standing{{Site: chaos.Work, Fault: chaos.Fault{Kind: chaos.Slow, Times: chaos.MaxTimes}}})
	w.faults.Store(forever)
	done := make(chan failover.Event)
	go func() { done <- w.do(&failover.Message{}, nil, time.Hour) }()
	<-met
	w.faults.Store(nil)
	select {
	case <-done:
	case <-time.After(patience):
		t.Error("a task outlasts the fault that makes it slow")
	}
}

func TestGossip_isSilentWhileAFaultStands(t *testing.T) {
	crew := startCrew(t, newKeys(t), 2)
	client := startClient(t, crew)
	heard, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = heard.Close() }()
	say := func(text string) {
		t.Helper()
		if _, err := crew[1].gossip.mouth.WriteTo([]byte(text), heard.LocalAddr().String()); err != nil {
			t.Fatal(err)
		}
	}
	silence := chaos.Order{ID: 1, Lease: chaos.Lease(chaos.MaxLease), Stand: []chaos.Standing{{Site: chaos.Gossip, Fault: chaos.Fault{Kind: chaos.Cut}}}}
	client.order(t, "n2", "fault", silence)
	say("during")
	if conn, err := crew[1].gossip.mouth.DialTimeout(crew[0].member.Gossip, time.Second); err == nil {
		_ = conn.Close()
		t.Error("a silenced node calls another")
	}
	client.order(t, "n2", "heal", chaos.Order{ID: 2})
	say("after")
	got := make([]byte, 16)
	if err := heard.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if n, _, err := heard.ReadFrom(got); err != nil || string(got[:n]) != "after" {
		t.Errorf("heard %q, %v; want what was said after the fault", got[:n], err)
	}
}

// runnerEnv makes a process of this test's program a runner: it says which cluster, and how to join it.
const runnerEnv = "FRACTURE_TEST_RUNNER"

// runOrders is that process: it orders n2 to be cut off, again and again, until it is killed.
func runOrders(spec string) {
	dir, join, _ := strings.Cut(spec, ",")
	creds, err := wire.Load(dir)
	if err != nil {
		panic(err)
	}
	c, err := NewClient(ClientConfig{Name: "runner", Credentials: creds, Join: []string{join}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	go func() {
		for id := uint64(1); ; id++ {
			_ = c.Order("n2", cutOff(id, chaos.MaxLease)) // until it is linked
			<-time.After(50 * time.Millisecond)
		}
	}()
	panic(c.Run(context.Background()))
}

func TestNode_noFaultSurvivesAKilledRunner(t *testing.T) {
	creds := newKeys(t)
	crew := startCrew(t, creds, 2)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	runner := exec.Command(exe)
	runner.Env = append(os.Environ(), runnerEnv+"="+creds.Dir+","+crew[0].member.Gossip)
	runner.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := runner.Start(); err != nil {
		t.Fatal(err)
	}
	untilLost(t, crew[1])
	if err := runner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = runner.Wait() // it was killed
	wantNoneLost(t, crew[1])
	if !crew[1].diary.has("who ordered it is gone") {
		t.Error("n2 heals for another reason than that the runner's link broke")
	}
}

// Each link of n2 breaks 20 ms after it was made; but for the one by which that was ordered.
func TestNode_faultsOfBytesSpareTheLinkOfWhoOrderedThem(t *testing.T) {
	crew := startCrew(t, newKeys(t), 2)
	client := startClient(t, crew)
	client.order(t, "n2", "fault", chaos.Order{ID: 1, Lease: chaos.Lease(chaos.MaxLease), Stand: []chaos.Standing{
		{Site: chaos.Link, Fault: chaos.Fault{Kind: chaos.Reset, Timeout: 20 * time.Millisecond}},
	}})
	before := crew[1].links.Stats().Reconnects
	eventually(t, "the link to n1 breaks again and again", func() error {
		if n := crew[1].links.Stats().Reconnects - before; n < 2 {
			return fmt.Errorf("it stood again %d times", n)
		}
		return nil
	})
	if crew[1].diary.has("who ordered it is gone") {
		t.Error("the link of who ordered it broke, too")
	}
	client.order(t, "n2", "heal", chaos.Order{ID: 2})
}
