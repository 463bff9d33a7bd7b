package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"fracture/cluster/store"
	"fracture/lab"
)

// ownDoor finds where the front door of one node is: the port besides the shared one at which it answers as a door does.
func ownDoor(t *testing.T, pid int, shared string) string {
	t.Helper()
	var door string
	await(t, fmt.Sprintf("the front door of process %d", pid), func() bool {
		for _, addr := range listening(pid) {
			reply, err := newConnection().Get("http://" + addr + "/healthz")
			if err != nil {
				continue // gossip's port, or the links'
			}
			_ = reply.Body.Close()
			if reply.StatusCode == http.StatusOK && addr != shared {
				door = addr
				return true
			}
		}
		return false
	}, nil)
	return door
}

// listening lists the TCP addresses at which a process listens.
func listening(pid int) []string {
	sockets := map[string]bool{}
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid)) // the pattern is good
	for _, link := range links {
		target, _ := os.Readlink(link) // closed meanwhile: no socket
		sockets[target] = true
	}
	table, _ := os.ReadFile("/proc/net/tcp") // without it there are none
	var addrs []string
	for _, line := range strings.Split(string(table), "\n") {
		f := strings.Fields(line)
		if len(f) < 10 || f[3] != "0A" || !sockets["socket:["+f[9]+"]"] {
			continue
		}
		_, port, _ := strings.Cut(f[1], ":")
		n, _ := strconv.ParseUint(port, 16, 16) // the kernel writes digits
		addrs = append(addrs, fmt.Sprintf("127.0.0.1:%d", n))
	}
	return addrs
}

// newConnection is a client each of whose requests has a connection of its own.
func newConnection() *http.Client {
	return &http.Client{Timeout: e2eTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
}

// asking is a request that is under way. Its body and kind are read after its status.
type asking struct {
	status chan int
	kind   string       // of the reply's content
	body   bytes.Buffer // of the reply, or why there is none
}

// ask sends a request and goes on. A connection that breaks has status 0.
func ask(t *testing.T, door, request string, header ...string) *asking {
	t.Helper()
	return askWith(t, door, "", request, header...)
}

// askWith sends one with a query.
func askWith(t *testing.T, door, query, request string, header ...string) *asking {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+door+"/calc_fractal"+query, strings.NewReader(request))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "demo.edgeless-project.eu"
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	a := &asking{status: make(chan int, 1)}
	go func() {
		reply, err := newConnection().Do(req)
		if err == nil {
			defer func() { _ = reply.Body.Close() }()
			_, err = a.body.ReadFrom(reply.Body)
		}
		if err != nil {
			a.body.WriteString(err.Error())
			a.status <- 0
			return
		}
		a.kind = reply.Header.Get("Content-Type")
		a.status <- reply.StatusCode
	}()
	return a
}

// The curl of README goes on working for every new connection, whichever nodes are killed, the first one first.
func TestE2E_theDoorStaysOpenWhicheverNodeDies(t *testing.T) {
	h := newHouse(t)
	door := freeAddress(t)
	running := h.startLab(5, "--http", door)
	const request = "40,32,-1.2,0.35,-1.0,0.2"
	holders := func() int { return len(lab.PortHolders("tcp", uint16(portOf(t, door)))) }
	if n := holders(); n != 5 {
		t.Errorf("%d processes listen at the shared address, want five nodes", n)
	}
	sixth := h.start("node", "--name", "n6") // by hand: it finds the lab, and the lab's door
	await(t, "a sixth node at the shared address", func() bool { return holders() == 6 }, running.said)
	h.start(labArgs("--plain", "--http", door)...).wantRefusal(exitEnvironment, "in use", "pid") // and by whom
	for _, name := range []string{"n1", "n3", "n5"} {
		h.killNode(running, name)
		for i := range 15 {
			a := ask(t, door, request, "Accept", "image/png", "Idempotency-Key", fmt.Sprintf("%s-%d", name, i))
			if status := <-a.status; status != http.StatusOK {
				t.Errorf("request %d after the death of %s: %d %q, want 200", i, name, status, a.body.String())
			}
		}
	}
	sixth.endBy(syscall.SIGTERM)
	running.endBy(syscall.SIGINT)
	h.wantNothingLeft()
}

func portOf(t *testing.T, addr string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// What a node promised just before it was killed is in the store afterwards. A client whose node is killed while it waits
// asks again under its key, by whatever connection it gets, and has its picture.
func TestE2E_aKilledNodeLeavesNoRequestUndone(t *testing.T) {
	h := newHouse(t)
	redis := h.startRedis()
	door := freeAddress(t)
	running := h.startLab(5, "--http", door, "--redis", redis.url())
	nodes := h.nodes(running)
	first, second := ownDoor(t, nodes["n1"], door), ownDoor(t, nodes["n2"], door)

	redis.process.kill() // so that what is accepted stays with the nodes
	const promised = "200,160,-2,1.25,0.5,-1.25"
	accepted := ask(t, second, promised)
	if status := <-accepted.status; status != http.StatusOK {
		t.Fatalf("%d %q, want 200", status, accepted.body.String())
	}
	h.killNode(running, "n2") // who accepted it leads it
	redis.start()
	redis.awaitKey(store.MetadataKey, is(promised), running.said)

	redis.process.kill()
	const wanted = "1000,800,-1.2,0.35,-1.0,0.2"
	header := []string{"Accept", "image/png", "Idempotency-Key", `"8e03978e-40d5"`}
	lost := ask(t, first, wanted, header...)
	again := ask(t, first, wanted, header...) // a second connection to the node that dies
	h.killNode(running, "n1")
	<-lost.status
	<-again.status
	repeated := ask(t, door, wanted, header...)
	if status := <-repeated.status; status != http.StatusOK || !bytes.HasPrefix(repeated.body.Bytes(), []byte("\x89PNG")) {
		t.Fatalf("the repeated request: %d %.80q, want a picture", status, repeated.body.String())
	}
	other := ask(t, door, wanted, "Idempotency-Key", `"8e03978e-40d5"`)
	if status := <-other.status; status != http.StatusUnprocessableEntity {
		t.Errorf("another request under the key: %d %q, want 422", status, other.body.String())
	}
	redis.start()
	redis.awaitKey(store.MetadataKey, is(wanted), running.said)

	running.endBy(syscall.SIGINT)
	h.wantNothingLeft()
}

// A node that is told to end while its store hangs ends by itself, though it holds what nobody can take, and says what is
// lost. What it has answered without having submitted it (async) does not keep it either.
func TestE2E_theEndDoesNotWaitForAStoreThatHangs(t *testing.T) {
	h := newHouse(t)
	redis := h.startRedis()
	door := freeAddress(t)
	node := h.start("node", "--name", "solo", "--cluster", filepath.Join(h.runtime, "keys"), "--http", door,
		"--redis", redis.url())
	await(t, "the node's door", func() bool {
		conn, err := net.Dial("tcp", door)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, node.said)
	redis.process.signal(syscall.SIGSTOP)
	for _, query := range []string{"?strategy=reschedule", "?factor=2&async=true"} {
		reply := askWith(t, door, query, "200,160,-2,1.25,0.5,-1.25")
		if status := <-reply.status; status != http.StatusOK {
			t.Fatalf("%s: %d %q, want 200", query, status, reply.body.String())
		}
	}
	node.signal(syscall.SIGTERM)
	node.wantRefusal(exitEnvironment, "pictures not saved: 1")
}
