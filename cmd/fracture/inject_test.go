package main

import (
	"encoding/json"
	"strings"
	"testing"

	"fracture/chaos"
)

// injected reads a command line of inject.
func injected(args ...string) ([]chaos.Standing, error) {
	var f injectFlags
	cmd := newInjectCommand()
	given := map[string]string{}
	for _, a := range args[1:] {
		flag, value, _ := strings.Cut(strings.TrimPrefix(a, "--"), "=")
		given[flag] = value
		if err := cmd.Flags().Set(flag, value); err != nil {
			return nil, err
		}
	}
	f.nodes, _ = cmd.Flags().GetStringArray("node")
	f.peer, f.share, f.terms = given["peer"], given["share"], given["terms"]
	f.inward, _ = cmd.Flags().GetBool("inward")
	f.gossip, _ = cmd.Flags().GetBool("gossip")
	f.by, _ = cmd.Flags().GetDuration("by")
	f.times, _ = cmd.Flags().GetFloat64("times")
	f.last, _ = cmd.Flags().GetDuration("for")
	return f.standing(args[0], cmd.Flags().Changed)
}

func TestInject_readsWhatIsToStand(t *testing.T) {
	for line, want := range map[string]string{
		"cut --node=n3":                                "cut at link to all, cut at beat to all",
		"loss --node=n3 --share=20% --peer=n4":         "loss of 20 % at link to n4, loss of 20 % at beat to n4",
		"loss --node=n3 --share=0.2 --inward=true":     "loss of 20 % at link from all, loss of 20 % at beat from all",
		"cut --node=n3 --gossip=true":                  "cut at gossip",
		"slow --node=n3 --times=10":                    "slow by 10 at work",
		"fail --node=n3 --terms=every(7)panic":         "fail as every(7)panic at work",
		"delay --node=n3 --share=1 --by=5ms --peer=n2": "delay of 100 % at link to n2, delay of 100 % at beat to n2",
		"reset --node=n3":                              "reset at link to all",
	} {
		stand, err := injected(strings.Fields(line)...)
		var words []string
		for _, s := range stand {
			words = append(words, s.String())
		}
		if got := strings.Join(words, ", "); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", line, got, err, want)
		}
	}
}

func TestInject_saysWhatIsWrong(t *testing.T) {
	for line, want := range map[string]string{
		"melt --node=n3":                          `no fault is called "melt": want one of cut, loss`,
		"cut":                                     "--node is missing",
		"cut --node=n3 --for=0s":                  "--for 0s: want",
		"loss --node=n3":                          "--share is missing: such as `inject loss --share 20% --node n3`",
		"loss --node=n3 --share=0":                `--share "0": want a share above 0`,
		"loss --node=n3 --share=120%":             `--share "120%": want a share above 0`,
		"loss --node=n3 --share=few":              `--share "few": want a share above 0`,
		"slow --node=n3 --share=1":                "--share means nothing to slow, which takes --times",
		"slow --node=n3 --times=0.5":              "must be above 1",
		"reset --node=n3 --by=1ms":                "--by means nothing to reset, which takes --peer",
		"fail --node=n3 --terms=melt":             "want a modifier, or one of off, return, panic, sleep, wrong",
		"cut --node=n3 --gossip=true --peer=n2":   "leave --peer and --inward away",
		"delay --node=n3 --share=1 --by=-1ms":     "it must be above 0",
		"reorder --node=n3 --share=1 --by=1weeks": "invalid",
	} {
		if _, err := injected(strings.Fields(line)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}

func TestFaults_eachExampleIsACommandLineThatInjectTakes(t *testing.T) {
	var out strings.Builder
	if err := printFaultsJSON(&out); err != nil {
		t.Fatal(err)
	}
	var list struct {
		Faults []struct{ Fault, Example string }
	}
	if err := json.Unmarshal([]byte(out.String()), &list); err != nil {
		t.Fatal(err)
	}
	for _, f := range list.Faults {
		words := strings.Fields(strings.ReplaceAll(f.Example, "'", ""))[2:] // fracture inject
		line := words[:1]
		for i := 1; i+1 < len(words); i += 2 {
			line = append(line, words[i]+"="+words[i+1])
		}
		if stand, err := injected(line...); err != nil || stand[0].Fault.Kind.String() != f.Fault {
			t.Errorf("%s: %v, %v; want that it is taken", f.Example, stand, err)
		}
	}
	if len(list.Faults) != len(catalogue) || len(list.Faults) == 0 {
		t.Errorf("%d faults are listed, want %d", len(list.Faults), len(catalogue))
	}
}

func TestFaults_listWhatNodesCanBeOrderedToSufferAndNothingElse(t *testing.T) {
	for _, k := range chaos.Kinds {
		_, err := entryOf(k.String())
		ordered := false
		for _, site := range []chaos.Site{chaos.Link, chaos.Beat, chaos.Work, chaos.Gossip} {
			ordered = ordered || site.Admits(k)
		}
		if listed := err == nil; listed != ordered {
			t.Errorf("%v: listed %v, can be ordered %v", k, listed, ordered)
		}
	}
}
