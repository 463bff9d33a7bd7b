package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"fracture/cluster/store"
	"fracture/lab"
	"fracture/telemetry"
)

// What the store itself suffers: a real redis-server that the run has started, and the store that is embedded in a lab.

// missed tells whether a node misses its store.
func (th *theater) missed(want bool) func() error {
	return func() error {
		words := th.Statuses()
		if at := slices.IndexFunc(words, func(s telemetry.Status) bool { return s.StoreAway > 0 }); (at >= 0) != want {
			return fmt.Errorf("of %d nodes one misses its store: %v, want %v", len(words), at >= 0, want)
		}
		return nil
	}
}

// mine is a key that no node writes.
const mine = "mine"

// holds answers with what tells whether the store has the key that no node writes.
func (th *theater) holds(want bool) func() error {
	return func() error {
		_, err := th.home.server.client.Get(th.t.Context(), mine)
		if (err == nil) != want || err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("reading it: %w; want it there: %v", err, want)
		}
		return nil
	}
}

func (th *theater) put() {
	th.t.Helper()
	if err := th.home.server.client.Set(th.t.Context(), store.Entry{Key: mine, Value: []byte("kept")}); err != nil {
		th.t.Fatal(err)
	}
}

// server is the store's process as it is now.
func (th *theater) serverChild() lab.Child {
	th.t.Helper()
	child, err := th.home.server.lab.Child(serverName)
	if err != nil {
		th.t.Fatal(err)
	}
	return child
}

func TestE2E_theStoresProcessSuffersWhatIsAskedForAndIsHealed(t *testing.T) {
	th := openTheater(t)
	i := th.injecting()
	for _, c := range []struct {
		line  string
		keeps bool
	}{
		{"restart --role server", true}, {"restart --role server --empty", false},
		{"stop --role server --for 200ms", true}, {"stop --role server --empty --for 200ms", false},
		{"kill --role server --for 200ms", true}, // since the newest save, which was there when it was stopped
		{"kill --role server --empty --for 200ms", false},
		{"kill --role server --signal TERM --for 200ms", true},
	} {
		if c.line == "kill --role server --for 200ms" {
			th.put()
			th.begins(i, "restart --role server")
		}
		th.put()
		before := th.serverChild()
		f := th.begins(i, c.line)
		if !slices.Equal(f.nodes, []string{serverName}) {
			t.Errorf("%s strikes %q, want the store", c.line, f.nodes)
		}
		th.await("another process after "+c.line, func() error {
			if now := th.serverChild(); now.PID == before.PID || now.State == lab.Dead {
				return fmt.Errorf("%d is %v, and was %d", now.PID, now.State, before.PID)
			}
			return nil
		})
		th.await("what is in the store after "+c.line, th.holds(c.keeps))
		th.await("no node misses it after "+c.line, th.missed(false))
		th.await(c.line+" is over", func() error { return errors.Join(stillStands(i.faults())...) })
	}

	f := th.begins(i, "freeze --role server --for 1m")
	th.await("it stands still", func() error { return stopped(th.serverChild().PID) }) // the signal is sent, and the kernel sees to it
	th.await("a frozen store is missed", th.missed(true))
	h, err := parseHarm(strings.Fields("freeze --role server"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.begin(t.Context(), h); !errors.Is(err, errUnsuited) {
		t.Errorf("frozen twice: %v, want %v", err, errUnsuited)
	}
	if err := i.heal(t.Context(), f.id); err != nil {
		t.Error(err)
	}
	th.await("it goes on", th.missed(false))

	th.put()
	th.begins(i, "flush")
	th.await("the store is emptied", th.holds(false))
	th.begins(i, "restart --role server")
	th.await("and stays so when it is started again", th.holds(false))
}

// A disk that is full is one for the store's process: what it says to a write is its own, and a node's writer waits for it.
func TestE2E_aStoreWhoseDiskIsFullTakesNothingUntilItIsNot(t *testing.T) {
	th := openTheater(t)
	i := th.injecting()
	th.put()
	f := th.begins(i, "full_disk --for 1m")
	err := th.home.server.client.Set(t.Context(), store.Entry{Key: "other", Value: []byte("refused")})
	if err == nil || !strings.Contains(err.Error(), "MISCONF Redis is configured to save RDB snapshots") {
		t.Errorf("a write to a store whose disk is full: %v, want that it is refused", err)
	}
	if err := th.holds(true)(); err != nil {
		t.Error(err)
	}
	th.await("the store is missed", th.missed(true))
	again := th.begins(i, "full_disk --for 1m")
	if err := i.heal(t.Context(), f.id); err != nil {
		t.Fatal(err)
	}
	if err := th.home.server.client.Set(t.Context(), store.Entry{Key: "other", Value: []byte("refused")}); err == nil {
		t.Error("the store takes a write while its disk is held full by another")
	}
	if err := i.heal(t.Context(), again.id); err != nil {
		t.Fatal(err)
	}
	th.put()
	th.await("the store answers", th.missed(false))

	f = th.begins(i, "full_disk --for 1m") // it cannot save in the end, either
	th.begins(i, "kill --role server --for 100ms")
	th.await("started again it has a disk that is not full", func() error {
		return th.home.server.client.Set(t.Context(), store.Entry{Key: mine, Value: []byte("kept")})
	})
	if err := i.heal(t.Context(), f.id); err != nil {
		t.Error(err)
	}
}

// keyOf reads a key of the store of the lab whose directory that is.
func keyOf(t *testing.T, dir, key string) ([]byte, error) {
	t.Helper()
	url, err := labStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	client, err := store.NewClient(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	return client.Get(t.Context(), key)
}

func TestE2E_aLabMayHaveARedisServerOfItsOwn(t *testing.T) {
	h := newHouse(t)
	needProgram(t, "redis-server", "redis-server")
	running := h.startLab(3, "--redis", "own", "--fps", "10", "--probe", "50ms")
	dir := h.dirs()[0]
	drawn := func(what string) {
		t.Helper()
		await(t, what, func() bool {
			value, err := keyOf(t, dir, store.TileKey(0))
			return err == nil && len(value) > 0
		}, running.said)
	}
	drawn("a tile in the lab's own store")
	for _, c := range []struct{ line, becomes string }{
		{"flush", "store: emptied"},
		{"restart --role server --empty", "store: stopped and started again"},
		{"stop --role server --for 200ms", "store: stopped, for 200ms"},
	} {
		line := c.line
		p := h.start(append([]string{"inject"}, strings.Fields(line)...)...)
		p.wantExit(exitHeld)
		if !strings.Contains(p.said(), c.becomes) {
			t.Errorf("%s says %q, want %q", line, p.said(), c.becomes)
		}
		drawn("a tile after " + line)
	}
	o := h.outside()
	status, text := o.curl("POST", "/v1/faults", `{"fault":"restart","role":"server","empty":true}`, o.bearer()...)
	if status != http.StatusCreated || !strings.Contains(text, `"store"`) {
		t.Errorf("the control API answers %d %s, want that the store was started again", status, text)
	}
	drawn("a tile after what the control API did")

	if err := (lab.Dir{Path: dir + "/" + serverDir}).Kill(serverName); err != nil { // by hand
		t.Fatal(err)
	}
	h.start("heal").wantExit(exitHeld)
	drawn("a tile after what somebody did by hand is healed")

	abandoned := h.start("inject", "freeze", "--role", "server", "--for", "1m")
	abandoned.awaitLine("store: frozen")
	abandoned.kill()
	drawn("a tile when the lease of who froze the store is over")

	h.start("inject", "thaw", "--role", "server").wantRefusal(exitEnvironment, "the store is starting, and thaw does nothing to it")
	running.kill() // its server dies with it, as its nodes do
	h.awaitNobody()
}

func TestE2E_noStoreIsBrokenThatFractureDidNotStart(t *testing.T) {
	h := newHouse(t)
	redis := h.startRedis()
	running := h.startLab(3, "--redis", redis.url(), "--fps", "10", "--probe", "50ms")
	if err := redis.client.Set(t.Context(), store.Entry{Key: mine, Value: []byte("the user's")}); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"flush", "full_disk", "stop --role server", "restart --role server --empty", "kill --role server", "freeze --role server"} {
		h.start(append([]string{"inject"}, strings.Fields(line)...)...).wantRefusal(exitEnvironment, "fracture did not start this store", "--redis own")
	}
	redis.awaitKey(mine, is("the user's"), running.said)
}

func TestE2E_theEmbeddedStoreIsEmptiedAndStartedAgain(t *testing.T) {
	h := newHouse(t)
	running := h.startLab(3, "--fps", "10", "--probe", "50ms")
	dir := h.dirs()[0]
	client, err := store.NewClient("unix://" + dir + "/" + storeSocket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	for line, keeps := range map[string]bool{"flush": false, "restart --role server": true, "restart --role server --empty": false} {
		if err := client.Set(t.Context(), store.Entry{Key: mine, Value: []byte("kept")}); err != nil {
			_ = client.Ping(t.Context()) // the connection of before is broken
			if err = client.Set(t.Context(), store.Entry{Key: mine, Value: []byte("kept")}); err != nil {
				t.Fatal(err)
			}
		}
		h.start(append([]string{"inject"}, strings.Fields(line)...)...).wantExit(exitHeld)
		if _, err := keyOf(t, dir, mine); (err == nil) != keeps {
			t.Errorf("after %s: %v, want it kept: %v", line, err, keeps)
		}
		await(t, "a tile after "+line, func() bool {
			value, err := keyOf(t, dir, store.TileKey(0))
			return err == nil && !bytes.Equal(value, nil)
		}, running.said)
	}
	h.start("inject", "kill", "--role", "server").wantRefusal(exitEnvironment, "the store is embedded", "--redis own", "--role store")
	if _, err := os.Stat(dir + "/" + storeSocket); err != nil {
		t.Error(err)
	}
}
