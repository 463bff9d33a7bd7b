package scenario

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// blocks are the YAML of a section of docs/CHAOS.md, in its order.
func blocks(t *testing.T, heading, until string) (texts []string) {
	t.Helper()
	doc, err := os.ReadFile("../../docs/CHAOS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(doc), heading)
	section, _, ends := strings.Cut(section, until)
	if !found || !ends {
		t.Fatalf("docs/CHAOS.md has no section %q that ends at %q", heading, until)
	}
	for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(section, -1) {
		texts = append(texts, m[1])
	}
	return texts
}

func TestDocs_theShortFormIsAsTheySay(t *testing.T) {
	texts := blocks(t, "### The short form", "### Recording")
	if len(texts) != 3 {
		t.Fatalf("%d blocks, want a scenario, a nemesis, and a scenario that changes the strategy", len(texts))
	}
	if changing := read(t, texts[2], Options{}); len(changing.Guards()) != 2 || len(changing.Plan()) != 4 {
		t.Errorf("%+v, want two faults and two changes of the strategy", changing.Fracture.Timeline)
	}
	e := read(t, strings.Join(texts[:2], ""), Options{})
	if len(e.Method) != 6 || e.Fracture.Nemesis == nil || len(e.Fracture.Budgets) != 4 {
		t.Errorf("%d actions, nemesis %v, budgets %v; want what the text shows", len(e.Method), e.Fracture.Nemesis, e.Fracture.Budgets)
	}
}

func TestDocs_aRecordingIsAsTheySay(t *testing.T) {
	texts := blocks(t, "### Recording", "### The long form")
	if len(texts) != 1 {
		t.Fatalf("%d blocks, want one", len(texts))
	}
	if e := read(t, texts[0], killing); len(e.Fracture.Timeline) != 4 || len(e.Guards()) != 1 || e.Fracture.Cluster.Nodes != 4 {
		t.Errorf("%+v, want what the text shows", e)
	}
}

func TestDocs_aListOfTrialsIsAsTheySay(t *testing.T) {
	texts := blocks(t, "### A list of trials", "### The report")
	if len(texts) != 1 {
		t.Fatalf("%d blocks, want one", len(texts))
	}
	if e := read(t, texts[0], killing); len(e.Fracture.Trials) != 2 || len(e.Method) != 1 || len(e.Fracture.Budgets) != 2 {
		t.Errorf("%+v, want what the text shows", e)
	}
}

func TestDocs_theLongFormIsWhatTheShortOneExpandsTo(t *testing.T) {
	texts := blocks(t, "### The long form", "| of Chaos Toolkit")
	if len(texts) != 1 {
		t.Fatalf("%d blocks, want one", len(texts))
	}
	long := read(t, "title: t\ndescription: t\n"+texts[0], Options{})
	short := read(t, "title: t\nfaults: [{fault: loss, at: 5s, for: 2s, share: 20%, node: n1}]", Options{})
	if string(long.YAML()) != string(short.YAML()) {
		t.Errorf("the documents show\n%s\nit expands to\n%s", long.YAML(), short.YAML())
	}
}
