package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds each wait of a test.
const patience = 20 * time.Second

// bench is a lab of no nodes of its own, that remembers what is asked of it.
type bench struct {
	mu       sync.Mutex // guards what follows
	orders   [][]string
	standing map[string]bool // by the node that has a fault
	stuck    int             // how often healing fails yet

	begins, goOn chan struct{} // of the next fault: it says that it begins, and waits; nil: it does not
	refuse       error         // the next fault
}

func (b *bench) Nodes() []Node {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := []Node{{Name: "n1", State: "alive", Ours: true, RSS: 1 << 20}, {Name: "n2", State: "alive", Ours: true, RSS: 2 << 20}}
	for i := range list {
		if b.standing[list[i].Name] {
			list[i].State = "dead"
		}
	}
	return list
}

func (*bench) Streams() []Stream      { return []Stream{{ID: "1", Name: "picture", Tiles: 24}} }
func (*bench) Totals() (Totals, bool) { return Totals{Results: 1000, Lost: 2, Needless: 3}, true }

func (*bench) Catalogue(w io.Writer) error {
	_, err := io.WriteString(w, `{"faults":[{"fault":"kill"}]}`)
	return err
}

// Inject takes "kill --node=NAME --for=SPAN" and refuses what a real lab would.
func (b *bench) Inject(_ context.Context, arguments []string) (Deed, error) {
	if b.begins != nil {
		close(b.begins)
		<-b.goOn
	}
	if b.refuse != nil {
		return Deed{}, b.refuse
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.orders = append(b.orders, arguments)
	d := Deed{What: arguments[0]}
	for _, a := range arguments[1:] {
		switch key, value, _ := strings.Cut(a, "="); key {
		case "--node":
			d.Whom = append(d.Whom, value)
		case "--for":
			d.For, _ = time.ParseDuration(value)
		default:
			return Deed{}, fmt.Errorf("%w: %s means nothing to %s", ErrOrder, key, d.What)
		}
	}
	for _, n := range d.Whom {
		if b.standing[n] {
			return Deed{}, fmt.Errorf("%w: %s is dead", ErrConflict, n)
		}
		b.standing[n] = true
	}
	if d.What == "reset" {
		over := make(chan struct{})
		close(over)
		d.Over = over
	}
	d.Heal = func(context.Context) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.stuck > 0 {
			b.stuck--
			return errors.New("it does not come up")
		}
		for _, n := range d.Whom {
			delete(b.standing, n)
		}
		return nil
	}
	return d, nil
}

func (b *bench) Mend(context.Context) ([]string, error) { return []string{"n9 thawed"}, nil }

func (b *bench) broken() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.standing)
}

// desk is a server that runs, with its lab and a client.
type desk struct {
	t      *testing.T
	lab    *bench
	server *Server
	client *Client
	dir    string
	base   string
	end    func() // and waits
}

func open(t *testing.T, cfg Config) *desk {
	t.Helper()
	cfg.Dir, cfg.Version = t.TempDir(), "v1"
	d := &desk{t: t, lab: &bench{standing: map[string]bool{}}, dir: cfg.Dir}
	d.server = New(cfg, d.lab)
	addr, err := d.server.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.base = "http://" + addr.String()
	if d.client, err = Dial(cfg.Dir); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.server.Run(ctx) }()
	d.end = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run = %v, want nil", err)
			}
		case <-time.After(patience):
			t.Error("Run does not end with its context")
		}
		d.client.Close()
	})
	t.Cleanup(d.end)
	return d
}

// answer is a reply that is read.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request with the token, and headers by name and value in turn; "" takes a header away, "Host" is the host.
func (d *desk) ask(method, path, body string, headers ...string) answer {
	d.t.Helper()
	r, err := http.NewRequest(method, d.base+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	r.Header.Set("Authorization", "Bearer "+d.client.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for pair := range slices.Chunk(headers, 2) {
		switch {
		case pair[0] == "Host":
			r.Host = pair[1]
		case pair[1] == "":
			r.Header.Del(pair[0])
		default:
			r.Header.Set(pair[0], pair[1])
		}
	}
	reply, err := d.client.http.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return answer{reply.StatusCode, reply.Header, string(text)}
}

// await looks until cond holds.
func await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); !cond(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never came: %s", what)
		}
	}
}

func TestServer_answersWhoMayAskAndSaysNoToTheRest(t *testing.T) {
	d := open(t, Config{})
	host := strings.TrimPrefix(d.base, "http://")
	_, port, _ := net.SplitHostPort(host)
	const kill = `{"fault":"kill","node":"n1"}`
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		want                     int
	}{
		{"the token", "GET", "/v1/nodes", "", nil, 200},
		{"no token", "GET", "/v1/nodes", "", []string{"Authorization", ""}, 401},
		{"another token", "GET", "/v1/nodes", "", []string{"Authorization", "Bearer " + strings.Repeat("0", 64)}, 401},
		{"half a token", "GET", "/v1/nodes", "", []string{"Authorization", "Bearer " + d.client.token[:32]}, 401},
		{"another scheme", "GET", "/v1/nodes", "", []string{"Authorization", "Basic " + d.client.token}, 401},
		{"no token, nothing there", "GET", "/v1/secrets", "", []string{"Authorization", ""}, 401},
		{"metrics without a token", "GET", "/metrics", "", []string{"Authorization", ""}, 200},
		{"a foreign host", "GET", "/v1/nodes", "", []string{"Host", "evil.example"}, 403},
		{"a name that begins like ours", "GET", "/v1/nodes", "", []string{"Host", "localhost.evil.example"}, 403},
		{"another address", "GET", "/metrics", "", []string{"Host", "192.0.2.1:" + port}, 403},
		{"localhost", "GET", "/v1/nodes", "", []string{"Host", "localhost:" + port}, 200},
		{"IPv6", "GET", "/v1/nodes", "", []string{"Host", "[::1]:" + port}, 200},
		{"a foreign page", "POST", "/v1/faults", kill, []string{"Origin", "https://evil.example"}, 403},
		{"a page of a file", "POST", "/v1/faults", kill, []string{"Origin", "null"}, 403},
		{"a page of another port", "GET", "/v1/nodes", "", []string{"Origin", "http://127.0.0.1:1"}, 403},
		{"a page of its own", "GET", "/v1/nodes", "", []string{"Origin", d.base}, 200},
		{"nothing there", "GET", "/v1/secrets", "", nil, 404},
		{"deeper than an id", "DELETE", "/v1/faults/f1/f2", "", nil, 404},
		{"no such fault", "DELETE", "/v1/faults/f1", "", nil, 404},
		{"another method", "PATCH", "/v1/faults", kill, nil, 405},
		{"HEAD of a stream", "HEAD", "/v1/events", "", nil, 405},
		{"a form", "POST", "/v1/faults", "fault=kill&node=n1", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		{"text", "POST", "/v1/faults", kill, []string{"Content-Type", "text/plain"}, 415},
		{"no type", "POST", "/v1/faults", kill, []string{"Content-Type", ""}, 415},
		{"too long", "POST", "/v1/faults", `{"fault":"` + strings.Repeat("k", maxBodyBytes) + `"}`, nil, 413},
		{"a body where none is wanted", "DELETE", "/v1/faults", kill, nil, 400},
		{"a header that is too long", "GET", "/v1/nodes", "", []string{"X-Long", strings.Repeat("x", 64<<10)}, 431},
		{"no event's number", "GET", "/v1/events", "", []string{"Last-Event-ID", "tomorrow"}, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := d.ask(c.method, c.path, c.body, c.headers...)
			if got.status != c.want {
				t.Errorf("%s %s answers %d, want %d: %s", c.method, c.path, got.status, c.want, got.body)
			}
			if c.want >= 400 && c.want != 431 && c.method != "HEAD" && !strings.Contains(got.body, `"error":"`) {
				t.Errorf("%s %s says %q, want an object that says what is wrong", c.method, c.path, got.body)
			}
		})
	}
	if got := d.ask("PATCH", "/v1/faults", "").header.Get("Allow"); got != "GET, POST, DELETE" {
		t.Errorf("Allow is %q, want GET, POST, DELETE", got)
	}
	if d.lab.broken() != 0 {
		t.Error("a request that was refused has broken a node")
	}
}

func TestServer_listsWhatTheLabKnows(t *testing.T) {
	d := open(t, Config{})
	d.server.Note(Incident{Number: 1, Node: "n1", Fault: "kill", Role: "owner", Downtime: 3})
	for path, want := range map[string]string{
		"/v1/nodes":     `"name":"n2","state":"alive"`,
		"/v1/streams":   `"stream":"1","name":"picture"`,
		"/v1/incidents": `"incident":1,`,
		"/v1/faults":    `{"faults":[]}`,
		"/v1/version":   `{"version":"v1"}`,
		"/v1/catalogue": `{"faults":[{"fault":"kill"}]}`,
	} {
		if got := d.ask("GET", path, ""); got.status != 200 || !strings.Contains(got.body, want) || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s answers %d %v %s, want %s", path, got.status, got.header, got.body, want)
		}
	}
}

func TestServer_aFaultStandsUntilItIsHealed(t *testing.T) {
	d := open(t, Config{})
	made := d.ask("POST", "/v1/faults", `{"fault":"kill","node":["n1","n2"],"for":"1h"}`)
	var f Fault
	if err := json.Unmarshal([]byte(made.body), &f); err != nil || made.status != 201 {
		t.Fatalf("POST answers %d %s, want 201 and the fault", made.status, made.body)
	}
	if f.What != "kill" || fmt.Sprint(f.Whom) != "[n1 n2]" || f.Until == nil || f.Until.Sub(f.Since) != time.Hour {
		t.Errorf("the fault is %+v, want a kill of n1 and n2 for an hour", f)
	}
	if got, want := made.header.Get("Location"), "/v1/faults/"+f.ID; got != want {
		t.Errorf("Location is %q, want %q", got, want)
	}
	if want := "[kill --node=n1 --node=n2 --for=1h]"; fmt.Sprint(d.lab.orders[0]) != want {
		t.Errorf("the lab is told %v, want %s", d.lab.orders[0], want)
	}
	if again := d.ask("POST", "/v1/faults", `{"fault":"kill","node":"n1"}`); again.status != 409 || !strings.Contains(again.body, "n1 is dead") {
		t.Errorf("the same again answers %d %s, want 409 and why", again.status, again.body)
	}
	if all, err := d.client.Faults(t.Context()); err != nil || len(all) != 1 || all[0].ID != f.ID {
		t.Errorf("Faults = %v, %v, want the one", all, err)
	}
	if gone := d.ask("DELETE", "/v1/faults/"+f.ID, ""); gone.status != 204 || gone.body != "" {
		t.Errorf("DELETE answers %d %q, want 204 and nothing", gone.status, gone.body)
	}
	if d.lab.broken() != 0 {
		t.Error("DELETE has answered, and the fault stands")
	}
	if err := d.client.Heal(t.Context(), f.ID); !errors.Is(err, ErrNoFault) {
		t.Errorf("Heal of what is over = %v, want ErrNoFault", err)
	}
}

func TestServer_aFaultEndsByItself(t *testing.T) {
	for name, order := range map[string]struct {
		fault string
		flags map[string]any
		lease time.Duration
		why   string
	}{
		"its time":            {"kill", map[string]any{"node": "n1", "for": "150ms"}, 0, "its time is over"},
		"its lease":           {"kill", map[string]any{"node": "n1", "for": "1h"}, 150 * time.Millisecond, "its lease was not renewed"},
		"it strikes but once": {"reset", map[string]any{"node": "n1"}, 0, "it ended by itself"},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, Config{})
			f, err := d.client.Inject(t.Context(), order.fault, order.flags, order.lease)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			found := errors.New("found")
			err = d.client.Follow(ctx, 1, func(e Event) error {
				if e.Kind == "heal" && bytes.Contains(e.JSON, []byte(`"id":"`+f.ID+`"`)) && bytes.Contains(e.JSON, []byte(order.why)) {
					return found
				}
				return fmt.Errorf("event %s %s", e.Kind, e.JSON)
			})
			if !errors.Is(err, found) {
				t.Fatalf("Follow = %v, want that the fault is healed, because %s", err, order.why)
			}
			if all, err := d.client.Faults(t.Context()); err != nil || len(all) != 0 {
				t.Errorf("Faults = %v, %v, want none", all, err)
			}
		})
	}
}

func TestServer_aLeaseThatIsRenewedStands(t *testing.T) {
	d := open(t, Config{})
	f, err := d.client.Inject(t.Context(), "kill", map[string]any{"node": "n1"}, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := d.client.Renew(t.Context(), f.ID, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(*renewed.Until); left < 30*time.Second {
		t.Errorf("the lease is left with %v, want a minute", left)
	}
	<-time.After(time.Until(*f.Until) + 100*time.Millisecond) // the first lease would be over
	if d.lab.broken() != 1 {
		t.Error("a fault whose lease was renewed is healed")
	}
	if err := d.client.Heal(t.Context(), f.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.client.Renew(t.Context(), f.ID, time.Minute); !errors.Is(err, ErrNoFault) {
		t.Errorf("Renew of what is over = %v, want ErrNoFault", err)
	}
	if got := d.ask("PUT", "/v1/faults/"+f.ID, `{"fault":"kill","node":"n1"}`); got.status != 400 {
		t.Errorf("PUT of a fault answers %d, want 400", got.status)
	}
}

func TestServer_healsAllAndSaysWhat(t *testing.T) {
	d := open(t, Config{})
	for _, node := range []string{"n1", "n2"} {
		if _, err := d.client.Inject(t.Context(), "kill", map[string]any{"node": node}, 0); err != nil {
			t.Fatal(err)
		}
	}
	d.lab.mu.Lock()
	d.lab.stuck = 1 // the first try fails, and the next does not
	d.lab.mu.Unlock()
	all, err := d.client.HealAll(t.Context())
	if err != nil || len(all.Healed) != 2 || fmt.Sprint(all.Mended) != "[n9 thawed]" || len(all.Failed) != 0 || d.lab.broken() != 0 {
		t.Errorf("HealAll = %+v, %v with %d broken; want both faults, and what the lab mended", all, err, d.lab.broken())
	}

	if _, err := d.client.Inject(t.Context(), "kill", map[string]any{"node": "n1"}, 0); err != nil {
		t.Fatal(err)
	}
	d.lab.mu.Lock()
	d.lab.stuck = healTries
	d.lab.mu.Unlock()
	all, err = d.client.HealAll(t.Context())
	if err != nil || len(all.Healed) != 0 || len(all.Failed) != 1 || !strings.Contains(all.Failed[0], "does not come up") {
		t.Errorf("HealAll = %+v, %v; want that one failed, and why", all, err)
	}
}

func TestServer_healsWhatBeginsOnceItStands(t *testing.T) {
	d := open(t, Config{})
	d.lab.begins, d.lab.goOn = make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		_, err := d.client.Inject(t.Context(), "freeze", map[string]any{"node": "n1", "for": "1h"}, 0)
		done <- err
	}()
	<-d.lab.begins
	if all, err := d.client.HealAll(t.Context()); err != nil || len(all.Healed) > 0 { // it does not wait
		t.Errorf("HealAll while a fault begins = %+v, %v, want that nothing stood", all, err)
	}
	close(d.lab.goOn)
	if err := <-done; err != nil {
		t.Errorf("the fault is answered %v", err)
	}
	await(t, "nothing stands", func() bool {
		all, err := d.client.Faults(t.Context())
		return err == nil && len(all) == 0 && d.lab.broken() == 0
	})
}

func TestServer_tellsWhyOneIsTheLast(t *testing.T) {
	d := open(t, Config{})
	d.lab.refuse = (Limits{}).Check([]Stock{{Name: "n1"}}, []string{"n1"}, false)
	_, err := d.client.Inject(t.Context(), "kill", map[string]any{"node": "n1"}, 0)
	var last *LastError
	if !errors.As(err, &last) || !errors.Is(err, ErrRefused) || !errors.Is(err, ErrConflict) || last.Why != "no node would be left" {
		t.Errorf("the fault is answered %v, want a LastError that says why", err)
	}
}

func TestServer_whatStandsEndsWithIt(t *testing.T) {
	d := open(t, Config{})
	if _, err := d.client.Inject(t.Context(), "kill", map[string]any{"node": "n1"}, 0); err != nil {
		t.Fatal(err)
	}
	followed := make(chan error, 1)
	began := make(chan struct{})
	last := ""
	go func() {
		once := sync.OnceFunc(func() { close(began) })
		followed <- d.client.Follow(context.Background(), 1<<60, func(e Event) error { once(); last = string(e.JSON); return nil })
	}()
	<-began
	d.end()
	if d.lab.broken() != 0 {
		t.Error("a fault outlives the server")
	}
	select {
	case err := <-followed:
		if err != nil {
			t.Errorf("Follow = %v when the server ends, want nil", err)
		}
		if !strings.Contains(last, `"why":"the lab ends"`) {
			t.Errorf("the last event is %s, want that the fault is healed with the lab", last)
		}
	case <-time.After(patience):
		t.Error("who follows events does not end with the server")
	}
	if left, _ := filepath.Glob(filepath.Join(d.dir, "*")); len(left) != 0 {
		t.Errorf("%v outlive the server", left)
	}
	if _, err := Dial(d.dir); !errors.Is(err, ErrNoControl) {
		t.Errorf("Dial of a lab without = %v, want ErrNoControl", err)
	}
}

func TestServer_bounds(t *testing.T) {
	d := open(t, Config{MaxFaults: 1, MaxStreams: 1})
	if _, err := d.client.Inject(t.Context(), "kill", map[string]any{"node": "n1"}, 0); err != nil {
		t.Fatal(err)
	}
	if got := d.ask("POST", "/v1/faults", `{"fault":"kill","node":"n2"}`); got.status != 409 || !strings.Contains(got.body, "heal one first") {
		t.Errorf("a fault too many answers %d %s, want 409 and what to do", got.status, got.body)
	}
	ctx, cancel := context.WithCancel(t.Context())
	followed := make(chan error, 1)
	go func() { followed <- d.client.Follow(ctx, 0, func(Event) error { return nil }) }()
	await(t, "somebody follows", func() bool { return d.server.followers.Load() == 1 })
	if got := d.ask("GET", "/v1/events", ""); got.status != 503 || got.header.Get("Retry-After") == "" {
		t.Errorf("a follower too many is answered %d %v, want 503 and Retry-After", got.status, got.header)
	}
	cancel()
	if err := <-followed; !errors.Is(err, context.Canceled) {
		t.Errorf("Follow = %v, want that it was cancelled", err)
	}
	await(t, "nobody follows", func() bool { return d.server.followers.Load() == 0 })
}

func TestServer_closesConnectionsBeyondTheBound(t *testing.T) {
	d := open(t, Config{MaxConns: 2})
	address := strings.TrimPrefix(d.base, "http://")
	for range 2 {
		held, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = held.Close() }()
	}
	await(t, "two connections", func() bool { return d.server.http.Conns() >= 2 })
	more, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = more.Close() }()
	_ = more.SetReadDeadline(time.Now().Add(patience))
	if _, err := more.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !strings.Contains(fmt.Sprint(err), "reset") {
		t.Errorf("a connection too many reads %v, want its end", err)
	}
}

func TestServer_isForThisHostAlone(t *testing.T) {
	if _, err := New(Config{Address: "0.0.0.0:0", Dir: t.TempDir()}, &bench{}).Listen(t.Context()); !errors.Is(err, ErrExposed) {
		t.Errorf("Listen at every address = %v, want ErrExposed", err)
	}
	d := open(t, Config{})
	taken := Config{Address: strings.TrimPrefix(d.base, "http://"), Dir: t.TempDir()}
	if _, err := New(taken, &bench{}).Listen(t.Context()); !errors.Is(err, ErrInUse) {
		t.Errorf("Listen where another does = %v, want ErrInUse", err)
	}
	for _, name := range []string{tokenFile, addressFile} {
		info, err := os.Stat(filepath.Join(d.dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want 0600", name, info, err)
		}
	}
	if n := len(d.client.token); n != 2*tokenBytes {
		t.Errorf("the token has %d digits, want %d", n, 2*tokenBytes)
	}
}
