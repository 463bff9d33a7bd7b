package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"fracture/chaos"
	"fracture/cluster/failover"
	"fracture/telemetry"
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
		"cut --node=n3 --peer=n4 --both=true":          "cut at link to n4, cut at link from n4, cut at beat to n4, cut at beat from n4",
		"loss --node=n3 --share=0.2 --inward=true":     "loss of 20 % at link from all, loss of 20 % at beat from all",
		"cut --node=n3 --gossip=true":                  "cut at gossip",
		"slow --node=n3 --times=10":                    "slow by 10 at work",
		"fail --node=n3 --terms=every(7)panic":         "fail as every(7)panic at work",
		"delay --node=n3 --share=1 --by=5ms --peer=n2": "delay of 100 % by 5ms at link to n2, delay of 100 % by 5ms at beat to n2",
		"reset --node=n3":                              "reset at link to all",
		"reset --node=n3 --timeout=1m":                 "reset after 1m0s at link to all",
		"delay --node=n3 --share=0.5 --by=20ms --jitter=5ms --distribution=pareto --peer=n2": "delay of 50 % by 20ms ± 5ms, pareto at link to n2, " +
			"delay of 50 % by 20ms ± 5ms, pareto at beat to n2",
		"loss --node=n3 --share=burst(3,100)":                        "loss of 100 % in bursts of 3 in 100 at link to all, loss of 100 % in bursts of 3 in 100 at beat to all",
		"loss --node=n3 --share=every(7) --gossip=true":              "loss of 100 % of one in 7 at gossip",
		"corrupt --node=n3 --share=1%":                               "corrupt of 1 % at link to all, corrupt of 1 % at beat to all",
		"bandwidth --node=n3 --rate=64KB/s":                          "bandwidth of 64000 B/s at link to all",
		"slicer --node=n3 --size=1KiB --vary=24B --by=1ms --peer=n2": "slicer into 1024 ± 24 B, 1ms apart at link to n2",
		"limit_data --node=n3 --bytes=1.5MiB":                        "limit_data after 1572864 B at link to all",
		"slow_close --node=n3 --by=1s --inward=true":                 "slow_close by 1s at link from all",
		"blackhole --node=n3 --timeout=2s":                           "blackhole after 2s at link to all, blackhole after 2s at beat to all",
		"deny --store --share=1":                                     "deny of 100 % at store",
		"deny --role=store --share=50% --error=oom":                  "deny of 50 % as oom at store",
		"slow_disk --store --by=200ms":                               "delay of 100 % of writes by 200ms at store",
		"slow_disk --store --by=200ms --share=every(3) --jitter=5ms": "delay of 100 % of one in 3 of writes by 200ms ± 5ms, uniform at store",
		"partition --shape=majority":                                 "cut at link to all, cut at beat to all",
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
		"kill --role server": true, "freeze --role server": true, "flush": true, "full_disk --role server": true, "restart --role server --empty": true,
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
		"melt --node=n3":                          `no fault is called "melt": want one of kill, freeze, stop, down, restart, replace, thaw, revive, flush, full_disk, cut, partition`,
		"":                                        "inject wants one fault",
		"kill":                                    "or choose by --role, --zone, --tile, --pick",
		"kill --role king":                        `--role "king": want one of owner, standby, splitter, door, store, server`,
		"kill --node n1 --pick few":               `bad pick "few": want one`,
		"kill --node n1 --signal LOUD":            `--signal "LOUD": want a name`,
		"kill --node n1 --share 1":                "--share means nothing to kill, which takes --signal",
		"stop --store":                            "a store suffers kill, freeze, cut, loss, delay, deny, slow_disk, and not stop; its process does: --role server",
		"flush --role store":                      "and not flush; its process does: --role server",
		"cut --role server":                       "the store's process suffers kill, freeze, stop, restart, thaw, revive, flush, full_disk, and not cut",
		"kill --role server,owner":                "--role owner: kill strikes the process of the store",
		"stop --role server --node n1":            "--node: stop strikes the process of the store",
		"flush --node n1":                         "--node: flush strikes the process of the store",
		"full_disk --pick one":                    "--pick: full_disk strikes",
		"kill --role server --store":              "--store",
		"kill --node n1 --empty":                  "--empty means nothing to kill, which takes --signal",
		"flush --empty":                           "--empty means nothing to flush",
		"freeze --role server --signal TERM":      "--signal means nothing to freeze",
		"slow --times 2 --store":                  "a store suffers kill, freeze, cut, loss, delay, deny, slow_disk, and not slow",
		"deny --store --share 1 --error mood":     `--error: bad fault: "mood" is not one of [readonly oom disk noreplicas]`,
		"cut --store --error oom":                 "--error means nothing to cut",
		"slow_disk --node n1 --by 5ms":            "--store is missing",
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
		"reset --node=n3 --by=1ms":                "--by means nothing to reset, which takes --timeout, --peer",
		"fail --node=n3 --terms=melt":             "want a modifier, or one of off, return, panic, sleep, wrong",
		"cut --node=n3 --gossip=true --peer=n2":   "leave --peer, --inward and --both away",
		"delay --node=n3 --share=1 --by=-1ms":     "neither can be below 0",
		"delay --node=n3 --share=1 --by=3s":       "each at most 2s",
		"cut --node=n3 --inward=true --both=true": "--inward is one of the two ways that --both means",
		"slow --node=n3 --times=2 --both=true":    "--both means nothing to slow",
		"delay --node=n3 --share=1 --by=1ms --distribution=zipf":   `--distribution: bad fault: "zipf" is not one of [uniform normal pareto]`,
		"delay --node=n3 --share=1 --by=1ms --distribution=normal": "and no jitter",
		"loss --node=n3 --share=burst(3,2)":                        "a burst of 3 in each 2",
		"wrong --node=n3 --share=every(2)":                         "which of so many messages means nothing to it",
		"bandwidth --node=n3 --rate=64":                            `--rate "64": want whole bytes with their unit`,
		"bandwidth --node=n3 --rate=1B/s":                          "it must be 100 to",
		"bandwidth --node=n3":                                      "--rate is missing: such as `inject bandwidth --rate 64KB/s --node n3`",
		"limit_data --node=n3 --bytes=0B":                          `--bytes "0B": want whole bytes`,
		"limit_data --node=n3 --bytes=1.0001B":                     "want whole bytes",
		"slicer --node=n3 --size=10B --vary=10B --by=1ms":          "it must be less",
		"cut --node=n3 --timeout=1s":                               "--timeout means nothing to cut",
		"partition":                                                "wants either --shape or --groups",
		"partition --shape=one --groups=n1/n2":                     "wants either --shape or --groups",
		"partition --shape=star":                                   `no shape is called "star": want one of [one majority`,
		"partition --groups=n1":                                    "is one group",
		"cut --node=n3 --shape=one":                                "--shape means nothing to cut",
		"skew --node=n3":                                           "--by is missing: such as `inject skew --by -50ms --node n3`",
		"skew --node=n3 --by=-3s":                                  "it must be up to 2s ahead or behind",
		"strobe --node=n3 --by=5ms --period=1us":                   "each 1µs: it must be 1ms to 2s",
		"wedge --node=n3 --by=5ms":                                 "--by means nothing to wedge, which takes none of its own",
		"stress --node=n3 --cores=0":                               "of 0 cores: it must be 1 to 64",
		"ballast --node=n3 --bytes=2GiB":                           "it must be 1 to",
		"gc --node=n3 --rate=1B/s":                                 "it must be 100 to",
		"reorder --node=n3 --share=1 --by=1weeks":                  "--by 1weeks: want a duration",
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
	if all := len(catalogue) + len(deeds) + len(serverDeeds(false)); len(list.Faults) != all || all == 0 {
		t.Errorf("%d faults are listed, want %d", len(list.Faults), all)
	}
}

func TestFaults_listWhatNodesCanBeOrderedToSufferAndNothingElse(t *testing.T) {
	for _, k := range chaos.Kinds {
		_, err := entryOf(k.String())
		ordered := false
		for _, site := range []chaos.Site{chaos.Link, chaos.Beat, chaos.Work, chaos.Gossip, chaos.Store, chaos.Loop, chaos.Resource} {
			ordered = ordered || site.Admits(k) && k != chaos.Restart && k != chaos.Thaw
		}
		if listed := err == nil; listed != ordered {
			t.Errorf("%v: listed %v, can be ordered %v", k, listed, ordered)
		}
	}
}

func TestInject_partsEachNodeFromWhomItCannotReach(t *testing.T) {
	nodes := []string{"n1", "n2", "n3", "n4", "n5"}
	told, err := harm{parted: partFlags{groups: "n1,n2/n3"}}.told(nodes, 1)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, n := range nodes {
		for _, s := range told[n] {
			got += fmt.Sprintf("%s: %v; ", n, s)
		}
	}
	want := "n1: cut at link to n3; n1: cut at beat to n3; n2: cut at link to n3; n2: cut at beat to n3; " +
		"n3: cut at link to n1; n3: cut at beat to n1; n3: cut at link to n2; n3: cut at beat to n2; "
	if got != want {
		t.Errorf("told %s\nwant %s", got, want)
	}

	if _, err := (harm{parted: partFlags{groups: "n1/n9"}}).told(nodes, 1); !errors.Is(err, errNoSuchNode) || !strings.Contains(err.Error(), "n9") {
		t.Errorf("a group with nobody: %v, want that there is no n9", err)
	}
	if _, err := (harm{parted: partFlags{shape: "bridge"}}).told(nodes[:1], 1); !errors.Is(err, chaos.ErrBadPartition) {
		t.Errorf("one node parted from itself: %v", err)
	}
}

func TestInject_printsWhatNodesSayForPeople(t *testing.T) {
	for text, want := range map[string]string{
		"n3: fault: cut at link to all": "n3: cut at link to all",
		"n3: heal: its lease is over":   "n3: healed, its lease is over",
	} {
		e := telemetry.Event{Trace: failover.Trace{Node: "n3", Verb: strings.Split(text, ": ")[1]}, Text: text}
		if got := lineOf(&e); got != want {
			t.Errorf("%q is printed as %q, want %q", text, got, want)
		}
	}
}
