package scenario

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"fracture/chaos/meter"
)

// validate holds a text against the schema.
func validate(t *testing.T, text []byte) error {
	t.Helper()
	var schema jsonschema.Schema
	if err := json.Unmarshal(Schema, &schema); err != nil {
		t.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{name: "s.yaml"}
	top := r.tree(text)
	if top == nil || !r.plain(top) {
		t.Fatal(r.verdict())
	}
	var b strings.Builder
	writeJSON(&b, top, "", false)
	var value any
	if err := json.Unmarshal([]byte(b.String()), &value); err != nil {
		t.Fatal(err)
	}
	return resolved.Validate(value)
}

func TestSchema_allowsTheGalleryAndWhatItExpandsTo(t *testing.T) {
	files, err := filepath.Glob("../../scenarios/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{"everything": everything, "toolkit": toolkit, "guarding": guarding,
		"guarding by the timeline": extended("timeline: [{at: 1s, guard: vote, factor: 4}]")}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	for name, text := range texts {
		if err := validate(t, []byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := validate(t, read(t, text, environment).YAML()); err != nil {
			t.Errorf("%s, expanded: %v", name, err)
		}
	}
}

func TestSchema_refusesWhatTheReaderRefuses(t *testing.T) {
	for _, text := range []string{
		short + "color: red\n",
		short + "calm: 5\n",
		short + "calm: soon\n",
		short + "nodes: 33\n",
		short + "load: heavy\n",
		short + "max-nodes: 0\n",
		short + "max-percent: 101\n",
		short + "yes-break-it: maybe\n",
		short + "budgets: [speed <= 3]\n",
		"title: t\nfaults: [{at: 1s}]\n",
		"title: t\nfaults: [{guard: standbye}]\n",
		"title: t\nfaults: [{guard: vote, factor: 5}]\n",
		"title: t\nfaults: [{guard: vote, node: n1}]\n",
		extended("timeline: [{at: 1s, guard: vote, node: n1}]"),
		"trials: []\n",
		"trials: [{component: roof, fault: kill}]\n",
		"trials: [{component: owner, fault: kill, action: a}]\n",
		"trials: [{component: owner, fault: kill, trials: 0}]\n",
		"title: t\n",
		extended("trials: [{component: owner, fault: melt}]"),
		"title: t\nfaults: [{fault: cut, Node: n1}]\n",
		"title: t\nfaults: [{fault: cut, node: {a: 1}}]\n",
		"title: t\nnemesis: {faults: [{fault: cut, weight: 0}], every: 1s, for: 5s}\n",
		"title: t\nnemesis: {faults: [{fault: cut}], every: 1s}\n",
		extended("color: red"),
		extended("cluster: {nodes: 5, colour: red}"),
		extended("timeline: [{action: a, node: n1}]"),
	} {
		if err := validate(t, []byte(text)); err == nil {
			t.Errorf("the schema allows\n%s", text)
		}
		if _, err := Parse("s.yaml", []byte(text), Options{}); err == nil {
			t.Errorf("the reader allows\n%s", text)
		}
	}
}

func TestSchema_namesTheKeysThatTheReaderKnows(t *testing.T) {
	var schema jsonschema.Schema
	if err := json.Unmarshal(Schema, &schema); err != nil {
		t.Fatal(err)
	}
	series := append(slices.Clone(seriesKeys), "action")
	for def, known := range map[string][]string{"native": nativeKeys, "extension": extensionKeys, "series": series, "guard": guardKeys} {
		var keys []string
		for k := range schema.Defs[def].Properties {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		if want := slices.Sorted(slices.Values(known)); !slices.Equal(keys, want) {
			t.Errorf("%s: the schema has %v, the reader %v", def, keys, want)
		}
	}
	for key, there := range map[string][]string{"component": spelled(meter.Components), "fault": spelled(meter.Kinds)} {
		var named []string
		for _, v := range schema.Defs["series"].Properties[key].Enum {
			named = append(named, fmt.Sprint(v))
		}
		if !slices.Equal(named, there) {
			t.Errorf("%s: the schema has %v, the meter %v", key, named, there)
		}
	}
}
