package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"fracture/chaos/meter"
	"fracture/cluster/store"
)

// Nodes that are started by hand, the store of an original's user, and the ports that are taken.

func TestE2E_theOriginalsKeysAreInARealRedisWhicheverNodeWasAsked(t *testing.T) {
	h := newHouse(t)
	redis := h.startRedis()
	client, err := store.NewClient("redis://" + redis.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	door := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	lab := h.start("lab", "--plain", "--gossip", "127.0.0.1:0", "--http", door, "--redis", "redis://"+redis.address())
	lab.awaitLine(allUp)
	ask := func(door, request string) {
		t.Helper()
		if body := post(t, door, request, ""); len(body) != 0 {
			t.Errorf("the reply has %d bytes, want none, as the original's", len(body))
		}
		await(t, "the request in fractal-metadata", func() bool {
			value, err := client.Get(t.Context(), "fractal-metadata")
			return err == nil && string(value) == request
		}, lab.said)
		value, err := client.Get(t.Context(), "fractal-chunk-0-data")
		if err != nil {
			t.Fatal(err)
		}
		raw, err := hex.DecodeString(string(value))
		if err != nil {
			t.Fatal(err)
		}
		wantPicture(t, "fractal-chunk-0-data", raw)
	}
	ask(door, "200,160,-1.2,0.35,-1.0,0.2")

	sixth := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	node := h.start("node", "--name", "n6", "--http", sixth)
	lab.awaitLine(`(?m)^summary .* 6 alive`)
	ask(sixth, "200,160,-0.8,0.2,-0.7,0.1")
	node.signal(syscall.SIGTERM)
	if code := node.end(); code != exitHeld {
		t.Errorf("a node that was told to end exits with %d, want %d", code, exitHeld)
	}
	if strings.Contains(node.errs.String(), "this node's own") {
		t.Errorf("the node has a store of its own beside the lab's:\n%s", node.errs.String())
	}
	lab.awaitLine(`(?m)^node .* n6 is (leaving|dead)`)
	lab.signal(syscall.SIGINT)
	if code := lab.end(); code != exitHeld {
		t.Errorf("the lab exits with %d, want %d:\n%s", code, exitHeld, lab.errs.String())
	}
	h.wantNothingLeft()
}

func TestE2E_aClusterOfOneRefusesAPictureAndSaysWhy(t *testing.T) {
	h := newHouse(t)
	keys, gossip := filepath.Join(h.runtime, "keys"), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	node := h.start("node", "--name", "solo", "--cluster", keys, "--gossip", gossip)
	await(t, "the node is up", func() bool { return strings.Contains(node.errs.String(), "joined") }, node.said)
	if !strings.Contains(node.errs.String(), "this node's own") {
		t.Errorf("a node whose store is its own does not say so:\n%s", node.errs.String())
	}
	view := h.start("view", "--cluster", keys, "--join", gossip, aView)
	if code := view.end(); code != exitEnvironment || !strings.Contains(view.errs.String(), "need 2, have 1") {
		t.Errorf("view exits with %d and says %q, want %d and that the cluster has one node of two", code, view.said(), exitEnvironment)
	}
	node.signal(syscall.SIGTERM)
	if code := node.end(); code != exitHeld {
		t.Errorf("a node that was told to end exits with %d, want %d:\n%s", code, exitHeld, node.said())
	}
}

func TestE2E_aSecondLabGoesAsideWhereTheUsualPortsAreTaken(t *testing.T) {
	for _, usual := range []string{usualHTTP, usualGossip} {
		if taken, err := net.Listen("tcp", usual); err == nil { // else somebody else has taken it, which is as good
			defer func() { _ = taken.Close() }()
		}
	}
	h := newHouse(t)
	lab := h.start("lab", "--plain", "--nodes", "2", "--factor", "2")
	lab.awaitLine(`(?m)^event .* n1 listen: the front door is at 127\.0\.0\.1:\d+: ` + usualHTTP + ` is taken`)
	lab.awaitLine(`(?m)^event .* n1 listen: gossip is at 127\.0\.0\.1:\d+: ` + usualGossip + ` is taken`)
	view := h.start("view", aView)
	if code := view.end(); code != exitHeld {
		t.Errorf("view does not find the lab: it exits with %d and says %q", code, view.errs.String())
	}
	lab.signal(syscall.SIGINT)
	if code := lab.end(); code != exitHeld {
		t.Errorf("the lab exits with %d, want %d:\n%s", code, exitHeld, lab.errs.String())
	}
	h.wantNothingLeft()
}

func TestE2E_anInterruptedRunReportsWhatItHas(t *testing.T) {
	h := newHouse(t)
	p := h.start("run", "--role", "owner", "--trials", "9", "--controls", "0", "--load", "idle",
		"--calm", "1s", "--window", "200ms", "--grace", "200ms", "--json")
	await(t, "the second trial", func() bool { return strings.Contains(p.errs.String(), "2/9 ") }, p.said)
	p.signal(syscall.SIGINT)
	if code := p.end(); code != exitInterrupted {
		t.Errorf("an interrupted run exits with %d, want %d:\n%s", code, exitInterrupted, p.errs.String())
	}
	var report struct {
		Verdict meter.Verdict
		Rows    []struct{ N int }
	}
	if err := json.Unmarshal([]byte(p.out.String()), &report); err != nil {
		t.Fatalf("%v in %q", err, p.out.String())
	}
	if len(report.Rows) != 1 || report.Rows[0].N < 2 || report.Rows[0].N > 8 || report.Verdict.ExitCode() != exitInterrupted {
		t.Errorf("the report is %+v, want the trials until the interruption, and that it was interrupted", report)
	}
	h.wantNothingLeft()
}
