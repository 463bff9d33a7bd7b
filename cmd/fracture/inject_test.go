package main

import (
	"encoding/json"
	"strings"
	"testing"

	"fracture/chaos"
)

// injected reads a command line of inject.
func injected(line string) ([]chaos.Standing, error) {
	h, err := parseHarm(strings.Fields(line))
	return h.stand, err
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
		stand, err := injected(line)
		var words []string
		for _, s := range stand {
			words = append(words, s.String())
		}
		if got := strings.Join(words, ", "); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", line, got, err, want)
		}
	}
}

func TestInject_readsWhomItIsFor(t *testing.T) {
	for line, want := range map[string]string{
		"cut --node n3 --node n4":                      "all of n3 or n4",
		"cut --node all":                               "all",
		"kill --role owner,splitter --pick one":        "1 with the role owner or splitter",
		"stop --zone z1 --pick 50%":                    "50% in zone z1",
		"freeze --tile 7":                              "all that own tile 7",
		"kill --role door --zone z2 --pick 2":          "2 with the role door in zone z2",
		"slow --times 2 --pick random-max-40%":         "random-max-40%",
		"kill --role store":                            "all",
		"deny --store --share 1 --node n1":             "all of n1",
		"restart --role splitter --for 1s --seed 9":    "all with the role splitter",
		"kill --signal QUIT --role standby --pick all": "all with the role standby",
	} {
		h, err := parseHarm(strings.Fields(line))
		if got := h.whom.String(); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", line, got, err, want)
		}
	}
}

func TestInject_aFaultOfTheStoreIsOrderedAndOneOfAProcessIsDone(t *testing.T) {
	for line, want := range map[string]bool{
		"kill --node n1": true, "kill --store": false, "kill --role store": false, "freeze --node all": true, "freeze --store": false,
		"cut --store": false, "loss --store --share 50%": false, "stop --node n1": true, "replace --node n1": true,
	} {
		h, err := parseHarm(strings.Fields(line))
		if err != nil || (h.deed != nil) != want || (len(h.stand) == 0) != want {
			t.Errorf("%s: %+v, %v; want a deed: %v", line, h, err, want)
		}
		if !want && h.stand[0].Site != chaos.Store {
			t.Errorf("%s stands at %v, want the store", line, h.stand[0].Site)
		}
	}
}

func TestInject_saysWhatIsWrong(t *testing.T) {
	for line, want := range map[string]string{
		"melt --node=n3":                          `no fault is called "melt": want one of kill, freeze, stop, restart, replace, cut, loss`,
		"":                                        "inject wants one fault",
		"kill":                                    "or choose by --role, --zone, --tile, --pick",
		"kill --role king":                        `--role "king": want one of owner, standby, splitter, door, store`,
		"kill --node n1 --pick few":               `bad pick "few": want one`,
		"kill --node n1 --signal LOUD":            `--signal "LOUD": want a name`,
		"kill --node n1 --share 1":                "--share means nothing to kill, which takes --signal",
		"stop --store":                            `no fault is called "stop"`,
		"slow --times 2 --store":                  "--store means nothing to slow",
		"cut --store --peer n2":                   "there is one store",
		"deny --node n1 --share 1":                "--store is missing",
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
		"reorder --node=n3 --share=1 --by=1weeks": "--by 1weeks: want a duration",
	} {
		if _, err := injected(line); err == nil || !strings.Contains(err.Error(), want) {
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
		line := strings.TrimPrefix(strings.ReplaceAll(f.Example, "'", ""), "fracture inject ")
		if h, err := parseHarm(strings.Fields(line)); err != nil || h.name != f.Fault {
			t.Errorf("%s: %v, %v; want that it is taken", f.Example, h, err)
		}
	}
	if len(list.Faults) != len(catalogue)+len(deeds) || len(list.Faults) == 0 {
		t.Errorf("%d faults are listed, want %d", len(list.Faults), len(catalogue)+len(deeds))
	}
}

func TestFaults_listWhatNodesCanBeOrderedToSufferAndNothingElse(t *testing.T) {
	for _, k := range chaos.Kinds {
		_, err := entryOf(k.String())
		ordered := false
		for _, site := range []chaos.Site{chaos.Link, chaos.Beat, chaos.Work, chaos.Gossip, chaos.Store} {
			order := chaos.Standing{Site: site, Fault: chaos.Fault{Kind: k, Share: 1, By: 1, Times: 2, Terms: "panic"}}
			ordered = ordered || chaos.Order{Lease: 1, Stand: []chaos.Standing{order}}.Check() == nil
		}
		if listed := err == nil; listed != ordered {
			t.Errorf("%v: listed %v, can be ordered %v", k, listed, ordered)
		}
	}
}
