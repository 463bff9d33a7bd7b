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
	b.WriteString("\nA click on a lit key in the last row, or on a line of help, is that key; a click on a node's line or on a tile picks the node,\n" +
		"and one on a panel's title gives it the focus, for the picture on the row below it.\n" +
		"A drag moves the picture, and the wheel zooms it where the mouse is.\n" +
		"`M`, or from the beginning `--no-mouse`, leaves the mouse to the terminal, which then selects text as elsewhere. What would end the\n" +
		"last one who holds a task is asked for twice.\n\n" +
		"In help up and down choose a line and enter runs it; `/` asks for letters, and leaves the lines whose name or help holds them in\n" +
		"that order. `:` asks for an action's name in the same way, and shows the names. What follows a whole name is for the action: the\n" +
		"node to do it to, by its name or number, or which of its keys is meant.\n\n" +
		"```\n:pick n3\n:kill n2\n:scroll pgdown\n```\n\n" +
		"Without a screen (`--plain`, `--json`) a line of the standard input is an action by its whole name, and what comes of each is a\n" +
		"line of its own: `(echo kill n3; sleep 2; echo heal) | fracture lab --plain --duration 10s`. `help` lists them.\n\n" +
		"## For everyone\n\n" +
		"`fracture lab`, `fracture attach` and `fracture run --live` take the same flags. No meaning is told by colour alone.\n\n" +
		"| flag | what it does |\n|---|---|\n" +
		"| `--theme dark` | the text's colours, for a dark terminal: the default |\n" +
		"| `--theme light` | the same roles, dark enough to be read on white |\n" +
		"| `--theme high-contrast` | the terminal's own colours alone, with bold, underline and reverse: for dark and light |\n" +
		"| `--theme colour-blind` | blue, yellow and vermilion in place of green, yellow and red |\n" +
		"| `--no-anim` | nothing moves: what happens is drawn once a second, the picture as all else, and what a key does at once |\n" +
		"| `--ascii` | only ASCII characters, in the picture too |\n" +
		"| `--color` | depth of colour: auto, truecolor, 256, 16 or none; not with `--live` |\n\n" +
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
