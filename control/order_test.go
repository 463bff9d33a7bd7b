package control

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestReadOrder_becomesACommandLine(t *testing.T) {
	for body, want := range map[string]string{
		`{"fault":"kill","node":["n1","n2"],"for":"5s"}`:           "[kill --node=n1 --node=n2 --for=5s] 0s",
		`{"share":"20%","fault":"loss","node":"n3","inward":true}`: "[loss --share=20% --node=n3 --inward=true] 0s",
		`{"fault":"slow","times":10,"node":"all","lease":"2s"}`:    "[slow --times=10 --node=all] 2s",
		`{"fault":"slow","times":1e1,"inward":false}`:              "[slow --times=1e1 --inward=false] 0s",
		` {"fault":"kill","node":"--for=9h"} `:                     "[kill --node=--for=9h] 0s",
		`{"lease":"2s"}`:                                           "[] 2s",
		`{}`:                                                       "[] 0s",
	} {
		o, bad := readOrder([]byte(body))
		if got := fmt.Sprint(o.arguments, " ", o.lease); bad != nil || got != want {
			t.Errorf("%s becomes %s, %v, want %s", body, got, bad, want)
		}
	}
}

func TestReadOrder_saysWhatIsWrongAndWhere(t *testing.T) {
	for _, c := range []struct{ body, where, says string }{
		{``, "byte 0", "ends too early"},
		{`{"fault":"kill"`, "byte 15", "ends too early"},
		{`{"fault":kill}`, "byte", "no JSON"},
		{`["kill"]`, "byte 1", "want an object"},
		{`"kill"`, "byte 6", "want an object"},
		{`{"fault":"kill"} {}`, "byte 18", "want one object"},
		{`{"fault":"kill","node":"n1","node":"n2"}`, "node", "twice"},
		{`{"fault":"kill","fault":"freeze"}`, "fault", "twice"},
		{`{"fault":"kill","node":{"name":"n1"}}`, "node", "no objects"},
		{`{"fault":"kill","node":["n1",["n2"]]}`, "node[1]", "lists in lists"},
		{`{"fault":"kill","node":[]}`, "node", "empty"},
		{`{"fault":"kill","node":null}`, "node", "null"},
		{`{"fault":"--help"}`, "fault", "name of one fault"},
		{`{"fault":["kill","freeze"]}`, "fault", "name of one fault"},
		{`{"node":"n1"}`, "fault", "missing"},
		{`{"fault":"kill","--node":"n1"}`, `"--node"`, "no flag"},
		{`{"fault":"kill","Node":"n1"}`, `"Node"`, "no flag"},
		{`{"fault":"kill","` + strings.Repeat("n", 99) + `":1}`, `"nnn`, "no flag"},
		{`{"fault":"kill","lease":"2"}`, "lease", "duration"},
		{`{"fault":"kill","lease":"2h"}`, "lease", "100ms to 1m0s"},
		{`{"fault":"kill","lease":["1s","2s"]}`, "lease", "one duration"},
		{`{"fault":"kill","node":["` + strings.Repeat(`n","`, 70) + `n"]}`, "node", "too many"},
	} {
		_, bad := readOrder([]byte(c.body))
		if bad == nil || !strings.HasPrefix(bad.Where, c.where) || !strings.Contains(bad.Message, c.says) {
			t.Errorf("%s is refused by %+v, want %q at %s", c.body, bad, c.says, c.where)
		}
	}
}

// FuzzReadOrder holds for whatever is sent: what is refused says why, and what is taken is a name and flags, in bounds.
func FuzzReadOrder(f *testing.F) {
	for _, seed := range []string{
		`{"fault":"kill","node":["n1","n2"],"for":"5s"}`, `{"fault":"loss","share":0.2,"inward":true,"lease":"2s"}`,
		`{"fault":"kill","node":{"a":[1,{}]}}`, `{"a":1,"a":2}`, `[[[[`, `{"fault":"\u0000"}`, "{\"fault\":\"kill\"}\n{}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		o, bad := readOrder(body)
		if bad != nil {
			if bad.Message == "" || len(bad.Message) > 4*maxBodyBytes || len(o.arguments) > 0 || o.lease != 0 {
				t.Errorf("refused with %+v and %+v, want a reason and nothing else", bad, o)
			}
			return
		}
		if o.lease != 0 && (o.lease < shortestLease || o.lease > longestLease) {
			t.Errorf("the lease is %v", o.lease)
		}
		for i, a := range o.arguments {
			name, _, valued := strings.Cut(strings.TrimPrefix(a, "--"), "=")
			if valued != (i > 0) || !validKey.MatchString(name) || i > maxArguments {
				t.Errorf("argument %d is %q", i, a)
			}
		}
	})
}

func TestLimits_whatMayBeBroken(t *testing.T) {
	// A ring of five: each tile i is run by node i and copied to the next.
	ring := func(broken ...string) []Stock {
		var nodes []Stock
		for i := range uint32(5) {
			n := Stock{Name: fmt.Sprintf("n%d", i+1), Holds: []uint32{i, (i + 4) % 5}}
			for _, b := range broken {
				n.Broken = n.Broken || b == n.Name
			}
			nodes = append(nodes, n)
		}
		return nodes
	}
	alone := []Stock{{Name: "n1", Holds: []uint32{0}}, {Name: "n2", Holds: []uint32{1}}} // one copy of each tile
	for _, c := range []struct {
		name    string
		limits  Limits
		nodes   []Stock
		victims []string
		yes     bool
		says    string // "": it may
	}{
		{"one of five", Limits{}, ring(), []string{"n3"}, false, ""},
		{"two that share no tile", Limits{}, ring(), []string{"n1", "n3"}, false, ""},
		{"both holders of a tile", Limits{}, ring(), []string{"n2", "n3"}, false, "tile 1 is held by nobody but n2 and n3"},
		{"both, and it is wanted", Limits{}, ring(), []string{"n2", "n3"}, true, ""},
		{"the second holder", Limits{}, ring("n2"), []string{"n3"}, false, "n2 and n3"},
		{"another one beside it", Limits{}, ring("n2"), []string{"n4"}, false, ""},
		{"the only holder, as promised", Limits{}, alone, []string{"n1"}, false, ""},
		{"who runs what it has a copy of", Limits{}, []Stock{{Name: "n1", Holds: []uint32{0, 0}}, {Name: "n2"}}, []string{"n1"}, false, ""},
		{"the last node", Limits{}, alone, []string{"n1", "n2"}, false, "no node would be left; say yes-break-it"},
		{"the last node, and it is wanted", Limits{}, alone, []string{"n1", "n2"}, true, ""},
		{"more than so many", Limits{Nodes: 1}, ring("n1"), []string{"n3"}, true, "--max-nodes allows 1"},
		{"as many", Limits{Nodes: 2}, ring("n1"), []string{"n3"}, false, ""},
		{"the same node again", Limits{Nodes: 1}, ring("n1"), []string{"n1"}, false, ""},
		{"more than a share", Limits{Percent: 39}, ring(), []string{"n1", "n3"}, true, "--max-percent allows 39%"},
		{"that share", Limits{Percent: 40}, ring(), []string{"n1", "n3"}, false, ""},
		{"of nothing", Limits{Percent: 1}, nil, nil, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.limits.Check(c.nodes, c.victims, c.yes)
			switch {
			case c.says == "" && err != nil:
				t.Errorf("Check = %v, want that it may", err)
			case c.says != "" && (!errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), c.says)):
				t.Errorf("Check = %v, want a conflict that says %q", err, c.says)
			}
		})
	}
}
