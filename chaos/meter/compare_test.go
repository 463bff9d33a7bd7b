package meter

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// someComparison has figures of every size, and a strategy of which one fault was not measured.
func someComparison() *Comparison {
	row := func(c Component, k Kind, n int, p50, p99 float64, lost int) Row {
		return Row{Component: c, Fault: k, N: n, Counted: n, Downtime: Spread{P50: p50, P90: (p50 + p99) / 2, P99: p99, Max: p99}, Lost: lost}
	}
	c := &Comparison{
		Seed: 7, Load: "half", Nodes: 5, CalmSpan: 3, Window: 1, Grace: 1, CostSpan: 5, Cores: 2, Scheduler: "workers other nice 10",
		Versions: Versions{Fracture: "1.0", Go: "go1.26", System: "linux/amd64", Machine: "a machine"},
		Started:  "2026-11-26T00:00:00Z", Took: 321, Whole: true,
		Strategies: []Compared{
			{Strategy: "standby", Factor: 2, Cost: Cost{Results: 16100, CPU: 0.31, Messages: 5.9, Bytes: 12000, Runs: 1.01, Thrown: 0.02, RSS: 24.5},
				Rows: []Row{row(Owner, Kill, 10, 0.4, 4.1, 0), row(Owner, Freeze, 10, 8.2, 14.9, 0)}},
			{Strategy: "expendable", Factor: 1, Cost: Cost{Results: 16100, CPU: 0.24, Messages: 3.1, Bytes: 6100, Runs: 1, RSS: 22},
				Rows: []Row{row(Owner, Kill, 10, 900, 2000, 41), row(Owner, Freeze, 0, 0, 0, 0)}, Note: "what a fault loses is dropped"},
			{Strategy: "active", Factor: 2, Cost: Cost{Results: 16100, CPU: 0.52, Messages: 8.8, Bytes: 14000, Runs: 2, Thrown: 1.1, RSS: 25.1},
				Rows: []Row{row(Owner, Kill, 10, 0, 0.3, 0), row(Owner, Freeze, 10, 0, 0.6, 0)}},
		},
	}
	c.Strategies[2].Rows[1].Wrong = 6120
	return c
}

var writeAnew = flag.Bool("update-compare", false, "write the comparison's golden files anew; look at them")

func TestComparison_isWrittenForPeopleAndDrawn(t *testing.T) {
	c := someComparison()
	for name, write := range map[string]func(io.Writer) error{"compare.txt": c.WriteText, "compare.svg": c.WriteSVG} {
		var got bytes.Buffer
		if err := write(&got); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name)
		if *writeAnew {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s is now:\n%s", name, got.String())
		}
	}
}

func TestComparison_isDrawnAsXMLWithAMarkForWhatWasMeasured(t *testing.T) {
	c := someComparison()
	var b bytes.Buffer
	if err := c.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(&b); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the drawing is not XML: %v", err)
		}
	}
	b.Reset()
	_ = c.WriteSVG(&b)
	if marks := strings.Count(b.String(), "for each result</title>"); marks != 5 {
		t.Errorf("%d marks, want one for each of the five faults that were tried", marks)
	}
}

func TestComparison_ofNothingIsStillAnObject(t *testing.T) {
	var b bytes.Buffer
	if err := new(Comparison).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var back Comparison
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || back.Strategies == nil {
		t.Errorf("%s: %v", b.String(), err)
	}
	for _, write := range []func(io.Writer) error{new(Comparison).WriteText, new(Comparison).WriteSVG} {
		if err := write(io.Discard); err != nil {
			t.Error(err)
		}
	}
}

func TestChart_putsWhatItIsToldInsideThePlot(t *testing.T) {
	ch := someComparison().chart()
	for _, ms := range []float64{0, 0.1, 1, 10, 2000} {
		if y := ch.y(ms); y < plotTop || y > plotBottom {
			t.Errorf("%v ms lies at %v, outside of the plot", ms, y)
		}
	}
	if ch.y(1) <= ch.y(10) {
		t.Error("more downtime does not lie higher")
	}
	for _, x := range []struct{ in, want float64 }{{0.9, 1}, {1, 1}, {1.1, 2}, {2.1, 5}, {51, 100}, {0.06, 0.1}} {
		if got := niceCeiling(x.in); got != x.want {
			t.Errorf("niceCeiling(%v) = %v, want %v", x.in, got, x.want)
		}
	}
}
