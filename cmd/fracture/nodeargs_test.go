package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"fracture/cluster"
	"fracture/thread"
)

// nodeArgsOf is what a command line makes of the flags.
func nodeArgsOf(t *testing.T, args ...string) (nodeArgs, error) {
	t.Helper()
	var a nodeArgs
	cmd := &cobra.Command{Use: "node"}
	a.register(cmd)
	return a, cmd.ParseFlags(args)
}

func TestNodeArgs_areHandedOnAsTheyWereGiven(t *testing.T) {
	for _, args := range [][]string{nil, {"--beat-class", "other"}} {
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
	a := nodeArgs{beatClass: "other"} // which leaves this process's Ps alone
	var cfg cluster.NodeConfig
	if a.apply(&cfg); cfg.BeatClasses != nil || cfg.Workers < 1 {
		t.Errorf("the node is told %+v, want no class, and at least one worker", cfg)
	}
}
