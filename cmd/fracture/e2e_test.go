package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"image/png"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"fracture/chaos/meter"
)

// The claims of README, on real processes of the real program. Nothing here is judged by the clock: order, counts and
// bounds are.

func TestE2E_nothingOutlivesAKilledLab(t *testing.T) {
	h := newHouse(t)
	lab := h.startLab(5)
	if nodes := h.nodes(lab); len(nodes) != 5 {
		t.Fatalf("the lab has the nodes %v, want five", nodes)
	}
	if dirs := h.dirs(); len(dirs) != 1 {
		t.Fatalf("a lab has the directories %v, want one", dirs)
	}
	lab.signal(syscall.SIGKILL)
	lab.wantExit(-1)
	h.awaitNobody()
	h.wantNothingLeft()
}

// What sweeps behind a killed lab may have been killed before it. Then the next lab does.
func TestE2E_aLabSweepsBehindADeadOne(t *testing.T) {
	h := newHouse(t)
	lab := h.startLab(2)
	nodes := h.nodes(lab)
	for _, pid := range h.childrenOf(lab.cmd.Process.Pid) {
		if !slices.Contains(slices.Collect(maps.Values(nodes)), pid) {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	lab.signal(syscall.SIGKILL)
	lab.wantExit(-1)
	h.awaitNobody()

	left := h.dirs()
	if len(left) != 1 {
		t.Fatalf("a killed lab and its killed sweeper leave %v, want its directory", left)
	}
	next := h.startLab(2)
	if now := h.dirs(); len(now) != 1 || now[0] == left[0] {
		t.Errorf("beside the next lab there is %v, want its own directory alone", now)
	}
	next.endBy(syscall.SIGTERM)
	h.wantNothingLeft()
}

func TestE2E_theScreenBreaksAndRevivesANode(t *testing.T) {
	h := newHouse(t)
	s := h.openTerminal()
	s.run(labArgs()...)

	// The row of a node begins with its key; elsewhere names stand without one.
	wantDrawn(t, s.await(`5 alive`, `1 \S n1 +alive`, `2 \S n2 +alive`, `3 \S n3 +alive`, `4 \S n4 +alive`, `5 \S n5 +alive`, `frame \d+`))
	if s.is("alternate_on") != "1" {
		t.Error("the screen is drawn over what the shell has written, want the alternate one")
	}
	s.awaitFrames(90) // a fault before the screen has learned when results are due is not measured

	s.press("1", "x")
	s.await(`1 \S n1 +dead`, `4 alive . 1 dead`, `n1 killed`, `ms of downtime|cannot tell`)
	if n := len(h.working()); n != 5 {
		t.Errorf("%d processes run after a kill, want the lab and four nodes", n)
	}
	s.awaitFrames(5)
	s.await(`1 \S n1 +dead`)

	s.press("r")
	s.await(`1 \S n1 +alive`, `5 alive`)
	s.awaitFrames(60)
	h.wantOneReset("n1")

	s.quit()
	h.wantNothingLeft()
	for variable, want := range map[string]string{"alternate_on": "0", "cursor_flag": "1", "mouse_any_flag": "0", "keypad_flag": "0"} {
		if got := s.is(variable); got != want {
			t.Errorf("after the lab the terminal's %s is %s, want %s", variable, got, want)
		}
	}
	s.press("echo back:$((6*7))", "Enter")
	s.await(`(?m)^back:42`)
}

// wantOneReset checks in the logs of a lab whose node was killed and revived once that it has rejoined for good: a link to
// it broke once, and none of its own did. Silence does not count: on a busy machine it is of any node at any time.
func (h *house) wantOneReset(killed string) {
	h.t.Helper()
	for _, dir := range h.dirs() {
		for i := 1; i <= 5; i++ {
			name := nodeName(i)
			log, err := os.ReadFile(filepath.Join(dir, "logs", name+".log"))
			if err != nil {
				h.t.Fatal(err)
			}
			resets := regexp.MustCompile(name+` misses n\d \(reset\)`).FindAllString(string(log), -1)
			joins := strings.Count(string(log), "msg=joined")
			switch {
			case name == killed && (len(resets) != 0 || joins != 2):
				h.t.Errorf("the revived %s: %d starts in its log, and %v; want 2, and no broken link", name, joins, resets)
			case name != killed && (len(resets) > 1 || joins != 1):
				h.t.Errorf("%s: %d starts in its log, and %v; want 1, and no more than the one broken link", name, joins, resets)
			}
		}
	}
}

// `fracture lab --help` says that without a terminal it prints lines until it is interrupted: that is its end, and no
// failure.
func TestE2E_linesWhereNothingCanBeDrawn(t *testing.T) {
	t.Run("pipe", func(t *testing.T) {
		h := newHouse(t)
		lab := h.start(labArgs()...)
		lab.awaitAlive(5)
		lab.signal(syscall.SIGINT)
		wantLines(t, lab, "line mode (the output is no terminal)\n")
		h.wantNothingLeft()
	})
	t.Run("dumb terminal", func(t *testing.T) {
		h := newHouse(t)
		lab, person := h.startOnTerminal("dumb", labArgs()...)
		lab.awaitAlive(5)
		if _, err := person.WriteString("\x03"); err != nil { // ctrl-c
			t.Fatal(err)
		}
		wantLines(t, lab, "line mode (TERM is dumb)\r\n")
		h.wantNothingLeft()
	})
}

// wantLines checks the end of a lab that was interrupted, and what it has printed.
func wantLines(t *testing.T, lab *process, first string) {
	t.Helper()
	lab.wantExit(exitHeld)
	if out := lab.out.String(); !strings.HasPrefix(out, first) || strings.Contains(out, "\x1b") {
		t.Errorf("the output is %q, want lines without escapes, the first of them %q", out, first)
	}
	if errs := lab.errs.String(); errs != "" {
		t.Errorf("stderr says %q, want nothing", errs)
	}
}

// summary is what a line of that label says.
type summary struct{ frame, lost int }

// summaries reads those of a plain lab.
func (p *process) summaries() []summary {
	line := regexp.MustCompile(`(?m)^summary .*; frame (\d+); .* lost (\d+);`)
	var all []summary
	for _, found := range line.FindAllStringSubmatch(p.out.String(), -1) {
		frame, _ := strconv.Atoi(found[1]) // digits, by the pattern
		lost, _ := strconv.Atoi(found[2])
		all = append(all, summary{frame, lost})
	}
	return all
}

// awaitGoingOn waits until, from now on, the frame has risen from each of some summaries to the next, and nothing was lost
// between them. A machine that is busy may lose something before: that is its doing.
func (p *process) awaitGoingOn(when string) {
	p.t.Helper()
	before := len(p.summaries()) + 1 // the next one may tell of the time before
	await(p.t, "summaries that tell of later and later frames, and of no loss, "+when, func() bool {
		rose := 0 // times in a row
		all := p.summaries()
		for i := before + 1; i < len(all) && rose < 3; i++ {
			rose++
			if all[i].frame <= all[i-1].frame || all[i].lost != all[i-1].lost {
				rose = 0
			}
		}
		return rose == 3
	}, p.said)
}

func TestE2E_theStoreMayDieAndComesBackWhole(t *testing.T) {
	h := newHouse(t)
	redis := h.startRedis()
	drawn := func(value string) bool { return value != "" }
	lab := h.startLab(5, "--redis", redis.url(), "--fps", "10", "--probe", "50ms") // what the machine can do is not tested
	redis.awaitKey("i=1", drawn, lab.said)

	redis.process.kill()
	lab.awaitGoingOn("without a store")

	redis.start() // with nothing in it
	redis.awaitKey("i=1", drawn, lab.said)
	lab.awaitGoingOn("with the store back")

	lab.endBy(syscall.SIGINT)
	h.wantNothingLeft()
}

func TestE2E_sorrySaysWhatAndWhere(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for _, c := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"store away", labArgs("--redis", "redis://user:secretpw@127.0.0.1:1/0"), exitEnvironment, []string{"127.0.0.1:1"}},
		{"too few nodes", labArgs("--nodes", "3", "--factor", "4"), exitUsage, []string{"--nodes 3", "--factor 4"}},
		{"port taken", labArgs("--http", taken.Addr().String()), exitEnvironment, []string{port, "in use", strconv.Itoa(os.Getpid())}},
		{"short request", []string{"view", "1000,800"}, exitUsage, []string{"1000,800", "6 elements"}},
		{"no lab", []string{"view", aView}, exitEnvironment, []string{"no running lab", "--local"}},
		{"no lab to guard", []string{"guard"}, exitEnvironment, []string{"no running lab", "--cluster"}},
		{"unknown strategy", []string{"guard", "pray"}, exitUsage, []string{"pray", "failfast expendable reschedule standby hedge active vote"}},
		{"unsuited factor", []string{"guard", "vote", "--factor", "2"}, exitUsage, []string{"--factor 2", "vote takes 3 to 4 copies"}},
		{"factor of nothing", []string{"guard", "--factor", "2"}, exitUsage, []string{"--factor 2", "STRATEGY"}},
		{"no id", []string{"guard", "vote", "--stream", "picture"}, exitUsage, []string{"--stream", "hexadecimal"}},
		{"control API for all", labArgs("--control", "0.0.0.0:0"), exitUsage, []string{"--control 0.0.0.0:0", "ssh -L"}},
		{"control API taken", labArgs("--plain", "--control", taken.Addr().String()), exitEnvironment, []string{"--control", port, "in use"}},
		{"nothing may break", labArgs("--max-percent", "0"), exitUsage, []string{"--max-percent 0", "1 to 100"}},
		{"more than there are", labArgs("--nodes", "3", "--max-nodes", "4"), exitUsage, []string{"--max-nodes 4", "--nodes, 3"}},
		{"too many zones", labArgs("--nodes", "3", "--zones", "4"), exitUsage, []string{"--zones 4", "--nodes, 3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			p := h.start(c.args...)
			p.wantRefusal(c.code, c.says...)
			if said := p.said(); strings.Contains(said, "secretpw") {
				t.Errorf("the password is printed: %q", said)
			}
			if p.out.String() != "" {
				t.Errorf("stdout says %q, want nothing", p.out.String())
			}
			h.wantNothingLeft()
		})
	}
}

func TestE2E_aRunningLabDrawsOnePicture(t *testing.T) {
	h := newHouse(t)
	door := freeAddress(t)
	lab := h.startLab(5, "--http", door)

	const request = "200,160,-1.2,0.35,-1.0,0.2"
	if body := post(t, door, request, ""); len(body) != 0 {
		t.Errorf("the reply has %d bytes, want none, as the original's", len(body))
	}
	wantPicture(t, "the reply", post(t, door, request, "image/png"))

	path := filepath.Join(h.runtime, "out.png")
	h.start("view", request, "--png", path).wantExit(exitHeld)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wantPicture(t, "view's file", file)

	lab.endBy(syscall.SIGINT)
	h.wantNothingLeft()
}

// post asks a front door as the original's users do, and answers with the body of the reply.
func post(t *testing.T, door, request, accept string) []byte {
	t.Helper()
	header := []string{"Content-Type", "application/x-www-form-urlencoded"} // as curl -d does
	if accept != "" {
		header = append(header, "Accept", accept)
	}
	a := ask(t, door, request, header...)
	if status := <-a.status; status != http.StatusOK {
		t.Fatalf("the door answers %d: %q", status, a.body.String())
	}
	if accept != "" && a.kind != accept {
		t.Errorf("the reply is %q, want %q", a.kind, accept)
	}
	return a.body.Bytes()
}

// wantPicture checks that raw is a PNG of 200×160 with more than one colour.
func wantPicture(t *testing.T, what string, raw []byte) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%s: %v in %d bytes, want a PNG", what, err, len(raw))
	}
	if size := img.Bounds().Size(); size.X != 200 || size.Y != 160 {
		t.Errorf("%s is of %v, want 200×160", what, size)
	}
	first := img.At(0, 0)
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if img.At(x, y) != first {
				return
			}
		}
	}
	t.Errorf("%s has one colour, want a picture", what)
}

func TestE2E_runPrintsOneObject(t *testing.T) {
	h := newHouse(t)
	p := h.start("run", "--role", "owner", "--trials", "1", "--controls", "1", "--load", "idle",
		"--calm", "1s", "--window", "200ms", "--grace", "500ms", "--rss-ballast", "80MiB", "--json")
	code := p.end()
	var whole map[string]json.RawMessage
	decoder := json.NewDecoder(strings.NewReader(p.out.String()))
	if err := decoder.Decode(&whole); err != nil {
		t.Fatalf("%v in %q, want a JSON object; exit %d, stderr:\n%s", err, p.out.String(), code, p.errs.String())
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		t.Errorf("after the object comes %v, want the end", err)
	}
	wantFields(t, "the report", whole, "seed", "strategy", "load", "nodes", "rows", "verdict")

	var report struct {
		Nodes   int
		Load    string
		Verdict meter.Verdict
		Rows    []map[string]json.RawMessage

		Scheduler string
		RSS       float64 `json:"rss_max_mib"`
		Ballast   float64 `json:"rss_ballast_mib"`
	}
	if err := json.Unmarshal([]byte(p.out.String()), &report); err != nil {
		t.Fatal(err)
	}
	if report.Nodes != 5 || report.Load != "idle" || len(report.Rows) != 1 {
		t.Fatalf("the report is of %d nodes under load %s with %d rows; want 5, idle, and the kills' row",
			report.Nodes, report.Load, len(report.Rows))
	}
	// A node without ballast stays far below 80 MiB.
	if report.Ballast != 80 || report.RSS < 80 {
		t.Errorf("the report tells of %v MiB of ballast and an RSS of %v; want 80, and more", report.Ballast, report.RSS)
	}
	// Which classes are allowed is the machine's to say; what is in force is told.
	if !regexp.MustCompile(`^beats \w+.* -?\d+, workers other nice \d+$`).MatchString(report.Scheduler) {
		t.Errorf("the report tells the scheduling as %q, want that of beats and of workers", report.Scheduler)
	}
	// How fast it was is not for a test to judge: held, broken and too little traffic are all fair, and so are lost results.
	if !slices.Contains([]int{exitHeld, exitBroken, exitThin}, code) || code != report.Verdict.ExitCode() {
		t.Errorf("exit %d with the verdict %q:\n%s", code, report.Verdict, p.errs.String())
	}
	row := report.Rows[0]
	wantFields(t, "the row", row, "component", "fault", "n", "counted", "downtime_ms", "gap_ms", "lost", "duplicates", "wrong",
		"needless_takeovers_per_min", "signals")
	for field, want := range map[string]string{"component": `"owner"`, "fault": `"kill"`, "duplicates": "0", "wrong": "0"} {
		if got := string(row[field]); got != want {
			t.Errorf("the row's %s is %s, want %s", field, got, want)
		}
	}
	if n := string(row["n"]); n != "1" && !(n == "2" && string(row["stalled"]) != "0") { // the machine may have spoilt one
		t.Errorf("the row has %s trials, %s of them spoilt by the machine; want one, and one in place of that", n, row["stalled"])
	}
	var spread map[string]json.RawMessage
	if err := json.Unmarshal(row["downtime_ms"], &spread); err != nil {
		t.Fatal(err)
	}
	wantFields(t, "downtime_ms", spread, "p50", "p90", "p99", "max")
	h.wantNothingLeft()
}

// wantFields checks that an object has all fields named.
func wantFields(t *testing.T, what string, object map[string]json.RawMessage, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, ok := object[name]; !ok {
			t.Errorf("%s has no field %s", what, name)
		}
	}
}
