package scenario

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const short = "title: t\nfaults: [{fault: cut, at: 1s, node: n1, for: 1s}]\n"

// extended is an experiment whose extension has a further key.
func extended(key string) string {
	return "title: t\ndescription: d\nmethod:\n  - {type: action, name: a, provider: {type: process, path: fracture, arguments: [inject, cut, --node, n1, --for, 1s]}}\nextensions:\n  - name: fracture\n    " + key + "\n"
}

// doing is an experiment with one activity, on line 4.
func doing(activity string) string {
	return "title: t\ndescription: d\nmethod:\n  - " + activity + "\n"
}

// refusing are options that refuse a share above all.
var refusing = Options{
	Flags: []string{"node", "role", "share", "peer", "times"},
	Check: func(arguments []string) error {
		for _, a := range arguments {
			if a == "120%" {
				return errors.New("--share 120%: want at most 1")
			}
		}
		return nil
	},
}

func TestParse_saysWhereItIsWrong(t *testing.T) {
	nested := strings.Repeat("[", 100)
	for text, want := range map[string]string{
		"":                                     "s.yaml:1:1: want one document",
		"[]":                                   "s.yaml:1:1: want a table",
		short + "---\n" + short:                "want one document",
		"title: [":                             "s.yaml:1:8:",
		"title: " + nested:                     "deep",
		"title: &a t\nfaults: []":              "s.yaml:1:8: anchors",
		"title: !!str t":                       "tags",
		"title: t\ntitle: u\nfaults: []":       "s.yaml:2:1: ",
		"title: \xff":                          "not UTF-8",
		"title: t\nfaults: []\nfalts: []":      "s.yaml:3:1: scenario: unknown key \"falts\"; did you mean faults?",
		"title: t\nfault: []":                  "did you mean faults?",
		"faults: []":                           "title is missing",
		"{\"title\": \"t\",\n \"faults\": 5}":  "s.yaml:2:12: faults: want a list; this is a number",
		"{\"title\": \"t\",\n \"faults\": [}":  "s.yaml:2:13: not JSON",
		"{\"title\": \"t\", \"faults\": []} x": "s.yaml:1:30: something follows",
		"title: t\ntrials: []":                 "s.yaml:2:9: trials: want a list of 1 to 256",
		"title: t\nfaults:\n  - {fault: cut, at: 5}":                                                                "s.yaml:3:22: at 5: want a duration, such as 500ms",
		"title: t\nfaults:\n  - {fault: cut, at: -5s}":                                                              "s.yaml:3:22: at -5s: want 0s to 1h0m0s",
		"title: t\nfaults:\n  - {fault: cut, for: 0s}":                                                              "s.yaml:3:23: for 0s: want 1ms to",
		"title: t\nfaults:\n  - {fault: cut, every: 1s}":                                                            "s.yaml:3:25: every 1s: how often? Say times: 3",
		"title: t\nfaults:\n  - {fault: cut, every: 1s, times: 0}":                                                  "s.yaml:3:36: times 0: want a whole number from 1",
		"title: t\nfaults:\n  - {at: 1s}":                                                                           "s.yaml:3:6: faults: fault is missing",
		"title: t\nfaults:\n  - {fault: Cut!}":                                                                      "s.yaml:3:13: fault \"Cut!\": want a word",
		"title: t\nfaults:\n  - {fault: loss, shre: 20%}":                                                           "s.yaml:3:19: fault loss: unknown key \"shre\"; did you mean share?",
		"title: t\nfaults:\n  - {fault: loss, evry: 20s}":                                                           "did you mean every?",
		"title: t\nfaults:\n  - {fault: loss, share: 120%}":                                                         "s.yaml:3:6: loss: --share 120%: want at most 1",
		"title: t\nfaults:\n  - {fault: loss, share: [a, [b]]}":                                                     "s.yaml:3:30: share: want a value",
		"title: t\nfaults:\n  - {fault: loss, with: {share: 1}, share: 2}":                                          "s.yaml:3:26: share is said twice",
		"title: t\nfaults: [{fault: noop, node: n1}]":                                                               "noop: it does nothing",
		"title: t\nfaults: [{fault: cut, name: a}, {fault: cut, name: a}]":                                          "the name \"a\" is there already",
		"title: t\nfaults: [{fault: cut, every: 2m, times: 40}]":                                                    "it would come after",
		"title: t\nend: 5s\nfaults:\n  - {fault: cut, at: 4s, for: 2s}":                                             "s.yaml:4:6: cut at 4s for 2s would last beyond the end",
		"title: t\nend: 10m\nfaults:\n  - {fault: cut, every: 1s}":                                                  "more than 512 faults",
		"title: t\nfaults:\n  - {fault: kill, node: n1, for: 2s}\n  - {fault: freeze, node: [n2, n1], at: 1s}":      "s.yaml:4:6: freeze of n1 at 1s: the kill at 0s stands until 2s",
		"title: t\nfaults:\n  - {fault: stop, role: server, for: 2s}\n  - {fault: kill, role: server, at: 1s}":      "s.yaml:4:6: kill of the store at 1s: the stop at 0s stands until 2s",
		"title: t\nfaults:\n  - {fault: down, node: n1, for: 2s}":                                                   "s.yaml:3:6: down: no node has a network interface of its own: say netns: true",
		"title: t\nnemesis:\n  every: 1s\n  times: 1\n  faults:\n    - {weight: 1, fault: down, node: n1}":          "s.yaml:6:8: down: no node has",
		"title: t\nnetns: true\nfaults:\n  - {fault: kill, node: n1, for: 2s}\n  - {fault: down, node: n1, at: 1s}": "s.yaml:5:6: down of n1 at 1s: the kill at 0s stands until 2s",
		"title: t\nfaults:\n  - {fault: stop, role: server, for: 2s}\n  - {fault: flush, at: 1s}":                   "s.yaml:4:6: flush of the store at 1s: the stop at 0s stands until 2s",
		"title: t\nfaults:\n  - {fault: full_disk, at: 1s, for: 1s}\n  - {fault: freeze, role: server, for: 2s}":    "s.yaml:3:6: full_disk of the store at 1s: the freeze at 0s",
		"title: t\nfaults: [{fault: kill, node: n1}, {fault: kill, node: n1}]":                                      "kill of n1 at 0s",
		"title: t\nnodes: 3\nfaults:\n  - {fault: cut, node: n4}":                                                   "s.yaml:4:6: cut: n4 is none of the 3 nodes, which are n1 to n3",
		"trials:\n  - {component: roof, fault: kill}":                                                               "s.yaml:2:17: component \"roof\": want one of owner, standby, splitter, link, gossip, store, sink",
		"trials:\n  - {component: ownr, fault: kill}":                                                               "did you mean owner?",
		"trials:\n  - {component: owner, fault: melt}":                                                              "s.yaml:2:31: fault \"melt\": want one of kill, freeze, partition",
		"trials:\n  - {component: store, fault: slow}":                                                              "s.yaml:2:31: fault slow makes no sense: a store suffers kill, freeze, noop",
		"trials:\n  - {component: owner, fault: kill, trials: 0}":                                                   "s.yaml:2:45: trials 0: want a whole number from 1 to",
		"trials:\n  - {component: owner, fault: kill, trails: 2}":                                                   "s.yaml:2:37: trials: unknown key \"trails\"; did you mean trials?",
		"trials:\n  - {component: owner, fault: slow, for: -1s}":                                                    "s.yaml:2:42: for -1s: want",
		"trials:\n  - {component: owner, fault: slow, for: 31s}":                                                    "s.yaml:2:42: for 31s: want 10ms to 30s",
		"trials:\n  - {component: owner, fault: slow, for: soon}":                                                   "s.yaml:2:42: for soon: want a duration",
		"trials:\n  - {component: owner, fault: kill, for: 1s}":                                                     "s.yaml:2:42: for 1s: a kill stands for no time",
		"trials:\n  - {fault: kill}":                                                                                "s.yaml:2:6: trials: component is missing",
		"trials: 5":                                                                                                 "s.yaml:1:9: trials: want a list",
		"window: 1s\ntrials:\n  - {component: owner, fault: slow, for: 2s}":                                         "s.yaml:3:6: owner slow stands for 2s, and only what is due within the window, 1s",
		"trials: [{component: owner, fault: kill}, {component: owner, fault: kill}]":                                "s.yaml:1:44: owner kill is in the list already",
		"trials: [{component: owner, fault: kill}]\nbudgets: ['loss: lost <= 0']":                                   "s.yaml:2:11: budgets: no fault here is called \"loss\": want one of kill",
		extended("trials: [{component: owner, fault: kill, action: b}]"):                                            "trials: the method has no action \"b\"",
		extended("trials: [{component: owner, fault: kill, action: a}]") + "    budgets: ['cut: lost <= 0']":        "no fault here is called \"cut\"",
		short + "nodes: 33":                                             "s.yaml:3:8: nodes 33: want a whole number from 2 to 32",
		short + "nodes: 3\nzones: 4":                                    "s.yaml:4:8: zones 4: more than the 3 nodes",
		short + "nodes: 3\nfactor: 4":                                   "factor 4: more copies",
		short + "strategy: standbye":                                    "s.yaml:3:11: strategy:",
		short + "load: haf":                                             "load \"haf\": want one of idle, half, full; did you mean half?",
		short + "seed: -1":                                              "s.yaml:3:7: seed -1: want a whole number from 0",
		short + "nodes: 5\nmax-nodes: 6":                                "s.yaml:4:12: max-nodes 6: more than the 5 nodes",
		short + "yes-break-it: 1":                                       "yes-break-it: want true or false",
		short + "budgets: [speed <= 3]":                                 "s.yaml:3:11: budgets: not a budget",
		short + "budgets: ['kill: lost == 0']":                          "budgets: no fault here is called \"kill\": want one of cut",
		short + "budgets: ['lost == 0', 'lost <= 3']":                   "s.yaml:3:24: budgets: lost<=3 contradicts lost<=0",
		short + "nemesis: {every: 1s, for: 5s}":                         "nemesis: no faults to draw from",
		short + "nemesis: {every: 5s, for: 1s, faults: [{fault: cut}]}": "it never strikes",
		short + "nemesis: {every: 1s, faults: [{fault: cut}]}":          "it would never end",
		short + "nemesis: {every: 1s, times: 3, until: [broke], faults: [{fault: cut}]}": "did you mean broken?",
		short + "nemesis: {every: 1s, times: 3, faults: [{fault: loss, share: 120%}]}":   "--share 120%",

		"title: t\nfaults:\n  - {guard: standbye, at: 1s}":                                                                 "s.yaml:3:13: guard: unknown strategy \"standbye\": one of [failfast expendable reschedule standby hedge active vote]",
		"title: t\nfaults:\n  - {guard: vote, factor: 2}":                                                                  "s.yaml:3:27: factor 2: the factor does not suit the strategy: vote takes 3 to 4 copies, not 2",
		"title: t\nfaults:\n  - {guard: vote, factor: 5}":                                                                  "s.yaml:3:27: factor 5: want a whole number from 1 to 4",
		"title: t\nfaults:\n  - {guard: vote, node: n1}":                                                                   "s.yaml:3:19: faults: unknown key \"node\"",
		"title: t\nfaults:\n  - {guard: vote, fault: kill}":                                                                "s.yaml:3:19: faults: unknown key \"fault\"",
		"title: t\nfaults:\n  - {guard: vote, for: 2s}":                                                                    "unknown key \"for\"",
		"title: t\nnodes: 2\nfaults:\n  - {guard: vote}":                                                                   "s.yaml:4:6: guard vote: 3 copies, more than the 2 nodes",
		"title: t\nend: 5s\nfaults:\n  - {guard: vote, at: 6s}":                                                            "s.yaml:4:6: guard vote at 6s would come beyond the end",
		"title: t\nfaults:\n  - {guard: vote}\n  - {guard: hedge}":                                                         "s.yaml:4:6: guard hedge at 0s: the streams are to be guarded by vote at the same time",
		"title: t\nfaults: [{guard: vote}]\nbudgets: ['guard: lost == 0']":                                                 "no fault here is called \"guard\"",
		extended("timeline: [{at: 1s, guard: rescedule}]"):                                                                 "s.yaml:7:32: guard: unknown strategy",
		extended("cluster: {nodes: 3}") + "    timeline: [{guard: active, factor: 4}]":                                     "guard active: 4 copies, more than the 3 nodes",
		doing("{type: action, name: a, provider: {type: process, path: fracture, arguments: [guard, vot]}}"):               "s.yaml:4:82: guard: unknown strategy \"vot\"",
		doing("{type: action, name: a, provider: {type: process, path: fracture, arguments: 'guard vote --factor 2'}}"):    "guard: factor 2: the factor does not suit",
		doing("{type: action, name: a, provider: {type: process, path: fracture, arguments: [guard, vote, --stream, 1]}}"): "--stream: want a strategy, and --factor",
		doing("{type: action, name: a, provider: {type: process, path: fracture, arguments: [guard, vote, --factor]}}"):    "--factor: want a strategy, and --factor with a number",
		doing("{type: action, name: a, provider: {type: process, path: fracture, arguments: [guard, --factor, 3, vote]}}"): "want the strategy behind guard",

		"title: t\nmethod: []":                     "description is missing",
		"title: t\ndescription: d\nextensions: []": "method is missing",
		doing("{type: action, name: a}"):           "s.yaml:4:6: method: provider is missing",
		doing("{type: action, name: a, provider: {type: python, module: m, func: f}}"):                                                                    "s.yaml:4:46: a python provider cannot be run here",
		doing("{type: act, name: a, provider: {type: process, path: p}}"):                                                                                 "s.yaml:4:12: type \"act\": want one of action, probe",
		doing("{type: action, name: a, provider: {type: procss}}"):                                                                                        "did you mean process?",
		doing("{type: action, name: a, provider: {type: http, url: ftp://a}}"):                                                                            "want http://",
		doing("{type: action, name: a, pauses: {before: 1s}, provider: {type: process, path: p}}"):                                                        "s.yaml:4:46: before 1s: want a number of seconds",
		doing("{type: action, name: a, provider: {type: process, path: fracture, arguments: [inject, loss, --share, 120%]}}"):                             "s.yaml:4:82: loss: --share 120%",
		doing("{type: action, name: a, provider: {type: process, path: fracture, arguments: 'inject $(x)'}}"):                                             "only a shell can read",
		doing("{ref: b}") + "rollbacks: [{type: action, name: bb, provider: {type: process, path: p}}]":                                                   "nothing is called \"b\"",
		doing("{type: probe, name: a, tolerance: {type: probe, name: x}, provider: {type: process, path: p}}"):                                            "only Python has",
		doing("{type: probe, name: a, tolerance: {type: range, range: [3, 1], target: stdout}, provider: {type: process, path: p}}"):                      "has nothing in it",
		doing("{type: probe, name: a, tolerance: {type: regex, pattern: a}, provider: {type: process, path: p}}"):                                         "target is missing",
		doing("{type: probe, name: a, tolerance: {type: regex, pattern: '(', target: stdout}, provider: {type: process, path: p}}"):                       "pattern: ",
		doing("{type: probe, name: a, tolerance: {type: jsonpath, path: '$..a'}, provider: {type: process, path: p}}"):                                    "want a path of",
		"title: t\ndescription: d\nmethod: []\nsecrets: {a: {b: c}}":                                                                                      "s.yaml:4:11: secrets: none are read",
		"title: t\ndescription: d\nmethod: []\nconfiguration: {a: {type: env, key: NOT_THERE}}":                                                           "NOT_THERE is not set",
		"title: t\ndescription: d\nmethod: []\nconfiguration: {a: {type: probe}}":                                                                         "type probe cannot be had here",
		"title: t\ndescription: d\nmethod: []\nsteady-state-hypothesis: {title: s, probes: [{type: probe, name: a, provider: {type: process, path: p}}]}": "has no tolerance",
		"title: t\ndescription: d\nmethod: []\nruntime: {hypothesis: {strategy: continuousl}}":                                                            "did you mean continuously?",
		extended("timeline: [{at: 1s, action: b}]"):                                                                                                       "timeline: the method has no action \"b\"",
		extended("timeline: [{at: 1s}]"):                    "want a fault, a guard, or an action",
		extended("budgets: [speed]") + "  - name: fracture": "fracture is there already",
		strings.Repeat("#", MaxBytes+1):                     "more than",
	} {
		e, err := Parse("s.yaml", []byte(text), refusing)
		if err == nil {
			t.Errorf("%.200q is read as %+v, want %s", text, e, want)
			continue
		}
		if !errors.Is(err, ErrScenario) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.200q is\n%v\nwant a line that says %s", text, err, want)
		}
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if !strings.HasPrefix(line, "s.yaml:") {
				t.Errorf("%.200q: %q does not say where", text, line)
			}
		}
	}
}

func TestParse_tellsAllThatIsWrongInOrder(t *testing.T) {
	_, err := Parse("s.yaml", []byte("title: t\ncalm: 5\nfaults:\n  - {fault: cut, at: 3}\n  - {fault: cut, at: 4}\nload: heavy\n"), Options{})
	var wrong *Wrong
	if !errors.As(err, &wrong) || len(wrong.Findings) != 4 {
		t.Fatalf("%v, want four findings", err)
	}
	for i, line := range []int{2, 4, 5, 6} {
		if wrong.Findings[i].Line != line {
			t.Errorf("finding %d is %v, want it on line %d", i, wrong.Findings[i], line)
		}
	}
}

func TestParse_boundsWhatAShortTextBecomes(t *testing.T) {
	long := strings.Repeat("x", 8000)
	refs := strings.Repeat("  - {ref: a}\n", 1000)
	for name, text := range map[string]string{
		"many strikes of a long fault": "title: t\nfaults: [{fault: cut, every: 1s, times: 500, node: " + long + "}]",
		"many references to one":       doing("{type: action, name: a, provider: {type: process, path: p, arguments: ["+long+"]}}") + refs,
		"a long value named often": fmt.Sprintf("title: t\ndescription: d\nmethod: []\nconfiguration: {a: %s}\ntags: [%s]",
			long, strings.Repeat("\"x${a}\", ", 200)),
		"findings": "title: t\nfaults:\n" + strings.Repeat("  - {fault: cut, at: 3}\n", 400),
	} {
		_, err := Parse("s.yaml", []byte(text), Options{})
		var wrong *Wrong
		if !errors.As(err, &wrong) || len(wrong.Findings) > maxFindings+1 {
			t.Errorf("%s: %.300v, want a refusal of few lines", name, err)
		}
	}
}

func TestFormOf_tellsTheForms(t *testing.T) {
	for text, want := range map[string]Form{
		"trials: []": Native, "method: []\ntrials: []": Native, short: Native, "nemesis: {}": Native, toolkit: Toolkit, "": Native, "[": Native,
		`{"method": []}`: Toolkit, "title: t": Native,
	} {
		if got := FormOf([]byte(text)); got != want {
			t.Errorf("FormOf(%.40q) = %s, want %s", text, got, want)
		}
	}
}

func TestInject_isFracturesOwnAlone(t *testing.T) {
	for _, c := range []struct {
		p    Provider
		want string
	}{
		{Provider{Type: Process, Path: "fracture", Arguments: []string{"inject", "cut"}}, "cut"},
		{Provider{Type: Process, Path: "./bin/fracture", Line: `inject fail --terms 'every(7)panic' --node "n 1"`}, "fail|--terms|every(7)panic|--node|n 1"},
		{Provider{Type: Process, Path: "fracture", Line: "inject cut; rm x"}, ""},
		{Provider{Type: Process, Path: "fracture", Arguments: []string{"heal"}}, ""},
		{Provider{Type: Process, Path: "fracture", Arguments: []string{"inject"}}, ""},
		{Provider{Type: Process, Path: "fractured", Arguments: []string{"inject", "cut"}}, ""},
		{Provider{Type: HTTP, URL: "http://fracture"}, ""},
	} {
		got, ok := Activity{Provider: c.p}.Inject()
		if strings.Join(got, "|") != c.want || ok != (c.want != "") {
			t.Errorf("%+v injects %q, %v; want %q", c.p, got, ok, c.want)
		}
	}
}
