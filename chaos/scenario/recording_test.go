package scenario

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func ExampleRecording() {
	r := Recording{Title: "by hand", Cluster: Cluster{Nodes: 5, Strategy: "standby"}, Faults: []Strike{
		{At: 1203 * time.Millisecond, Fault: Fault{Kind: "kill", For: 2 * time.Second, Flags: []Flag{{"node", []string{"n3"}}}}},
		{At: 2 * time.Second, Fault: Fault{Kind: "loss", For: time.Second, Flags: []Flag{{"node", []string{"n1", "n2"}}, {"share", []string{"20%"}}}}},
	}}
	_, _ = os.Stdout.Write(r.YAML()) // to the standard output
	// Output:
	// title: by hand
	// nodes: 5
	// strategy: standby
	//
	// faults:
	//   - {fault: kill, at: 1.203s, for: 2s, node: n3}
	//   - {fault: loss, at: 2s, for: 1s, node: [n1, n2], share: 20%}
}

// struck is a fault at one node.
func struck(at time.Duration, kind string, last time.Duration, node string, more ...Flag) Strike {
	return Strike{At: at, Fault: Fault{Kind: kind, For: last, Flags: append([]Flag{{"node", []string{node}}}, more...)}}
}

// storeStruck is a fault at the store's own process.
func storeStruck(at time.Duration, kind string, last time.Duration) Strike {
	return Strike{At: at, Fault: Fault{Kind: kind, For: last, Flags: []Flag{{"role", []string{"server"}}}}}
}

func TestRecording_isReadAsWhatWasDone(t *testing.T) {
	const ms = time.Millisecond
	done := []Strike{
		struck(0, "freeze", 1500*ms, "n1"),
		struck(250*ms, "loss", 2*time.Second, "n2", Flag{"share", []string{"every(7)"}}, Flag{"inward", nil}, Flag{"peer", []string{"n3"}}),
		struck(1500*ms, "kill", time.Minute+2500*ms, "n1", Flag{"signal", []string{"TERM"}}),
		struck(1500*ms, "restart", 0, "n2"),
		struck(1600*ms, "slow", 300*ms, "n3", Flag{"times", []string{"10"}}),
		struck(1700*ms, "fail", 300*ms, "n3", Flag{"terms", []string{`5%return("a, {b}: #c")->1%sleep(50)`}}),
		struck(1800*ms, "partition", 300*ms, "n3", Flag{"groups", []string{"n1,n2/n3"}}),
	}
	text := Recording{
		Title: "recorded: yes, by \"hand\"", Question: "no", Cluster: Cluster{Nodes: 5, Zones: 2, Strategy: "vote", Factor: 4},
		Faults: done, Notes: []string{"n4 was dead\nalready"},
	}.YAML()
	e, err := Parse("recorded.yaml", text, Options{})
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if e.Title != `recorded: yes, by "hand"` || e.Description != "no" || e.Fracture.Cluster != (Cluster{Nodes: 5, Zones: 2, Strategy: "vote", Factor: 4}) {
		t.Errorf("read as %q, %q, %+v of\n%s", e.Title, e.Description, e.Fracture.Cluster, text)
	}
	for i, s := range e.Fracture.Timeline {
		want := done[i].Fault.Arguments()
		if got := e.ArgumentsOf(s); s.At != done[i].At || !reflect.DeepEqual(got, want) {
			t.Errorf("fault %d is read as %v at %v, want %v at %v, of\n%s", i, got, s.At, want, done[i].At, text)
		}
	}
	if len(e.Fracture.Timeline) != len(done) {
		t.Errorf("%d faults are read, want %d", len(e.Fracture.Timeline), len(done))
	}
	if !strings.HasPrefix(string(text), "# n4 was dead already\n") {
		t.Errorf("the note is no comment of one line:\n%s", text)
	}
}

func TestRecording_hasOneFaultAProcessAtATime(t *testing.T) {
	const us = time.Microsecond
	text := Recording{Title: "t", Faults: []Strike{
		struck(1_000_400*us, "kill", 300*us, "n1"), // noted before what came before it was over
		struck(1_000_000*us, "freeze", 400*us, "n1"),
		struck(1_000_500*us, "restart", 0, "n1"),
		struck(1_000_600*us, "restart", 0, "n1"),
		struck(1_000_600*us, "restart", 0, "n2"),
		storeStruck(2_000_400*us, "kill", 300*us),
		storeStruck(2_000_000*us, "stop", 400*us),
		storeStruck(2_000_500*us, "restart", 0),
	}}.YAML()
	e, err := Parse("t.yaml", text, Options{})
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	var got []string
	for _, s := range e.Fracture.Timeline {
		got = append(got, fmt.Sprint(s.At, e.ArgumentsOf(s)))
	}
	want := []string{"1s [freeze --node n1 --for 10ms]", "1.01s [kill --node n1 --for 10ms]", "1.02s [restart --node n1]", "1.021s [restart --node n1]", "1.001s [restart --node n2]",
		"2s [stop --role server --for 10ms]", "2.01s [kill --role server --for 10ms]", "2.02s [restart --role server]"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
}

func TestRecording_ofNothingAndOfTooMuchCanBeRead(t *testing.T) {
	if e, err := Parse("t.yaml", Recording{Title: "t"}.YAML(), Options{}); err != nil || len(e.Fracture.Timeline) != 1 || e.ArgumentsOf(e.Fracture.Timeline[0])[0] != "noop" {
		t.Errorf("nothing is read as %+v, %v; want a noop", e, err)
	}
	var many []Strike
	for i := range MaxRecorded {
		many = append(many, struck(time.Duration(i)*time.Second, "delay", 10*time.Second, "n1", Flag{"node", []string{"n10", "n11", "n12", "n13", "n14", "n15", "n16"}},
			Flag{"share", []string{"100%"}}, Flag{"by", []string{"20ms"}}, Flag{"jitter", []string{"5ms"}}, Flag{"distribution", []string{"normal"}}, Flag{"inward", nil}))
		many[i].Fault.Flags = many[i].Fault.Flags[1:]
	}
	if _, err := Parse("t.yaml", Recording{Title: "t", Faults: many}.YAML(), Options{}); err != nil {
		t.Error(err)
	}
}
