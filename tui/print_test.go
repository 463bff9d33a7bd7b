package tui

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"fracture/render"
)

// printed is what the line mode writes of three seconds with a kill and a freeze.
func printed(t *testing.T, asJSON bool) *bytes.Buffer {
	t.Helper()
	var out bytes.Buffer
	f := newFake(5)
	p := newPrinter(Options{Out: &out, JSON: asJSON, Anchor: Anchor{At: fakeStart, Wall: fakeWall}, Period: fakePeriod}.withDefaults())
	for at := fakeStart; at <= fakeStart.Add(3*time.Second); at = at.Add(printEvery) {
		switch at.Sub(fakeStart) {
		case time.Second:
			must(t, f.Kill(t.Context(), "n3", false))
		case 2 * time.Second:
			f.reschedule = true
			must(t, f.Freeze(t.Context(), "n2", false))
			f.news.Events = append(f.news.Events, eventOf(at, "n\x1b[2J", "join", "a\nb\u009bc"))
		}
		must(t, p.print(f.Collect(at)))
	}
	if bytes.ContainsAny(out.Bytes(), "\x1b\r") || strings.ContainsRune(out.String(), '\u009b') {
		t.Error("the line mode wrote control characters")
	}
	return &out
}

func TestPrint_writesALineAnEventAndASummaryASecond(t *testing.T) {
	golden(t, "plain", printed(t, false).String())
}

func TestPrint_writesTheSameAsObjects(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(printed(t, false).String()), "\n")
	objects := strings.Split(strings.TrimSpace(printed(t, true).String()), "\n")
	if len(objects) != len(lines) {
		t.Fatalf("%d objects and %d lines of the same", len(objects), len(lines))
	}
	for i, text := range objects {
		var o struct {
			Kind string
			At   time.Time
		}
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if said := strings.Fields(lines[i]); o.Kind != said[0] || o.At.Format("15:04:05.000") != said[1] {
			t.Errorf("line %d is %s at %v, want as in %q", i, o.Kind, o.At, lines[i])
		}
	}
	golden(t, "json", strings.Join(objects, "\n")+"\n")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fullPipe refuses every write.
type fullPipe struct{}

var errFull = errors.New("nobody reads")

func (fullPipe) Write([]byte) (int, error) { return 0, errFull }

func TestPrint_endsWithItsContextOrItsReader(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Print(ctx, Options{Out: &bytes.Buffer{}}, &Broker{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Print after the end of its context = %v, want %v", err, context.Canceled)
	}
	if err := Print(t.Context(), Options{Out: fullPipe{}}, newFake(2)); !errors.Is(err, errFull) {
		t.Errorf("Print into a pipe that nobody reads = %v, want %v", err, errFull)
	}
}

func TestBroker_keepsTheNewestTileAndABoundedNumberOfEvents(t *testing.T) {
	var b Broker
	for _, frame := range []uint64{3, 5, 4, 5} {
		b.Tile(Tile{Index: 7, Frame: frame, Owner: "n1"})
	}
	for range MaxEvents + 3 {
		b.Event(eventOf(1, "n1", "lead", "x"))
	}
	for i := range uint32(MaxTiles + 2) {
		b.Tile(Tile{Index: i})
	}
	b.Nodes([]Node{{}})
	b.Totals(Totals{Results: 1})
	b.Latency(Latency{N: 1})
	b.Incident(Incident{Node: "n1"})
	n := b.Collect(42)
	if n.Tiles[0].Frame != 5 || len(n.Tiles) != MaxTiles || len(n.Events) != MaxEvents || n.Missed != 3+2 {
		t.Errorf("frame %d, %d tiles, %d events, %d missed; want 5, %d, %d, 5",
			n.Tiles[0].Frame, len(n.Tiles), len(n.Events), n.Missed, MaxTiles, MaxEvents)
	}
	if n.Now != 42 || n.Nodes == nil || n.Totals == nil || n.Latency == nil || n.Incident == nil {
		t.Errorf("the batch lacks something: %+v", n)
	}
	if n := b.Collect(43); n.Tiles != nil || n.Events != nil || n.Nodes != nil || n.Missed != 0 {
		t.Errorf("the next batch is not empty: %+v", n)
	}
	b.Tile(Tile{Index: 7, Frame: 1})
	if n := b.Collect(44); len(n.Tiles) != 1 {
		t.Errorf("after a batch a tile of a lower frame is dropped")
	}
}

func TestParseDepth_readsNamesAndTheEnvironment(t *testing.T) {
	for name, want := range map[string]render.Depth{
		"truecolor": render.TrueColor, "256": render.Colors256, "16": render.Colors16, "none": render.ASCII,
	} {
		if got, err := ParseDepth(name, []string{"NO_COLOR=1"}); got != want || err != nil {
			t.Errorf("ParseDepth(%q) = %v, %v; want %v", name, got, err, want)
		}
	}
	if _, err := ParseDepth("many", nil); !errors.Is(err, ErrUnknownDepth) {
		t.Errorf("ParseDepth(many) = %v, want %v", err, ErrUnknownDepth)
	}
	const tmux = "TMUX=/tmp/tmux-0/default,1,0"
	for _, c := range []struct {
		env      []string
		features string
		want     render.Depth
	}{
		{[]string{"TERM=xterm-256color", "COLORTERM=truecolor"}, "", render.TrueColor},
		{[]string{"TERM=xterm-256color"}, "", render.Colors256},
		{[]string{"TERM=xterm"}, "", render.Colors16},
		{[]string{"TERM=dumb"}, "", render.ASCII},
		{nil, "", render.ASCII},
		{[]string{"TERM=xterm-256color", "COLORTERM=truecolor", "NO_COLOR=yes"}, "", render.ASCII},
		{[]string{"TERM=xterm-256color", "COLORTERM=truecolor", "NO_COLOR="}, "", render.TrueColor},
		{[]string{"TERM=tmux-256color", "COLORTERM=truecolor", tmux}, "256,mouse,RGB,title\n", render.TrueColor},
		{[]string{"TERM=tmux-256color", tmux}, "256,mouse,title\n", render.Colors256},
		{[]string{"TERM=tmux-256color", tmux}, "", render.Colors256},
		{[]string{"TERM=tmux-256color"}, "RGB", render.Colors256},
	} {
		if got := detectDepth(c.env, func() string { return c.features }); got != c.want {
			t.Errorf("with %q and tmux saying %q the depth is %v, want %v", c.env, c.features, got, c.want)
		}
	}
}

func TestPrint_saysWhatTheStreamPromisesAndWhatIsAmiss(t *testing.T) {
	var out bytes.Buffer
	p := newPrinter(Options{Out: &out, Anchor: Anchor{At: fakeStart, Wall: fakeWall}}.withDefaults())
	must(t, p.print(News{Now: fakeStart, Stream: &Stream{Tiles: 6, Period: 50 * time.Millisecond, Strategy: "standby", Factor: 2}}))
	node := Node{State: Alive}
	node.Name, node.StoreAway = "n1", 3.2
	must(t, p.print(News{Now: fakeStart.Add(summaryEvery), Nodes: []Node{node}, Totals: &Totals{Lost: 5, Unmeasured: 5}}))
	for _, want := range []string{
		"6 tiles every 50.0 ms, strategy standby ×2", "5 results came and were not measured", "store away for 3 s",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the lines do not say %q:\n%s", want, out.String())
		}
	}
}
