package main

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"fracture/cluster"
	"fracture/thread"
)

func TestByteSize_readsWhatItWrites(t *testing.T) {
	for text, want := range map[string]byteSize{
		"0B": 0, "0MiB": 0, "1B": 1, "1023B": 1023, "1024B": kibi, "64MiB": 64 * mebi, "1536KiB": 1536 * kibi,
		"1GiB": gibi, "1.5GiB": 1536 * mebi, "64 MiB": 64 * mebi, "64MB": 64_000_000, "4GiB": 4 * gibi, "4096MiB": 4 * gibi, "007MiB": 7 * mebi,
	} {
		var got, again byteSize
		if err := got.Set(text); err != nil || got != want {
			t.Errorf("Set(%q) = %d, %v; want %d", text, got, err, want)
		}
		if err := again.Set(got.String()); err != nil || again != got {
			t.Errorf("Set(%q) = %d, %v; want %d again", got.String(), again, err, got)
		}
	}
}

func TestByteSize_refusesWhatIsNone(t *testing.T) {
	for text, want := range map[string]string{
		"": "such as 64MiB", "64": "such as 64MiB", "MiB": "such as 64MiB", "1.0001B": "such as 64MiB", "64mib": "such as 64MiB",
		"-1MiB": "such as 64MiB", "+1MiB": "such as 64MiB", "1e3B": "such as 64MiB", "NaNB": "such as 64MiB",
		"5GiB": "at most 4GiB", "4194305KiB": "at most 4GiB", "99999999999999999999GiB": "at most 4GiB",
	} {
		got := byteSize(7)
		if err := got.Set(text); err == nil || !strings.Contains(err.Error(), want) || got != 7 {
			t.Errorf("Set(%q) = %v and %d, want an error that says %q, and nothing changed", text, err, got, want)
		}
	}
}

// nodeArgsOf is what a command line makes of the flags.
func nodeArgsOf(t *testing.T, args ...string) (nodeArgs, error) {
	t.Helper()
	var a nodeArgs
	cmd := &cobra.Command{Use: "node"}
	a.register(cmd)
	return a, cmd.ParseFlags(args)
}

func TestNodeArgs_areHandedOnAsTheyWereGiven(t *testing.T) {
	for _, args := range [][]string{nil, {"--rss-ballast", "64MiB"}, {"--beat-class", "other", "--rss-ballast=3KiB"}} {
		told, err := nodeArgsOf(t, args...)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := nodeArgsOf(t, told.list()...); err != nil || got != told {
			t.Errorf("%v is handed on as %v, which is read as %+v (%v), want %+v", args, told.list(), got, err, told)
		}
	}
	if _, err := nodeArgsOf(t, "--beat-class", "rr"); err == nil || !strings.Contains(err.Error(), "[auto fifo nice other]") {
		t.Errorf("--beat-class rr = %v, want an error that lists what there is", err)
	}
}

func TestNodeArgs_askForWhatTheyName(t *testing.T) {
	for name, want := range map[beatClass][]thread.Class{
		"auto": {beatFIFO, beatNice}, "fifo": {beatFIFO}, "nice": {beatNice}, "other": nil,
	} {
		if got := name.classes(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s asks for %v, want %v", name, got, want)
		}
	}
	a := nodeArgs{ballast: 3 * mebi, beatClass: "other"} // which leaves this process's Ps alone
	var cfg cluster.NodeConfig
	if a.apply(&cfg); cfg.Ballast != 3<<20 || cfg.BeatClasses != nil || cfg.Workers < 1 {
		t.Errorf("the node is told %+v, want 3 MiB, no class, and at least one worker", cfg)
	}
}

func TestNodeArgs_refuseMoreThanThereIsRoomFor(t *testing.T) {
	room, err := availableMemory()
	if err != nil || room < mebi {
		t.Fatalf("availableMemory = %v, %v; want what /proc/meminfo tells", room, err)
	}
	if err := (&nodeArgs{ballast: 1}).fits(2); err != nil {
		t.Errorf("two bytes: %v, want room for them", err)
	}
	if err := (&nodeArgs{ballast: 4 * gibi}).fits(math.MaxInt32); err == nil || !strings.Contains(err.Error(), "--rss-ballast 4GiB") {
		t.Errorf("more than any machine has: %v, want an error that names the flag", err)
	}
}
