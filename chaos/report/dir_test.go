package report

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fracture/chaos/meter"
)

// listed are the names in a directory.
func listed(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestWrite_replacesAReportAsAWhole(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a [b]*", "out")
	if err := Check(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("Check leaves something behind")
	}
	files, err := sampleRun().Files()
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, files); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the directory is %v, %v; want 0755", info.Mode(), err)
	}
	want := slices.Sorted(slices.Values(names))
	if got := listed(t, dir); !slices.Equal(got, want) {
		t.Errorf("it holds %v, want %v", got, want)
	}
	if err := os.MkdirAll(filepath.Join(dir, draft+"123", "x"), 0o755); err != nil { // of one who was killed
		t.Fatal(err)
	}
	if err := Check(dir); err != nil {
		t.Errorf("a report with a draft beside it: %v", err)
	}
	if err := Write(dir, files[1:]); err != nil { // without the events
		t.Fatal(err)
	}
	if got := listed(t, dir); slices.Contains(got, Stream) || len(got) != len(want)-1 {
		t.Errorf("it holds %v, want no events and no draft of before", got)
	}
}

func TestWrite_leavesWhatIsThereWhereItFails(t *testing.T) {
	dir := t.TempDir()
	files, err := sampleRun().Files()
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, files); err != nil {
		t.Fatal(err)
	}
	files[0].Content = []byte("other")
	files[3].Name = filepath.Join("none", "such") // cannot be written
	if err := Write(dir, files); err == nil {
		t.Fatal("a file that cannot be written is")
	}
	if got := listed(t, dir); len(got) != len(names) {
		t.Errorf("it holds %v, want the report of before and nothing else", got)
	}
	if text, err := os.ReadFile(filepath.Join(dir, files[0].Name)); err != nil || string(text) == "other" {
		t.Errorf("a part of the report was replaced (%v)", err)
	}
}

func TestWrite_touchesNothingThatIsNoReport(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "thesis.tex")
	if err := os.WriteFile(foreign, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"Check": Check(dir), "Write": Write(dir, nil)} {
		if !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), "thesis.tex") {
			t.Errorf("%s of a directory with something else = %v, want %v", name, err, ErrForeign)
		}
	}
	if err := Check(foreign); !errors.Is(err, ErrFile) {
		t.Errorf("Check of a file = %v, want %v", err, ErrFile)
	}
	if err := Check(filepath.Join(foreign, "below")); err == nil {
		t.Error("a directory below a file can be written")
	}
	if err := Check("/proc/none/such"); !errors.Is(err, ErrClosed) {
		t.Errorf("Check where nobody can write = %v, want %v", err, ErrClosed)
	}
	if got := listed(t, dir); len(got) != 1 {
		t.Errorf("beside it lie %v", got)
	}
}

// documented are the fields of report.json that docs/CHAOS.md explains, by their place.
func documented(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../../docs/CHAOS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "#### The fields of report.json")
	if !found {
		t.Fatal("docs/CHAOS.md does not explain report.json")
	}
	table, _, _ = strings.Cut(table, "\n#")
	fields := map[string]bool{}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		for i, name := range strings.Split(cells[1], "`") {
			if i%2 == 1 {
				fields[name] = true
			}
		}
	}
	return fields
}

// within reports whether a field lies in one that is explained as a whole, as by controls[].*.
func within(fields map[string]bool, at string) bool {
	for i, c := range at {
		if c == '.' && fields[at[:i]+".*"] {
			return true
		}
	}
	return false
}

func TestDocs_explainEveryFieldOfTheObject(t *testing.T) {
	fields := documented(t)
	r := sampleRun()
	r.Experiment = json.RawMessage(`"as it was read"`)
	r.Host = "box"
	r.Activities = []Activity{{Phase: Method, Name: "freeze", Probe: true, Provider: "process", Path: "fracture", Arguments: []string{"inject"}, Planned: 1, Late: 1, Output: "n1",
		Failed: "it was not there", Unmet: "status 1, want 0", Judged: true}}
	r.Guarded = []meter.Guarded{{At: 0, Strategy: "standby", Copies: 2}, {At: 1000, Strategy: "reschedule", Copies: 1}}
	r.Trials[0].Strategy = "standby"
	files, err := r.Files()
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(files[len(files)-1].Content, &object); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var visit func(place string, value any)
	visit = func(place string, value any) {
		switch v := value.(type) {
		case map[string]any:
			for key, inner := range v {
				at := strings.TrimPrefix(place+"."+key, ".")
				seen[at] = true
				if !fields[at] && !within(fields, at) {
					t.Errorf("%s is in report.json, and docs/CHAOS.md does not explain it", at)
				}
				visit(at, inner)
			}
		case []any:
			for _, inner := range v {
				visit(place+"[]", inner)
			}
		}
	}
	visit("", object)
	optional := []string{"rows[].differ[].*", "rows[].streams[].*", "rows[].needless_with_stalled_per_min", "rows[].downtime_with_stalled_ms.*", "unjudged",
		"machine_unwatched", "rss_ballast_mib", "lost_at[].*", "door.*", "each[].again"}
	for name := range fields {
		if whole, _, _ := strings.Cut(name, ".*"); !seen[name] && !seen[strings.TrimSuffix(whole, "[]")] && !slices.Contains(optional, name) {
			t.Errorf("docs/CHAOS.md explains %s, which report.json has not", name)
		}
	}
}
