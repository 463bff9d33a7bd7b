package main

import (
	"encoding/hex"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Nodes that are started by hand, the store of an original's user, and the ports that are taken.

func TestE2E_theOriginalsKeysAreInARealRedisWhicheverNodeWasAsked(t *testing.T) {
	h := newHouse(t)
	redis := h.startRedis()
	door := freeAddress(t)
	lab := h.startLab(5, "--http", door, "--redis", redis.url())
	ask := func(door, request string) {
		t.Helper()
		if body := post(t, door, request, ""); len(body) != 0 {
			t.Errorf("the reply has %d bytes, want none, as the original's", len(body))
		}
		redis.awaitKey("fractal-metadata", is(request), lab.said)
		value, err := redis.client.Get(t.Context(), "fractal-chunk-0-data")
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

	sixth := freeAddress(t)
	node := h.start("node", "--name", "n6", "--http", sixth)
	lab.awaitLine(`(?m)^summary .* 6 alive`)
	ask(sixth, "200,160,-0.8,0.2,-0.7,0.1")
	node.endBy(syscall.SIGTERM)
	if strings.Contains(node.errs.String(), "this node's own") {
		t.Errorf("the node has a store of its own beside the lab's:\n%s", node.errs.String())
	}
	lab.awaitLine(`(?m)^node .* n6 is (leaving|dead)`)
	lab.endBy(syscall.SIGINT)
	h.wantNothingLeft()
}

func TestE2E_aClusterOfOneRefusesAPictureAndSaysWhy(t *testing.T) {
	h := newHouse(t)
	keys, gossip := filepath.Join(h.runtime, "keys"), freeAddress(t)
	node := h.start("node", "--name", "solo", "--cluster", keys, "--gossip", gossip)
	await(t, "the node is up", func() bool { return strings.Contains(node.errs.String(), "joined") }, node.said)
	if !strings.Contains(node.errs.String(), "this node's own") {
		t.Errorf("a node whose store is its own does not say so:\n%s", node.errs.String())
	}
	h.start("view", "--cluster", keys, "--join", gossip, aView).wantRefusal(exitEnvironment, "need 2, have 1")
	node.endBy(syscall.SIGTERM)
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
	var view *process
	await(t, "a view that finds the lab", func() bool { // two nodes on a busy machine may refuse one for want of a copy
		view = h.start("view", aView)
		return view.end() == exitHeld
	}, func() string { return view.said() })
	lab.endBy(syscall.SIGINT)
	h.wantNothingLeft()
}
