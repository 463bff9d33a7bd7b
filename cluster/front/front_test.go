package front

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fracture/cluster/failover"
	"fracture/cluster/store"
	"fracture/render"
	"fracture/work"
	"fracture/work/fractal"
)

func TestMain(m *testing.M) {
	if addr := os.Getenv(strangerEnv); addr != "" {
		beStranger(addr)
	}
	goleak.VerifyTestMain(m)
}

const (
	ownHost   = "demo.edgeless-project.eu"
	request   = "120,96,-1.2,0.35,-1.0,0.2"
	theCurl   = "1000,800,-1.2,0.35,-1.0,0.2"
	pathCalc  = "/calc_fractal"
	statusOK  = http.StatusOK
	status503 = http.StatusServiceUnavailable
)

// local is a cluster of this process alone, which computes what it is asked for. It counts nodes like a cluster would.
type local struct {
	nodes  uint32
	refuse error         // the answer to every request, where it is set
	hold   chan struct{} // closed: acknowledgements are let go; nil: they are not held back
	delay  time.Duration // before an acknowledgement
	lose   bool          // the last tile is never computed
	fail   bool          // the first tile's function fails

	mu      sync.Mutex
	streams []work.Stream
	running sync.WaitGroup
}

func (l *local) Request(ctx context.Context, stream work.Stream) (<-chan Result, error) {
	if l.refuse != nil {
		return nil, l.refuse
	}
	if uint32(stream.Factor) > l.nodes {
		return nil, Refusal{Reason: failover.TooFewNodes, Have: l.nodes, Need: uint32(stream.Factor)}
	}
	var held <-chan time.Time
	if l.delay > 0 {
		held = time.After(l.delay)
	}
	if l.hold != nil || held != nil {
		select {
		case <-l.hold:
		case <-held:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	l.mu.Lock()
	l.streams = append(l.streams, stream)
	l.mu.Unlock()
	results := make(chan Result, stream.Tiles)
	l.running.Go(func() { l.compute(ctx, stream, results) })
	return results, nil
}

func (l *local) compute(ctx context.Context, stream work.Stream, results chan<- Result) {
	defer close(results)
	for tile := range stream.Tiles {
		if ctx.Err() != nil || l.lose && tile == stream.Tiles-1 {
			return
		}
		result := Result{Tile: tile, Failed: l.fail && tile == 0, Payload: []byte("the function broke")}
		if !result.Failed {
			input, err := fractal.Function{}.Split(stream.Params, 0, tile, stream.Tiles, nil)
			if err == nil {
				result.Payload, err = fractal.Function{}.Run(input, nil)
			}
			if err != nil {
				result.Failed, result.Payload = true, []byte(err.Error())
			}
		}
		results <- result
	}
}

func (l *local) seen() []work.Stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]work.Stream(nil), l.streams...)
}

// door is a front door that runs.
type door struct {
	*Server
	t    testing.TB
	addr string
	stop func() error
}

func open(t testing.TB, cfg Config, cluster *local) *door {
	t.Helper()
	if cluster.nodes == 0 {
		cluster.nodes = 5
	}
	cfg.Address = "127.0.0.1:0"
	s, err := New(cfg, cluster)
	if err != nil {
		t.Fatal(err)
	}
	addr, err := s.Listen(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return run(t, s, addr.String(), cluster)
}

// run runs a front door that listens already.
func run(t testing.TB, s *Server, addr string, cluster *local) *door {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop := sync.OnceValue(func() error {
		cancel()
		err := <-ended
		cluster.running.Wait()
		return err
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the front door ended with %v", err)
		}
	})
	return &door{Server: s, t: t, addr: addr, stop: stop}
}

// ask sends a request on a connection of its own and answers with status, headers and body.
func (d *door) ask(method, target, host, body string, header ...string) (int, http.Header, []byte) {
	d.t.Helper()
	status, h, answer, err := d.try(method, target, host, body, header...)
	if err != nil {
		d.t.Fatalf("%s %s: %v", method, target, err)
	}
	return status, h, answer
}

func (d *door) try(method, target, host, body string, header ...string) (int, http.Header, []byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+d.addr+target, strings.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	r.Host = host
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	got, err := io.ReadAll(answer.Body)
	return answer.StatusCode, answer.Header, got, err
}

// raw sends bytes and answers with what comes back until the connection is closed, five seconds at most.
func (d *door) raw(sent string) string {
	d.t.Helper()
	conn, err := net.Dial("tcp", d.addr)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.WriteString(conn, sent) // it may be cut off before it is through
	got, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		d.t.Errorf("the connection still stands after %q and 5 s", sent[:min(len(sent), 60)])
	}
	return string(got)
}

// eventually asks until ok, for ten seconds at most.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); <-time.After(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

func TestServer_answersTheOriginalsCurl(t *testing.T) {
	cluster := &local{}
	d := open(t, Config{}, cluster)
	// curl -H "Host: demo.edgeless-project.eu" http://127.0.0.1:7035/calc_fractal -d 1000,800,-1.2,0.35,-1.0,0.2
	status, _, body := d.ask("POST", pathCalc, ownHost, theCurl, "Content-Type", "application/x-www-form-urlencoded")
	if status != statusOK || len(body) != 0 {
		t.Fatalf("%d %q, want 200 and nothing", status, body)
	}
	streams := cluster.seen()
	if len(streams) != 1 {
		t.Fatalf("%d streams were submitted, want 1", len(streams))
	}
	stream := streams[0]
	params, err := fractal.DecodeParams(stream.Params)
	if err != nil {
		t.Fatal(err)
	}
	want := fractal.View{Width: 1000, Height: 800, Left: -1.2, Top: 0.35, Right: -1, Bottom: 0.2}
	if params.View != want || params.Request != theCurl || params.Iterations != 255 || params.Supersample != 1 || params.Kind != fractal.Mandelbrot {
		t.Errorf("parameters %+v, want the original's for %+v", params, want)
	}
	if stream.ID == 0 || stream.Function != "fractal/1" || stream.Frames != 1 || stream.Tiles < 24 || stream.Strategy != work.Standby || stream.Factor != 2 {
		t.Errorf("stream %+v, want one frame of fractal/1 under standby with 2 copies", stream)
	}
	if c := d.Counters(); c != (Counters{Accepted: 1}) {
		t.Errorf("counters %+v, want 1 accepted", c)
	}
}

func TestServer_repliesWithThePicture(t *testing.T) {
	d := open(t, Config{}, &local{})
	for _, accept := range []string{"image/png", "text/html, image/PNG;q=0.9, */*"} {
		status, header, body := d.ask("POST", pathCalc, ownHost, request, "Accept", accept)
		if status != statusOK || header.Get("Content-Type") != "image/png" {
			t.Fatalf("Accept %s: %d %s %.80q, want a PNG", accept, status, header.Get("Content-Type"), body)
		}
		img, err := png.Decode(bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		want := direct(t, request)
		if img.Bounds().Size() != image.Pt(want.W, want.H) {
			t.Fatalf("the picture is %v, want %d×%d", img.Bounds().Size(), want.W, want.H)
		}
		for i, c := range want.Pix {
			r, g, b, _ := img.At(i%want.W, i/want.W).RGBA()
			if (render.RGB{R: uint8(r >> 8), G: uint8(g >> 8), B: uint8(b >> 8)}) != c {
				t.Fatalf("pixel %d,%d is not as computed in one piece", i%want.W, i/want.W)
			}
		}
	}
}

// direct computes a request in one piece, four samples a pixel.
func direct(t *testing.T, body string) *render.Picture {
	t.Helper()
	view, err := fractal.ParseRequest([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	params := fractal.Params{Kind: fractal.Mandelbrot, View: view, Supersample: 2}
	input, err := fractal.Function{}.Split(params.Append(nil), 0, 0, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	output, err := fractal.Function{}.Run(input, nil)
	if err != nil {
		t.Fatal(err)
	}
	tile, err := fractal.DecodeTile(output)
	if err != nil {
		t.Fatal(err)
	}
	palette, err := render.NewPalette(render.PaletteNames[0])
	if err != nil {
		t.Fatal(err)
	}
	var picture render.Picture
	render.Paint(&picture, render.Field(tile.Field()), palette, view.Width, view.Height)
	return &picture
}

func TestServer_saysWhatIsWrongWithARequest(t *testing.T) {
	d := open(t, Config{}, &local{nodes: 3})
	for _, c := range []struct {
		what, method, target, host, body string
		header                           []string
		status                           int
		reply                            string // exact, or with … a part of it
	}{
		{"another host", "POST", pathCalc, "example.org", request, nil, 404, "Not Found"},
		{"the host with a port", "POST", pathCalc, ownHost + ":7035", request, nil, 404, "Not Found"},
		{"the host in capitals", "POST", pathCalc, strings.ToUpper(ownHost), request, nil, 200, ""},
		{"the listen address", "POST", pathCalc, "", request, nil, 404, "Not Found"},
		{"another method", "GET", pathCalc, ownHost, "", nil, 404, "Not Found"},
		{"another method", "PUT", pathCalc, ownHost, request, nil, 404, "Not Found"},
		{"another path", "POST", "/calc", ownHost, request, nil, 404, "invalid path"},
		{"a longer path", "POST", pathCalc + "/", ownHost, request, nil, 404, "invalid path"},
		{"a path round a corner", "POST", "/x/.." + pathCalc, ownHost, request, nil, 404, "invalid path"},
		{"nothing", "POST", pathCalc, ownHost, "", nil, 400, "empty body"},
		{"no text", "POST", pathCalc, ownHost, "\xff\xfe", nil, 400, "body is not a string"},
		{"five numbers", "POST", pathCalc, ownHost, "1,2,3,4,5", nil, 400, "input does not contain 6 elements"},
		{"seven numbers", "POST", pathCalc, ownHost, "1,2,3,4,5,6,7", nil, 400, "input does not contain 6 elements"},
		{"a broken side", "POST", pathCalc, ownHost, "1.5,2,3,4,5,6", nil, 400, "failed to parse int elements in input string"},
		{"a negative side", "POST", pathCalc, ownHost, "-1,2,3,4,5,6", nil, 400, "failed to parse int elements in input string"},
		{"a corner that is none", "POST", pathCalc, ownHost, "1,2,a,4,5,6", nil, 400, "failed to parse float elements in input string"},
		{"no pixels", "POST", pathCalc, ownHost, "0,80,-1.2,0.35,-1.0,0.2", nil, 400, "…at least 1 pixel"},
		{"100,000 pixels a side", "POST", pathCalc, ownHost, "100000,80,-1.2,0.35,-1.0,0.2", nil, 400, "…at most 8192"},
		{"an inverted view", "POST", pathCalc, ownHost, "10,8,-1.0,0.35,-1.2,0.2", nil, 400, "…inverted"},
		{"an empty view", "POST", pathCalc, ownHost, "10,8,-1.0,0.2,-1.0,0.2", nil, 400, "…inverted or empty"},
		{"no number", "POST", pathCalc, ownHost, "10,8,NaN,0.35,-1.0,0.2", nil, 400, "…not finite"},
		{"no end", "POST", pathCalc, ownHost, "10,8,-inf,0.35,-1.0,0.2", nil, 400, "…not finite"},
		{"an oversize body", "POST", pathCalc, ownHost, strings.Repeat("1", 513), nil, 413, "…at most 512 bytes"},
		{"an unknown strategy", "POST", pathCalc + "?strategy=hope", ownHost, request, nil, 400, "…unknown strategy \"hope\""},
		{"no copies", "POST", pathCalc + "?factor=0", ownHost, request, nil, 400, "…from 1 to 255"},
		{"copies without number", "POST", pathCalc + "?factor=many", ownHost, request, nil, 400, "…from 1 to 255"},
		{"more copies than nodes", "POST", pathCalc + "?factor=4", ownHost, request, nil, 503, "…have 3, need 4"},
		{"another strategy", "POST", pathCalc + "?strategy=reschedule", ownHost, request, nil, 200, ""},
		{"a foreign page", "POST", pathCalc, ownHost, request, []string{"Origin", "http://evil.example"}, 403, "…other sites"},
		{"a page without origin", "POST", pathCalc, ownHost, request, []string{"Origin", "null"}, 403, "…other sites"},
		{"a page of a name that points here", "POST", pathCalc, "evil.example", request, []string{"Origin", "http://evil.example"}, 403, "…other sites"},
		{"its own page", "POST", pathCalc, ownHost, request, []string{"Origin", "http://" + ownHost}, 200, ""},
		{"health", "GET", "/healthz", "", "", nil, 200, "ok"},
		{"health for a foreign page", "GET", "/healthz", "", "", []string{"Origin", "http://evil.example"}, 403, "…other sites"},
		{"health for its own page", "GET", "/healthz", d.addr, "", []string{"Origin", "http://" + d.addr}, 200, "ok"},
		{"health for a page by name", "GET", "/healthz", "localhost:1", "", []string{"Origin", "http://localhost:1"}, 200, "ok"},
		{"health by another method", "POST", "/healthz", "", "", nil, 404, "Not Found"},
	} {
		status, header, body := d.ask(c.method, c.target, c.host, c.body, c.header...)
		part, isPart := strings.CutPrefix(c.reply, "…")
		if status != c.status || !isPart && string(body) != c.reply || !strings.Contains(string(body), part) {
			t.Errorf("%s: %d %q, want %d %q", c.what, status, body, c.status, c.reply)
		}
		if kind := header.Get("Content-Type"); kind != "text/plain; charset=utf-8" {
			t.Errorf("%s: content type %q", c.what, kind)
		}
	}
}

func TestServer_takesTheListenAddressWhereThereIsNoHost(t *testing.T) {
	const post = "POST /calc_fractal HTTP/1.0\r\nContent-Length: 25\r\n\r\n" + request
	d := open(t, Config{}, &local{})
	if got := d.raw(post); !strings.Contains(got, "404") {
		t.Errorf("the answer is %q, want 404: the listen address is not the host", got)
	}
	s, err := New(Config{Address: "127.0.0.1:0", Host: "placeholder"}, &local{nodes: 5})
	if err != nil {
		t.Fatal(err)
	}
	addr, err := s.Listen(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.listener.Close() }()
	s.cfg.Host = addr.String()
	if !s.isHost("") || s.isHost(ownHost) {
		t.Error("a missing host is not taken for the listen address")
	}
}

func TestServer_servesAnyHostWhereItIsTold(t *testing.T) {
	d := open(t, Config{AnyHost: true}, &local{})
	if status, _, body := d.ask("POST", pathCalc, "whatever", request); status != statusOK {
		t.Errorf("%d %s, want 200", status, body)
	}
	if status, _, _ := d.ask("POST", pathCalc, "evil.example", request, "Origin", "http://evil.example"); status != http.StatusForbidden {
		t.Errorf("a page whose name points here: %d, want 403", status)
	}
}

func TestServer_saysWhyTheClusterRefused(t *testing.T) {
	for what, c := range map[string]struct {
		err    error
		status int
		reply  string
	}{
		"too few nodes": {Refusal{failover.TooFewNodes, 1, 2}, status503, "have 1, need 2"},
		"draining":      {Refusal{Reason: failover.Draining}, status503, "draining"},
		"wrapped":       {fmt.Errorf("node n1: %w", Refusal{failover.TooManyStreams, 64, 64}), status503, "have 64, need 64"},
		"store full":    {fmt.Errorf("%w: 16 of 16", store.ErrFull), status503, "16 of 16"},
		"the node ends": {ErrEnded, status503, "ask again"},
		"a used key":    {ErrKeyReused, http.StatusUnprocessableEntity, "other parameters"},
		"a fault":       {errors.New("no such function"), http.StatusInternalServerError, "no such function"},
	} {
		d := open(t, Config{}, &local{refuse: c.err})
		status, header, body := d.ask("POST", pathCalc, ownHost, request)
		if status != c.status || !strings.Contains(string(body), c.reply) {
			t.Errorf("%s: %d %q, want %d with %q", what, status, body, c.status, c.reply)
		}
		if again := header.Get("Retry-After") != ""; again != (status == status503) {
			t.Errorf("%s: asked to come again: %v", what, again)
		}
	}
}

func TestServer_doesNotWaitForeverForTheCluster(t *testing.T) {
	d := open(t, Config{SubmitTime: 20 * time.Millisecond}, &local{hold: make(chan struct{})})
	status, _, body := d.ask("POST", pathCalc, ownHost, request)
	if status != status503 || !strings.Contains(string(body), "20ms") {
		t.Errorf("%d %q, want 503 and the bound", status, body)
	}
	if c := d.Counters(); c.Refused != 1 {
		t.Errorf("counters %+v, want 1 refused", c)
	}
}

func TestServer_saysWhenAPictureDoesNotCome(t *testing.T) {
	for what, c := range map[string]struct {
		cluster *local
		status  int
		reply   string
	}{
		"a tile is lost":  {&local{lose: true}, http.StatusGatewayTimeout, "will be in the store"},
		"a tile's failed": {&local{fail: true}, http.StatusInternalServerError, "the function broke"},
	} {
		d := open(t, Config{}, c.cluster)
		status, _, body := d.ask("POST", pathCalc, ownHost, request, "Accept", "image/png")
		if status != c.status || !strings.Contains(string(body), c.reply) {
			t.Errorf("%s: %d %q, want %d with %q", what, status, body, c.status, c.reply)
		}
		if n := d.Counters(); n.Accepted != 1 || n.Broken != 1 {
			t.Errorf("%s: counters %+v, want it accepted and broken", what, n)
		}
	}
}

// TestServer_waitsLongerForAPictureThanForABody: net/http's time for reading ends requests that wait, if it is let.
func TestServer_waitsLongerForAPictureThanForABody(t *testing.T) {
	d := open(t, Config{HeaderTime: 30 * time.Millisecond, BodyTime: 50 * time.Millisecond}, &local{delay: 200 * time.Millisecond})
	status, _, body := d.ask("POST", pathCalc, ownHost, request, "Accept", "image/png")
	if status != statusOK {
		t.Errorf("%d %q, want the picture", status, body)
	}
}

func TestServer_boundsRequestsAtOnce(t *testing.T) {
	cluster := &local{hold: make(chan struct{})}
	d := open(t, Config{MaxRequests: 3, SubmitTime: time.Minute}, cluster)
	var waiting sync.WaitGroup
	for range 3 {
		waiting.Go(func() {
			if status, _, body, err := d.try("POST", pathCalc, ownHost, request); status != statusOK {
				t.Errorf("%d %q %v, want 200", status, body, err)
			}
		})
	}
	eventually(t, "three requests wait", func() bool { return len(d.requests) == 3 })
	status, _, body := d.ask("POST", pathCalc, ownHost, request)
	if status != status503 || !strings.Contains(string(body), "3 requests at once") {
		t.Errorf("%d %q, want 503 and the bound", status, body)
	}
	if status, _, body := d.ask("GET", "/healthz", "", ""); status != statusOK {
		t.Errorf("health is %d %q, want ok: the door is full, not ill", status, body)
	}
	close(cluster.hold)
	waiting.Wait()
}

func TestServer_castsWhereItIsAskedTo(t *testing.T) {
	cluster := &local{hold: make(chan struct{})}
	d := open(t, Config{}, cluster)
	status, _, body := d.ask("POST", pathCalc+"?async=true", ownHost, request)
	if status != statusOK || string(body) != "OK" {
		t.Errorf("%d %q, want 200 OK before the cluster has answered", status, body)
	}
	if status, _, body := d.ask("POST", pathCalc+"?async=true", ownHost, "nonsense"); status != http.StatusBadRequest {
		t.Errorf("%d %q for nonsense, want 400", status, body)
	}
	close(cluster.hold)
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	if n := len(cluster.seen()); n != 1 {
		t.Errorf("%d streams were submitted when the door had closed, want 1", n)
	}
}

// A cast was answered before it was submitted. Its time to be submitted in is longer than the door's to close.
func TestServer_endsThoughACastIsNotSubmitted(t *testing.T) {
	cluster := &local{hold: make(chan struct{})}
	d := open(t, Config{DrainTime: 20 * time.Millisecond, SubmitTime: time.Hour}, cluster)
	if status, _, body := d.ask("POST", pathCalc+"?async=true", ownHost, request); status != statusOK {
		t.Fatalf("%d %q, want 200", status, body)
	}
	ended := make(chan error, 1)
	go func() { ended <- d.stop() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		close(cluster.hold)
		t.Fatal("a door of 20 ms drain time is still open after 20 s")
	}
	if c := d.Counters(); c.Refused != 1 || c.Accepted != 0 {
		t.Errorf("counters %+v, want the cast refused", c)
	}
}

func TestServer_doesNotWaitForSlowClients(t *testing.T) {
	d := open(t, Config{HeaderTime: 50 * time.Millisecond, BodyTime: 100 * time.Millisecond, IdleTime: 50 * time.Millisecond}, &local{})
	head := "POST /calc_fractal HTTP/1.1\r\nHost: " + ownHost + "\r\n"
	for what, sent := range map[string]string{
		"nothing":         "",
		"half a line":     "POST /calc_fr",
		"half a header":   head + "X-Slow: 1",
		"half a body":     head + "Content-Length: 25\r\n\r\n120,96",
		"half a chunk":    head + "Transfer-Encoding: chunked\r\n\r\n19\r\n120,96",
		"one request, no": head + "Content-Length: 25\r\n\r\n" + request,
		"no HTTP":         "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	} {
		if got := d.raw(sent); strings.Contains(got, "200 OK") != (what == "one request, no") {
			t.Errorf("%s: the answer is %.80q", what, got)
		}
	}
	if got := d.raw(head + "Content-Length: 25\r\n\r\n120,96"); !strings.Contains(got, "408") {
		t.Errorf("half a body: the answer is %.80q, want 408", got)
	}
}

// TestServer_doesNotWaitForASlowReader: the picture is larger than what the kernel holds between the two, here 16 KiB.
func TestServer_doesNotWaitForASlowReader(t *testing.T) {
	const large = "600,480,-0.75,0.12,-0.73,0.10"
	d := open(t, Config{WriteTime: 50 * time.Millisecond}, &local{})
	small := func(c syscall.RawConn, option int) error {
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, option, 8<<10) })
	}
	raw, err := d.listener.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := small(raw, syscall.SO_SNDBUF); err != nil { // the connections inherit it
		t.Fatal(err)
	}
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error { return small(c, syscall.SO_RCVBUF) }}
	conn, err := dialer.Dial("tcp", d.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = fmt.Fprintf(conn, "POST /calc_fractal HTTP/1.1\r\nHost: %s\r\nAccept: image/png\r\nContent-Length: %d\r\n\r\n%s", ownHost, len(large), large)
	eventually(t, "the picture is on its way", func() bool { return d.accepted.Load() == 1 })
	eventually(t, "its place is free though nobody read it", func() bool { return len(d.requests) == 0 })
}

func TestServer_boundsHeadersAndBodies(t *testing.T) {
	d := open(t, Config{BodyTime: 500 * time.Millisecond}, &local{})
	head := "POST /calc_fractal HTTP/1.1\r\nHost: " + ownHost + "\r\n"
	if got := d.raw(head + "X-Long: " + strings.Repeat("x", 64<<10) + "\r\n\r\n"); got != "" && !strings.Contains(got, "431") {
		t.Errorf("a header of 64 KiB: %.80q, want 431", got)
	}
	endless := head + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("400\r\n"+strings.Repeat("1", 0x400)+"\r\n", 4)
	if got := d.raw(endless); !strings.Contains(got, "413") {
		t.Errorf("a body without end: %.80q, want 413", got)
	}
}

func TestServer_boundsItsConnections(t *testing.T) {
	d := open(t, Config{MaxConns: 2}, &local{})
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", d.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		return conn
	}
	first, second := dial(), dial()
	eventually(t, "two connections are counted", func() bool { return d.http.Conns() == 2 })
	if _, err := dial().Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a third connection: %v, want it closed", err)
	}
	_ = first.Close()
	eventually(t, "there is room again", func() bool { return d.http.Conns() < 2 })
	if status, _, _ := d.ask("GET", "/healthz", "", ""); status != statusOK {
		t.Errorf("health is %d with room for one, want 200", status)
	}
	_, _ = io.WriteString(second, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	if line, err := bufio.NewReader(second).ReadString('\n'); !strings.Contains(line, "200") {
		t.Errorf("the connection that was there before: %q, %v, want 200", line, err)
	}
	if c := d.Counters(); c.Turned != 1 {
		t.Errorf("counters %+v, want 1 turned away", c)
	}
}

func TestServer_finishesWhatIsUnderWayWhenItEnds(t *testing.T) {
	cluster := &local{hold: make(chan struct{})}
	d := open(t, Config{DrainTime: 10 * time.Second}, cluster)
	answered := make(chan int, 1)
	go func() {
		status, _, _, _ := d.try("POST", pathCalc, ownHost, request)
		answered <- status
	}()
	eventually(t, "the request is under way", func() bool { return len(d.requests) == 1 })
	stopped := make(chan error, 1)
	go func() { stopped <- d.stop() }()
	eventually(t, "the door is closed", func() bool {
		conn, err := net.Dial("tcp", d.addr)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	close(cluster.hold)
	if status := <-answered; status != statusOK {
		t.Errorf("the request under way got %d, want 200", status)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestServer_endsThoughARequestDoesNot(t *testing.T) {
	cluster := &local{hold: make(chan struct{})}
	d := open(t, Config{DrainTime: 20 * time.Millisecond, SubmitTime: time.Minute}, cluster)
	answered := make(chan error, 1)
	go func() {
		_, _, _, err := d.try("POST", pathCalc, ownHost, request)
		answered <- err
	}()
	eventually(t, "the request is under way", func() bool { return len(d.requests) == 1 })
	if err := d.stop(); err != nil {
		t.Error(err)
	}
	if err := <-answered; err == nil {
		t.Error("a request that was cut off was answered")
	}
	eventually(t, "its place is free", func() bool { return len(d.requests) == 0 })
}

func TestListen_keepsToLoopbackUnlessTold(t *testing.T) {
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0"} {
		s, err := New(Config{Address: addr}, &local{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Listen(context.Background()); !errors.Is(err, ErrExposed) {
			t.Errorf("Listen on %s = %v, want ErrExposed", addr, err)
		}
		if err := s.Run(context.Background()); !errors.Is(err, ErrExposed) {
			t.Errorf("Run on %s = %v, want ErrExposed", addr, err)
		}
	}
	s, err := New(Config{Address: "0.0.0.0:0", Remote: true}, &local{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Listen(context.Background()); err != nil {
		t.Errorf("Listen with Remote = %v, want it allowed", err)
	}
	_ = s.listener.Close()
}

func TestListen_saysThatThePortIsTaken(t *testing.T) {
	d := open(t, Config{}, &local{})
	s, err := New(Config{Address: d.addr}, &local{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Listen(context.Background()); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), d.addr) {
		t.Errorf("Listen = %v, want ErrInUse that names %s", err, d.addr)
	}
}

func TestNew_knowsItsPalettes(t *testing.T) {
	if _, err := New(Config{Palette: "beige"}, &local{}); !errors.Is(err, render.ErrUnknownPalette) {
		t.Errorf("New with an unknown palette = %v, want ErrUnknownPalette", err)
	}
}

func TestSmooth_keepsToTheBoundOnSamples(t *testing.T) {
	for body, supersample := range map[string]int{theCurl: 2, "2800,2800,-2,1.5,1,-1.5": 1} {
		view, err := fractal.ParseRequest([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		p := smooth(fractal.Params{Kind: fractal.Mandelbrot, View: view, Supersample: 1, Iterations: 255})
		if err := p.Check(); err != nil || p.Supersample != supersample {
			t.Errorf("%s: %d samples a side, %v; want %d", body, p.Supersample, err, supersample)
		}
	}
}

// FuzzServer sends bodies and queries: the answer is one of those that are meant, and a stream that was submitted is
// one that can be computed.
func FuzzServer(f *testing.F) {
	for _, body := range []string{request, theCurl, "", "1,2,3", "1,1,nan,1,1,1", "0,0,0,0,0,0", "1,1,-1e308,1e308,1e308,-1e308", "\xff"} {
		f.Add(body, "")
	}
	f.Add(request, "factor=2&strategy=standby&async=true")
	cluster := &noted{}
	s, err := New(Config{}, cluster)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body, query string) {
		cluster.stream = nil
		r, err := http.NewRequest("POST", "http://"+ownHost+pathCalc, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.URL.RawQuery = query
		w := &recorder{header: http.Header{}}
		s.serve(w, r)
		s.casts.Wait()
		switch w.status {
		case 200, 400, 413:
		default:
			t.Errorf("%d %q for %q", w.status, w.body.String(), body)
		}
		if (w.status == 200) != (cluster.stream != nil) {
			t.Errorf("%d, and a stream submitted: %v", w.status, cluster.stream != nil)
		}
		if cluster.stream == nil {
			return
		}
		if _, err := (fractal.Function{}).Split(cluster.stream.Params, 0, cluster.stream.Tiles-1, cluster.stream.Tiles, nil); err != nil {
			t.Errorf("accepted %q, which cannot be split: %v", body, err)
		}
	})
}

// noted is a cluster that takes every stream and computes none.
type noted struct{ stream *work.Stream }

func (n *noted) Request(_ context.Context, stream work.Stream) (<-chan Result, error) {
	n.stream = &stream
	return nil, nil
}

// recorder keeps a reply.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

func TestServer_saysWhichNodeAnswers(t *testing.T) {
	d := open(t, Config{Name: "n3"}, &local{})
	for _, host := range []string{ownHost, "elsewhere"} { // whatever the answer
		if status, header, _ := d.ask("POST", pathCalc, host, request); header.Get(NodeHeader) != "n3" {
			t.Errorf("a reply of %d to %s has the headers %v, want %s: n3", status, host, header, NodeHeader)
		}
	}
	if _, header, _ := open(t, Config{}, &local{}).ask("POST", pathCalc, ownHost, request); header.Values(NodeHeader) != nil {
		t.Errorf("a door without a name answers with %v, want no %s", header, NodeHeader)
	}
}
