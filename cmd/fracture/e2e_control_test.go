package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"fracture/control"
)

// The control API of a running lab, on real processes: what curl, Chaos Toolkit and Prometheus do with it.

// outsider is who knows a lab's directory.
type outsider struct {
	t      *testing.T
	client *control.Client
	base   string
	token  string
}

func (h *house) outside() *outsider {
	h.t.Helper()
	dirs := h.dirs()
	if len(dirs) != 1 {
		h.t.Fatalf("there are the directories %v, want one", dirs)
	}
	o := &outsider{t: h.t}
	for name, to := range map[string]*string{"control": &o.base, "token": &o.token} {
		text, err := os.ReadFile(filepath.Join(dirs[0], name))
		if err != nil {
			h.t.Fatal(err)
		}
		*to = strings.TrimSpace(string(text))
	}
	o.base = "http://" + o.base
	var err error
	if o.client, err = control.Dial(dirs[0]); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(o.client.Close)
	return o
}

// curl does as curl does, with headers by name and value in turn.
func (o *outsider) curl(method, path, body string, headers ...string) (int, string) {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), method, o.base+path, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded") // as curl -d does
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return reply.StatusCode, string(text)
}

func (o *outsider) bearer() []string { return []string{"Authorization", "Bearer " + o.token} }

// state is that of a node, as the control API tells.
func (o *outsider) state(name string) string {
	nodes, err := o.client.Nodes(o.t.Context())
	if err != nil {
		return err.Error()
	}
	for _, n := range nodes {
		if n.Name == name {
			return n.State
		}
	}
	return "unknown"
}

func (o *outsider) awaitState(name, want string) {
	o.t.Helper()
	await(o.t, name+" is "+want, func() bool { return o.state(name) == want }, func() string { return o.state(name) })
}

func TestE2E_aScriptBreaksANodeAndHealsIt(t *testing.T) {
	h := newHouse(t)
	lab := h.startLab(5, "--fps", "10", "--probe", "50ms")
	o := h.outside()

	for _, c := range []struct {
		name    string
		want    int
		headers []string
	}{
		{"without the token", http.StatusUnauthorized, nil},
		{"from a page", http.StatusForbidden, append(o.bearer(), "Origin", "https://evil.example")},
		{"by a name that points here", http.StatusForbidden, append(o.bearer(), "Host", "evil.example")},
	} {
		if status, text := o.curl("POST", "/v1/faults", `{"fault":"kill","node":"n3"}`, c.headers...); status != c.want {
			t.Errorf("%s the lab answers %d %s, want %d", c.name, status, text, c.want)
		}
	}
	if n := len(h.nodes(lab)); n != 5 {
		t.Fatalf("%d nodes live after requests that were refused, want five", n)
	}

	was := h.nodes(lab)["n3"]
	status, text := o.curl("POST", "/v1/faults", `{"fault":"kill","node":["n3"],"for":"1h"}`, o.bearer()...)
	var f control.Fault
	if err := json.Unmarshal([]byte(text), &f); err != nil || status != http.StatusCreated || f.What != "kill" {
		t.Fatalf("the kill is answered %d %s, want 201 and what stands", status, text)
	}
	if pid := h.nodes(lab)["n3"]; pid != 0 || o.state("n3") != "dead" {
		t.Errorf("n3 has the pid %d and is %s once it is killed, want none, and dead", pid, o.state("n3"))
	}
	if status, text := o.curl("DELETE", "/v1/faults/"+f.ID, "", o.bearer()...); status != http.StatusNoContent {
		t.Errorf("healing is answered %d %s, want 204", status, text)
	}
	if pid := h.nodes(lab)["n3"]; pid == 0 || pid == was {
		t.Errorf("n3 has the pid %d once it is healed, want another than %d", pid, was)
	}
	o.awaitState("n3", "alive")

	// A lease that nobody renews is over.
	if _, err := o.client.Inject(t.Context(), "freeze", map[string]any{"node": "n4", "for": "1h"}, 300*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	o.awaitState("n4", "alive")
	if all, err := o.client.Faults(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("Faults = %v, %v, want none", all, err)
	}
	o.wantKillCounted()
	lab.endBy(syscall.SIGINT)
	h.wantNothingLeft()
}

// wantKillCounted waits until the incidents and the figures tell of a kill of n3.
func (o *outsider) wantKillCounted() {
	o.t.Helper()
	await(o.t, "an incident of n3, that is over", func() bool {
		all, err := o.client.Incidents(o.t.Context())
		if err != nil {
			return false
		}
		for _, i := range all {
			if i.Node == "n3" && i.Fault == "kill" && !i.Open {
				return true
			}
		}
		return false
	}, nil)
	text := ""
	var families map[string]*dto.MetricFamily
	await(o.t, "figures of results", func() bool {
		_, text = o.curl("GET", "/metrics", "")
		parser := expfmt.NewTextParser(model.UTF8Validation)
		var err error
		if families, err = parser.TextToMetricFamilies(strings.NewReader(text)); err != nil {
			o.t.Fatalf("%v in\n%s", err, text)
		}
		results := families["fracture_results_total"].GetMetric()
		return len(results) == 1 && results[0].GetCounter().GetValue() > 0
	}, func() string { return text })
	kills := 0.0
	for _, m := range families["fracture_incidents_total"].GetMetric() {
		for _, l := range m.GetLabel() {
			if l.GetName() == "fault" && l.GetValue() == "kill" {
				kills += m.GetCounter().GetValue()
			}
		}
	}
	if kills != 1 {
		o.t.Errorf("the figures tell of %v kills, want one:\n%s", kills, text)
	}
	if n := len(families["fracture_node_up"].GetMetric()); n != 5 {
		o.t.Errorf("the figures tell of %d nodes, want five", n)
	}
}

func TestE2E_whatWouldBreakTheLastHolderIsRefused(t *testing.T) {
	h := newHouse(t)
	lab := h.startLab(3, "--fps", "10", "--probe", "50ms", "--max-nodes", "2")
	o := h.outside()
	settled := time.Time{} // since when all of them share the tiles: longer than a node is silent, so that their words are of one placement
	await(t, "all tiles are known to have an owner and a standby", func() bool {
		nodes, err := o.client.Nodes(t.Context())
		owns, copies, idle := 0, 0, len(nodes) < 3
		for _, n := range nodes {
			owns, copies, idle = owns+n.Owns, copies+n.StandsBy, idle || n.Owns == 0 || n.StandsBy == 0
		}
		switch {
		case err != nil || owns < 24 || copies < 24 || idle:
			settled = time.Time{}
		case settled.IsZero():
			settled = time.Now()
		}
		return !settled.IsZero() && time.Since(settled) > time.Second
	}, nil)
	await(t, "that the last two holders of a tile are spared", func() bool { // a busy machine has tiles taken over, and words of two placements
		status, text := o.curl("POST", "/v1/faults", `{"fault":"freeze","node":["n1","n2"]}`, o.bearer()...)
		if status == http.StatusCreated {
			h.start("heal").wantExit(exitHeld)
			o.awaitState("n2", "alive")
		}
		return status == http.StatusConflict && strings.Contains(text, "yes-break-it")
	}, nil)
	for body, says := range map[string]string{
		`{"fault":"kill","node":"all"}`:                     "--max-nodes allows 2",
		`{"fault":"thaw","node":"n1"}`:                      "n1 is running",
		`{"fault":"kill","node":"all","yes-break-it":true}`: "--max-nodes allows 2",
	} {
		if status, text := o.curl("POST", "/v1/faults", body, o.bearer()...); status != http.StatusConflict || !strings.Contains(text, says) {
			t.Errorf("%s is answered %d %s, want 409 and %q", body, status, text, says)
		}
	}
	for body, says := range map[string]string{
		`{"fault":"kill","node":"n9"}`:              "the members are n1, n2, n3",
		`{"fault":"kill"}`:                          "--node is missing",
		`{"fault":"kill","node":"n1","for":"soon"}`: "want a duration",
		`{"fault":"kill","node":"n1","roof":"top"}`: "roof",
		`{"fault":"melt","node":"n1"}`:              "melt",
	} {
		if status, text := o.curl("POST", "/v1/faults", body, o.bearer()...); status != http.StatusBadRequest || !strings.Contains(text, says) {
			t.Errorf("%s is answered %d %s, want 400 and %q", body, status, text, says)
		}
	}
	if n := len(h.nodes(lab)); n != 3 {
		t.Errorf("%d nodes live, want three", n)
	}
}

func TestE2E_healEndsWhatStands(t *testing.T) {
	h := newHouse(t)
	lab := h.startLab(5, "--fps", "10", "--probe", "50ms")
	o := h.outside()
	if _, err := o.client.Inject(t.Context(), "freeze", map[string]any{"node": "n2", "for": "1h"}, 0); err != nil {
		t.Fatal(err)
	}
	h.killNode(lab, "n4") // by another's hand
	o.awaitState("n4", "dead")
	p := h.start("heal")
	p.wantExit(exitHeld)
	for _, line := range []string{"healed f1: freeze at n2\n", "n4 started again\n"} {
		if !strings.Contains(p.out.String(), line) {
			t.Errorf("heal says %q, want %q in it", p.out.String(), line)
		}
	}
	if n := len(h.nodes(lab)); n != 5 {
		t.Errorf("%d nodes live after heal, want five", n)
	}
	again := h.start("heal", "--json")
	again.wantExit(exitHeld)
	if got, want := again.out.String(), `{"healed":[],"mended":[],"failed":[]}`+"\n"; got != want {
		t.Errorf("heal where nothing stands says %q, want %q", got, want)
	}
	lab.endBy(syscall.SIGINT)

	h.start("heal").wantRefusal(exitEnvironment, "no running lab", "--cluster")
	shut := h.startLab(2, "--control", "none")
	h.start("heal").wantRefusal(exitEnvironment, "no control API")
	shut.endBy(syscall.SIGINT)
	h.wantNothingLeft()
}

func TestE2E_eventsGoOnWhereTheyWereLeft(t *testing.T) {
	h := newHouse(t)
	lab := h.startLab(3, "--fps", "10", "--probe", "50ms")
	lab.awaitLine(`listen: the control API is at http://127\.0\.0\.1:\d+, its token in /.*/token`)
	o := h.outside()
	f, err := o.client.Inject(t.Context(), "freeze", map[string]any{"node": "n2", "for": "100ms"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := errors.New("found")
	follow := func(since uint64, kind string) (id uint64) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), e2eTimeout)
		defer cancel()
		err := o.client.Follow(ctx, since, func(e control.Event) error {
			if e.Kind == kind && strings.Contains(string(e.JSON), fmt.Sprintf("%q", f.ID)) {
				id = e.ID
				return found
			}
			return nil
		})
		if !errors.Is(err, found) {
			t.Fatalf("Follow after event %d = %v, want the %s of %s", since, err, kind, f.ID)
		}
		return id
	}
	began := follow(1, "fault")
	if healed := follow(began, "heal"); healed <= began {
		t.Errorf("the heal is event %d and the fault %d, want it later", healed, began)
	}

	// A lab that is killed leaves neither nodes, frozen ones too, nor word of where it was.
	if _, err := o.client.Inject(t.Context(), "freeze", map[string]any{"node": "n3", "for": "1h"}, 0); err != nil {
		t.Fatal(err)
	}
	lab.signal(syscall.SIGKILL)
	lab.wantExit(-1)
	h.awaitNobody()
	h.wantNothingLeft()
}

func TestE2E_aRunHasAControlAPIToo(t *testing.T) {
	h := newHouse(t)
	p := h.start("run", "--trials", "2", "--controls", "0", "--load", "idle", "--nodes", "3", "--calm", "1s", "--window", "200ms", "--grace", "500ms")
	await(t, "a directory with a control API", func() bool {
		found, _ := filepath.Glob(filepath.Join(h.runtime, "fracture", "*", "control")) // the pattern is good
		return len(found) == 1
	}, p.said)
	o := h.outside()
	o.awaitState("n3", "alive")
	if status, text := o.curl("GET", "/metrics", ""); status != http.StatusOK || strings.Contains(text, "fracture_results_total") {
		t.Errorf("the figures of a run are answered %d %s, want those that it can tell", status, text)
	}
	await(t, "the trial among the incidents", func() bool {
		all, err := o.client.Incidents(t.Context())
		return err == nil && len(all) > 0 && all[0].Fault == "kill" && all[0].Role == "owner"
	}, p.said)
	p.end() // how fast it was is not for a test to judge
	h.wantNothingLeft()
}

// asksToEnd reports whether a process that stands still has been asked to end.
func asksToEnd(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(text), "\nShdPnd:\t")
	mask, _, _ := strings.Cut(rest, "\n")
	pending, err := strconv.ParseUint(mask, 16, 64)
	return err == nil && pending&(1<<(syscall.SIGTERM-1)) != 0
}

func TestE2E_healDoesNotWaitForARestartThatHangs(t *testing.T) {
	h := newHouse(t)
	lab := h.startLab(5, "--fps", "10", "--probe", "50ms")
	o := h.outside()
	was := h.nodes(lab)["n3"]
	if err := syscall.Kill(was, syscall.SIGSTOP); err != nil { // of which the lab does not know: it asks the node to end, and waits
		t.Fatal(err)
	}
	answer := make(chan string, 1)
	go func() {
		status, text := o.curl("POST", "/v1/faults", `{"fault":"restart","node":"n3"}`, o.bearer()...)
		answer <- fmt.Sprint(status, " ", text)
	}()
	await(t, "n3 is asked to end", func() bool { return asksToEnd(was) }, lab.said)
	p := h.start("heal")
	p.wantExit(exitHeld)
	if want := "restart of n3 given up\nn3 started again\n"; p.out.String() != want {
		t.Errorf("heal says %q, want %q", p.out.String(), want)
	}
	if now := h.nodes(lab)["n3"]; now == 0 || now == was {
		t.Errorf("n3 is process %d once all is healed, want another than %d", now, was)
	}
	if got := <-answer; !strings.HasPrefix(got, "409 ") || !strings.Contains(got, "everything was healed before it stood") {
		t.Errorf("the restart is answered %s, want 409, for it was given up", got)
	}
	o.awaitState("n3", "alive")
	if n := len(h.nodes(lab)); n != 5 {
		t.Errorf("%d nodes live, want five", n)
	}
	lab.endBy(syscall.SIGINT)
	h.wantNothingLeft()
}
