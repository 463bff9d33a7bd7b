package tui

import (
	"os"
	"strings"
	"testing"
)

// keysPage is docs/KEYS.md, made of the action table.
func keysPage(table []action, words [][2]string) string {
	var b strings.Builder
	b.WriteString("# The keys of the screen\n\n" +
		"What `fracture lab` and `fracture attach` do on a key. The table below is made of the one list of actions in tui/actions.go, as\n" +
		"`?` and the last row of the screen are; `go test ./tui -update` writes this page anew.\n\n" +
		"| key | also | what it does |\n|---|---|---|\n")
	for _, a := range table {
		b.WriteString("| `" + a.label + "` | " + also(a) + " | " + a.help + " |\n")
	}
	b.WriteString("\nA click on a lit key in the last row, or on a line of help, is that key; a click on a node's line or on a tile picks the node.\n" +
		"A drag moves the picture, and the wheel zooms it where the mouse is.\n" +
		"`--no-mouse` leaves the mouse to the terminal. What would end the last one who holds a task is asked for twice.\n\n" +
		"## Words\n\n| word | what it means |\n|---|---|\n")
	for _, w := range words {
		b.WriteString("| " + w[0] + " | " + w[1] + " |\n")
	}
	return b.String()
}

// also are the keys of an action that its label does not name.
func also(a action) string {
	var others []string
	for _, k := range a.keys {
		digit := len(k) == 1 && k[0] >= '1' && k[0] <= '9'
		if k != a.label && !digit && strings.Replace(k, "ctrl+", "^", 1) != a.label {
			others = append(others, "`"+k+"`")
		}
	}
	return strings.Join(others, " ")
}

func TestKeysPage_isMadeOfTheActions(t *testing.T) {
	const page = "../docs/KEYS.md"
	want := keysPage(actions(), legend())
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the actions make of it (go test ./tui -update writes it anew):\n%s", page, want)
	}
}
