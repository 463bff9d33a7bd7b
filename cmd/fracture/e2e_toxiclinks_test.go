package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"fracture/chaos/toxiproxy"
	"fracture/control"
)

// The links of a cluster of real processes, as Toxiproxy's API shows them.

// toxics asks an API of Toxiproxy's.
type toxics struct {
	t    *testing.T
	base string
}

// ask makes a request and answers with status and text.
func (x toxics) ask(method, path, body string) (int, string) {
	x.t.Helper()
	r, err := http.NewRequestWithContext(x.t.Context(), method, x.base+path, strings.NewReader(body))
	if err != nil {
		x.t.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		x.t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	return reply.StatusCode, string(text)
}

// want makes a request that is answered with a status: again, where a node that is busy did not say in time that it obeys.
func (x toxics) want(status int, method, path, body string) (text string) {
	x.t.Helper()
	got := 0
	await(x.t, fmt.Sprintf("%s %s is answered", method, path), func() bool {
		got, text = x.ask(method, path, body)
		return got != http.StatusInternalServerError || !strings.Contains(text, errUnconfirmed.Error())
	}, func() string { return text })
	if got != status {
		x.t.Fatalf("%s %s %s is answered %d %s, want %d", method, path, body, got, text, status)
	}
	return text
}

// toxicLinks serves Toxiproxy's API on the theater's links.
func (th *theater) toxicLinks(limits control.Limits) (toxics, *toxicLinks) {
	th.t.Helper()
	th.options.control.maxNodes, th.options.control.maxPercent = limits.Nodes, limits.Percent
	links := newToxicLinks(newArenaLab(th.labArena).breaker, nil)
	server := toxiproxy.New(toxiproxy.Config{Address: "127.0.0.1:0", Links: links})
	addr, err := server.Listen(th.t.Context())
	if err != nil {
		th.t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	th.t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			th.t.Errorf("Toxiproxy's API ended with %v", err)
		}
	})
	return toxics{th.t, "http://" + addr.String()}, links
}

// worst is how late the latest result of the last seconds was.
func (th *theater) worst() (late time.Duration) {
	for _, c := range th.rec.Calm(th.Now().Add(-3*time.Second), th.Now()) {
		late = max(late, c.P999)
	}
	return late
}

func TestE2E_toxiproxysAPIDrivesTheLinks(t *testing.T) {
	th := openTheater(t)
	i := th.injecting()
	x, _ := th.toxicLinks(control.Limits{Nodes: 1, Percent: 100})
	var all map[string]toxiproxy.Proxy
	if err := json.Unmarshal([]byte(x.want(200, "GET", "/proxies", "")), &all); err != nil || len(all) != 3 {
		t.Fatalf("there are the proxies %v, %v; want one for each two of three nodes", all, err)
	}
	n1, err := th.status("n1")
	if p := all["n1-n2"]; err != nil || p.Listen != n1.Gossip || !p.Enabled {
		t.Errorf("the link between n1 and n2 is %+v, want it enabled, from %s", p, n1.Gossip)
	}

	// At the end to which it belongs, and nowhere else; also when the other end is another process.
	x.want(200, "POST", "/proxies/n1-n2/toxics", `{"type":"packet_loss","stream":"upstream","attributes":{"probability":0.5}}`)
	th.await("what n1 says is lost", th.struck("n1"))
	th.wantPeace("what n1 says to n2 is lost", "n2", "n3")
	replace := func() {
		was, err := th.status("n2")
		if err != nil {
			t.Fatal(err)
		}
		th.begins(i, "replace --node n2")
		th.await("another n2", func() error {
			if now, err := th.status("n2"); err != nil || now.Incarnation == was.Incarnation {
				return fmt.Errorf("not yet: %w", err)
			}
			return nil
		})
	}
	replace()
	th.await("what n1 says to the new n2 is lost", th.struck("n1"))
	x.want(200, "POST", "/proxies/n1-n2/toxics", `{"type":"packet_loss","attributes":{"probability":0.5}}`)
	th.await("what n2 says is lost", th.struck("n2"))
	replace()
	th.await("what the new n2 says is lost", th.struck("n2"))
	x.want(204, "POST", "/reset", "")
	th.wantPeace("all is reset", "n1", "n2", "n3")

	// Late at the receiver: whatever is placed at another node than it is split at comes half a second late.
	for _, link := range []string{"n1-n2", "n1-n3", "n2-n3"} {
		for _, stream := range []string{"upstream", "downstream"} {
			x.want(200, "POST", "/proxies/"+link+"/toxics", `{"type":"latency","stream":"`+stream+`","attributes":{"latency":500}}`)
		}
	}
	th.await("results are late", func() error {
		if late := th.worst(); late < 250*time.Millisecond {
			return fmt.Errorf("the worst was %v late", late)
		}
		return nil
	})
	if text := x.want(200, "GET", "/proxies/n2-n3", ""); strings.Count(text, `"latency":500`) != 2 {
		t.Errorf("a link with two toxics is %s", text)
	}

	// What others heal is seen, and can be asked for again.
	th.confirmed("all is healed", func() error { _, err := i.healAll(t.Context()); return err })
	if text := x.want(200, "GET", "/proxies/n2-n3/toxics", ""); text != "[]" {
		t.Errorf("after all was healed a link has the toxics %s", text)
	}
	th.wantPeace("all is healed", "n1", "n2", "n3")

	// A link that is down is noticed as one that broke, and no more are than may be.
	x.want(200, "PATCH", "/proxies/n1-n2", `{"enabled":false}`)
	th.await("both ends lose", th.struck("n1", "n2"))
	x.want(200, "PATCH", "/proxies/n1-n3", `{"enabled":false}`)
	if text := x.want(409, "PATCH", "/proxies/n2-n3", `{"enabled":false}`); !strings.Contains(text, "--max-nodes allows 1") {
		t.Errorf("a second node that nobody hears is refused with %s, want the limit", text)
	}
	if text := x.want(400, "POST", "/proxies/n1-n2/toxics", `{"type":"latency","attributes":{"latency":5000}}`); !strings.Contains(text, "at most 2s") {
		t.Errorf("5 s of latency are refused with %s, want the bound", text)
	}
	x.want(204, "POST", "/reset", "")
	th.wantPeace("all is enabled", "n1", "n2", "n3")
	if left := i.faults(); len(left) > 0 {
		t.Errorf("%d faults stand after a reset", len(left))
	}
}

func TestE2E_theLabServesToxiproxysAPIUntilItEnds(t *testing.T) {
	h := newHouse(t)
	lab := h.startLab(3, "--fps", "10", "--probe", "50ms", "--toxiproxy", "127.0.0.1:0")
	lab.awaitLine(`Toxiproxy's API is at http://`)
	x := toxics{t, regexp.MustCompile(`Toxiproxy's API is at (http://[0-9.:]+)`).FindStringSubmatch(lab.out.String())[1]}
	x.want(200, "POST", "/proxies/n1-n3/toxics", `{"type":"slicer","attributes":{"average_size":100,"delay":1000}}`)
	x.want(200, "PATCH", "/proxies/n2-n3", `{"enabled":false}`)

	heal := h.start("heal")
	heal.wantExit(exitHeld)
	if !strings.Contains(heal.said(), "n1-n3") || !strings.Contains(heal.said(), "n2-n3") {
		t.Errorf("fracture heal says %q, want both links", heal.said())
	}
	if text := x.want(200, "GET", "/proxies", ""); strings.Contains(text, "slicer") || strings.Contains(text, `"enabled":false`) {
		t.Errorf("after fracture heal the links are %s", text)
	}
	x.want(200, "POST", "/proxies/n1-n3/toxics", `{"type":"bandwidth","attributes":{"rate":64}}`)
	lab.endBy(syscall.SIGINT)
	if conn, err := net.DialTimeout("tcp", strings.TrimPrefix(x.base, "http://"), time.Second); err == nil {
		_ = conn.Close()
		t.Error("Toxiproxy's API outlives the lab")
	}
	h.wantNothingLeft()
}

func TestLab_toxiproxysAPIIsForThisHostAlone(t *testing.T) {
	for address, want := range map[string]string{"0.0.0.0:8474": "other hosts could reach it", "8474": "want host:port", "127.0.0.1:8474": "", "": ""} {
		err := controlFlags{address: noControl, toxiproxy: address, maxPercent: 100}.check(5)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("--toxiproxy %s: %v, want %q", address, err, want)
		}
	}
}
