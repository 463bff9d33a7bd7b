package scenario

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// environment is one in which HOST alone is set.
var environment = Options{Environment: func(name string) (string, bool) { return "127.0.0.1", name == "HOST" }}

// toolkit is an experiment that uses what is understood.
const toolkit = `
title: a node is slow
description: nobody is to wait
tags: [latency]
configuration:
  host: {type: env, key: HOST}
  port: {type: env, key: PORT, default: "7035", env_var_type: int}
  pause: 1.5
  share: 20%
steady-state-hypothesis:
  title: the door answers
  probes:
    - type: probe
      name: door
      tolerance: 200
      provider: {type: http, url: "http://${host}:${port}/health", timeout: 2, headers: {Accept: text/plain}, verify_tls: false}
    - {type: probe, name: nodes, tolerance: {type: range, target: stdout, range: [3, 5]}, provider: {type: process, path: count, arguments: "--nodes | wc -l"}}
    - {type: probe, name: words, tolerance: {type: regex, target: stdout, pattern: "^ok"}, provider: {type: process, path: say}}
    - {type: probe, name: tree, tolerance: {type: jsonpath, target: body, path: "$.nodes[0].name", expect: n1}, provider: {type: http, url: "https://a/b"}}
    - {type: probe, name: codes, tolerance: [0, 3], provider: {type: process, path: say, arguments: [1, two, "", null]}}
method:
  - type: action
    name: lose
    background: true
    pauses: {before: "${pause}", after: 0.25}
    provider: {type: process, path: /usr/bin/fracture, arguments: [inject, loss, --share, "${share}", --node, n1, --for, 2s]}
  - ref: door
  - type: action
    name: post
    provider: {type: http, url: "http://a", method: post, arguments: {a: [1, null, {b: 0x10}], c: "${unknown}"}, expected_status: 201}
rollbacks:
  - {type: action, name: undo, provider: {type: process, path: fracture, arguments: heal}}
runtime:
  hypothesis: {strategy: continuously, frequency: 0.5, fail_fast: true}
  rollbacks: {strategy: deviated}
extensions:
  - {name: other, x: 1}
  - name: fracture
    timeline: [{at: 3s, action: lose}, {at: 5s, every: 1s, times: 2, fault: cut, node: n2, for: 500ms}]
`

func TestParse_readsAnExperimentOfChaosToolkit(t *testing.T) {
	e := read(t, toolkit, environment)
	if err := errors.Join(same(e, e.YAML()), same(e, e.JSON())); err != nil {
		t.Error(err)
	}
	door, lose, post := e.Hypothesis.Probes[0], e.Method[0], e.Method[2]
	if door.Provider.URL != "http://127.0.0.1:7035/health" || !door.Provider.UnsafeTLS || door.Provider.Timeout != 2*time.Second {
		t.Errorf("the door is asked by %+v, want the configuration put in", door.Provider)
	}
	if arguments, ok := lose.Inject(); !ok || !slices.Equal(arguments, strings.Fields("loss --share 20% --node n1 --for 2s")) {
		t.Errorf("lose injects %q, %v", arguments, ok)
	}
	if lose.Before != 1500*time.Millisecond || lose.After != 250*time.Millisecond || !lose.Background {
		t.Errorf("lose is %+v, want pauses of 1.5 s and 250 ms in the background", lose)
	}
	if e.Method[1].Name != "door" || e.Method[1].Provider.URL != door.Provider.URL {
		t.Errorf("the second is %+v, want what it refers to", e.Method[1])
	}
	if got := string(post.Provider.Body); got != `{"a":[1,null,{"b":16}],"c":"${unknown}"}` || post.Provider.Method != "POST" {
		t.Errorf("post sends %s by %s", got, post.Provider.Method)
	}
	if got := e.Hypothesis.Probes[4].Provider.Arguments; !slices.Equal(got, []string{"1", "two"}) {
		t.Errorf("arguments are %q, want no empty ones", got)
	}
	want := Runtime{Continuously, 500 * time.Millisecond, true, Deviated}
	if e.Runtime != want {
		t.Errorf("runtime = %+v, want %+v", e.Runtime, want)
	}
	var warned []string
	for _, w := range e.Warnings {
		warned = append(warned, w.String())
	}
	if len(warned) != 2 || !strings.HasSuffix(warned[0], "${unknown}: the configuration has no such value; it stays as it is") ||
		!strings.HasSuffix(warned[1], "warning: extensions: other is not looked at") {
		t.Errorf("warnings:\n%s", strings.Join(warned, "\n"))
	}
	if !json.Valid(e.JSON()) {
		t.Errorf("not JSON: %s", e.JSON())
	}
}

func TestPlan_isInTheOrderOfTime(t *testing.T) {
	type line struct {
		at     time.Duration
		inTurn bool
		fault  string
	}
	var got []line
	for _, s := range read(t, toolkit, environment).Plan() {
		got = append(got, line{s.At, s.InTurn, s.Fault})
	}
	want := []line{{0, true, ""}, {0, true, ""}, {3 * time.Second, false, "loss"}, {5 * time.Second, false, "cut"}, {6 * time.Second, false, "cut"}}
	if !slices.Equal(got, want) {
		t.Errorf("plan = %v, want %v", got, want)
	}
	serial := read(t, "title: t\norder: serial\nfaults:\n  - {fault: cut, at: 1s, for: 2s, node: n1}\n  - {fault: cut, at: 1s, every: 3s, times: 2, for: 1s, node: n1}\n  - {fault: reset}", Options{})
	var at []time.Duration
	for _, s := range serial.Plan() {
		at = append(at, s.At/time.Second)
	}
	if !slices.Equal(at, []time.Duration{1, 4, 7, 8}) {
		t.Errorf("in serial they come at %v s, want each after the one before is over", at)
	}
}

func TestNemesis_strikesTheSameUnderTheSameSeed(t *testing.T) {
	m := read(t, "title: t\nnemesis: {every: 1s, times: 400, faults: [{fault: cut, weight: 3}, {fault: reset}]}", Options{}).Fracture.Nemesis
	count := func(seed uint64) (cuts int, kinds string) {
		for _, s := range m.Strikes(seed) {
			kinds += s.Fault.Kind
			if s.Fault.Kind == "cut" {
				cuts++
			}
		}
		return cuts, kinds
	}
	cuts, kinds := count(1)
	if _, again := count(1); again != kinds {
		t.Error("the same seed draws other faults")
	}
	if _, other := count(2); other == kinds {
		t.Error("another seed draws the same faults")
	}
	if len(m.Strikes(1)) != 400 || cuts < 260 || cuts > 340 {
		t.Errorf("%d of %d are cuts, want about three of four", cuts, len(m.Strikes(1)))
	}
}

func TestTolerance_judgesAnAnswer(t *testing.T) {
	good := Answer{Status: 200, Good: true, Said: ` {"nodes": [{"name": "n1", "up": true}, {"name": "n2", "up": false}], "n": 7} `, Parts: "Content-Type: application/json"}
	for text, want := range map[string]bool{
		"200": true, "201": false, "true": true, "false": false, "ok": false, "[200, 204]": true, "[100, 300]": false,
		"{type: range, target: status, range: [100, 300]}":                               true,
		"{type: range, target: body, range: [100, 300]}":                                 false,
		"{type: regex, target: headers, pattern: \"application/.son\"}":                  true,
		"{type: regex, target: body, pattern: \"n3\"}":                                   false,
		"{type: jsonpath, target: body, path: \"$.nodes[*].name\"}":                      true,
		"{type: jsonpath, target: body, path: \"$.nodes[*].name\", count: 3}":            false,
		"{type: jsonpath, target: body, path: \"$.nodes[*].up\", expect: [true, false]}": true,
		"{type: jsonpath, target: body, path: \"$['n']\", expect: 7}":                    true,
		"{type: jsonpath, target: body, path: \"$.nodes[5]\"}":                           false,
		"{type: jsonpath, target: body, path: \"$.nodes[0].*\", count: 2}":               true,
	} {
		e := read(t, "title: t\ndescription: d\nmethod: []\nsteady-state-hypothesis:\n  title: s\n  probes:\n  - {type: probe, name: p, tolerance: "+
			text+", provider: {type: http, url: \"http://a\"}}", Options{})
		if met, why := e.Hypothesis.Probes[0].Tolerance.Met(good); met != want {
			t.Errorf("%s met = %v (%s), want %v", text, met, why, want)
		}
	}
}
