package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fracture/chaos/scenario"
)

// writeScenario puts a scenario into a file of its own.
func writeScenario(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

const goodScenario = "title: t\nfaults:\n  - {fault: loss, at: 1s, for: 2s, share: 20%, node: n1}\n  - {fault: slow, with: {times: 10}, node: [n1, n2]}\n"

func TestScenarioCheck_saysWhatIsWrongWhere(t *testing.T) {
	for text, want := range map[string]string{
		goodScenario: "s.yaml: good, native, 2 steps within 3s\n",
		"title: t\nfaults: [{fault: noop, at: 1s}]":                "s.yaml: good, native, 1 steps within 1s\n",
		"title: t\nfaults:\n  - {fault: cut, node: n1, shre: 20%}": "s.yaml:3:28: fault cut: unknown key \"shre\"; did you mean share?\n",
		"title: t\nfaults:\n  - {fault: cutt, node: n1}":           "s.yaml:3:6: cutt: no fault is called \"cutt\": want one of kill, freeze",
		"title: t\nfaults:\n  - {fault: loss, node: n1}":           "s.yaml:3:6: loss: --share is missing",
		"title: t\nfaults:\n  - {fault: slow, times: x, node: n1}": "s.yaml:3:6: slow: --times x: want a number",
		"title: t\nfaults:\n  - {fault: cut, node: n1, for: 2}":    "s.yaml:3:33: for 2: want a duration, such as 500ms\n",
		"trials: [{component: owner, fault: kill}]":                "s.yaml: good, native, trials of 1 pairs\n",
		"trials: [{component: owner, fault: kill}]\nnodes: 99":     "s.yaml:2:8: nodes 99: want a whole number from 2 to 32\n",
		"trials: [{component: owner, fault: kill}]\ncolor: red":    "s.yaml:2:1: scenario: unknown key \"color\"; want one of",
		"trials: []\n---\n": "s.yaml:1:1: want one document with a table of keys\n",
	} {
		var out, errs strings.Builder
		name := writeScenario(t, text)
		code := run([]string{"scenario", "check", name}, &out, &errs)
		good := strings.Contains(want, ": good")
		if !strings.Contains(strings.ReplaceAll(out.String(), name, "s.yaml"), want) || (code == exitHeld) != good || !good && code != exitUsage {
			t.Errorf("%q ends with %d and\n%s\n%s\nwant %s", text, code, out.String(), errs.String(), want)
		}
	}
}

func TestScenarioCheck_tellsOfEveryFileAsJSONToo(t *testing.T) {
	good, bad := writeScenario(t, goodScenario), writeScenario(t, "title: t\nfaults: 5\n")
	warned := writeScenario(t, "title: t\ndescription: d\nmethod: []\ncontrols: []\n")
	missing := filepath.Join(t.TempDir(), "missing.yaml")
	var out, errs strings.Builder
	if code := run([]string{"scenario", "check", "--json", good, bad, warned, missing}, &out, &errs); code != exitUsage {
		t.Errorf("ended with %d, want %d", code, exitUsage)
	}
	var told struct{ Files []scenarioReport }
	if err := json.Unmarshal([]byte(out.String()), &told); err != nil {
		t.Fatal(err)
	}
	if len(told.Files) != 4 || !told.Files[0].Good || told.Files[1].Good || !told.Files[2].Good || told.Files[3].Good {
		t.Fatalf("%+v, want the first and the third good", told)
	}
	if f := told.Files[1].Findings; len(f) != 1 || f[0].Line != 2 || f[0].Column != 9 {
		t.Errorf("findings %v, want one at 2:9", f)
	}
	if f := told.Files[2].Findings; len(f) != 1 || !f[0].Warning {
		t.Errorf("findings %v, want a warning", f)
	}

	errs.Reset()
	out.Reset()
	if code := run([]string{"scenario", "check", warned}, &out, &errs); code != exitHeld || !strings.Contains(errs.String(), warned+":4:11: warning: controls") {
		t.Errorf("ended with %d and said %q, want the warning there", code, errs.String())
	}
}

func TestScenarioExpand_printsWhatIsAScenarioToo(t *testing.T) {
	short := writeScenario(t, goodScenario)
	var plans []string
	for _, args := range [][]string{nil, {"--json"}} {
		var out, errs strings.Builder
		if code := run(append([]string{"scenario", "expand", short}, args...), &out, &errs); code != exitHeld {
			t.Fatalf("ended with %d: %s", code, errs.String())
		}
		long := writeScenario(t, out.String())
		out.Reset()
		if code := run([]string{"scenario", "plan", long}, &out, &errs); code != exitHeld {
			t.Fatalf("ended with %d: %s", code, errs.String())
		}
		plans = append(plans, out.String())
	}
	if want := "0s  slow   --node n1 --node n2 --times 10"; plans[0] != plans[1] || !strings.Contains(plans[0], want) {
		t.Errorf("plans:\n%s\n%s\nwant the same, with %s", plans[0], plans[1], want)
	}
}

func TestScenario_refusesOnOneLineEach(t *testing.T) {
	bad := writeScenario(t, "title: t\nfaults: 5\ncalm: x\n")
	for _, args := range [][]string{{"expand", bad}, {"plan", bad}, {"check"}, {"melt"}} {
		var out, errs strings.Builder
		if code := run(append([]string{"scenario"}, args...), &out, &errs); code != exitUsage || out.Len() > 0 {
			t.Errorf("%v ended with %d and printed %q; want %d and nothing", args, code, out.String(), exitUsage)
		}
		if args[0] == "plan" && (strings.Count(errs.String(), bad) != 2 || strings.Contains(errs.String(), "--help")) {
			t.Errorf("%v said %q, want two places and no hint at the command line", args, errs.String())
		}
	}
}

func TestScenarioSchema_isPrintedAsItIs(t *testing.T) {
	var out, errs strings.Builder
	if code := run([]string{"scenario", "schema"}, &out, &errs); code != exitHeld || out.String() != string(scenario.Schema) || !json.Valid(scenario.Schema) {
		t.Errorf("ended with %d, %s", code, errs.String())
	}
}

func TestScenario_boundsNodesAsRunDoes(t *testing.T) {
	if scenario.MaxNodes != maxNodes {
		t.Errorf("a scenario has up to %d nodes, a run up to %d", scenario.MaxNodes, maxNodes)
	}
}
