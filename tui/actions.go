package tui

import (
	"slices"

	tea "charm.land/bubbletea/v2"
)

// action is one thing a user can do. The table of [actions] is the only list of them: keys, help, footer and clicks are
// made from it.
type action struct {
	name  string   // one word; how a script would call it
	keys  []string // as Bubble Tea spells them
	label string   // the key as it is shown
	help  string   // what it does, as help shows it
	// hint says what it would do now, naming its target, in few words where the footer is short of room (brief); empty
	// where the footer need not show it. It may be nil.
	hint func(s *state, brief bool) string
	do   func(m *model, key string) tea.Cmd
}

// actions is everything a user can do, in the order in which help shows it and in which the footer, where it is short of
// room, prefers it.
func actions() []action {
	return []action{
		{name: "kill", keys: []string{"x"}, label: "x", help: "kill the picked node, as kill -9 does",
			hint: hintKill, do: (*model).kill},
		{name: "freeze", keys: []string{"p"}, label: "p", help: "freeze the picked node; again to thaw it",
			hint: hintFreeze, do: (*model).freezeOrThaw},
		{name: "revive", keys: []string{"r"}, label: "r", help: "start the picked node again",
			hint: hintRevive, do: (*model).revive},
		{name: "full", keys: []string{"f"}, label: "f", help: "fill the screen with the picture; again: the panels",
			hint: hintFull, do: (*model).toggleFull},
		{name: "owners", keys: []string{"o"}, label: "o", help: "tint tiles by the node that computed them",
			hint: hintOwners, do: (*model).toggleOwners},
		{name: "hold", keys: []string{"space"}, label: "space", help: "hold the display; the cluster runs on",
			hint: hintHold, do: (*model).toggleHold},
		{name: "guard", keys: []string{"S"}, label: "S", help: "guard by the next strategy, or start again",
			hint: hintGuard, do: (*model).guard},
		{name: "heal", keys: []string{"H"}, label: "H", help: "heal everything that stands",
			hint: hintHeal, do: (*model).heal},
		{name: "undo", keys: []string{"u"}, label: "u", help: "take the last fault or strategy back",
			hint: hintUndo, do: (*model).undo},
		{name: "cut", keys: []string{"n"}, label: "n", help: "cut the picked node off, from all or from one",
			do: (*model).cut},
		{name: "delay", keys: []string{"l"}, label: "l", help: "have all that it says come 20 ms late",
			do: (*model).delay},
		{name: "fail", keys: []string{"e"}, label: "e", help: "have each seventh of its tasks fail",
			do: (*model).fail},
		{name: "slow", keys: []string{"d"}, label: "d", help: "have its tasks take ten times as long",
			do: (*model).slow},
		{name: "store", keys: []string{"s"}, label: "s", help: "take the store down, as nodes see it",
			do: (*model).storeDown},
		{name: "monkey", keys: []string{"m"}, label: "m", help: "break something every 3 s; again: no more",
			hint: hintMonkey, do: (*model).monkey},
		{name: "pick", keys: []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "tab", "shift+tab"}, label: "1-9",
			help: "pick a node, as a click does; tab: the next",
			hint: func(*state, bool) string { return "pick" }, do: (*model).pick},
		{name: "palette", keys: []string{"c"}, label: "c", help: "draw with the next palette",
			hint: func(*state, bool) string { return "palette" }, do: (*model).nextPalette},
		{name: "pan", keys: []string{"left", "right", "up", "down"}, label: "arrow", help: "move the picture, as a drag of the mouse does",
			do: (*model).pan},
		{name: "zoom", keys: []string{"+", "=", "-"}, label: "+ -", help: "zoom, at the mouse's last place or in the middle; so does the wheel",
			do: (*model).zoom},
		{name: "home", keys: []string{"0"}, label: "0", help: "back to what the picture showed first",
			do: (*model).goHome},
		{name: "julia", keys: []string{"j"}, label: "j", help: "the Julia set of that point; again: back",
			do: (*model).julia},
		{name: "goto", keys: []string{"g"}, label: "g", help: "go to x,y or x,y,width",
			do: (*model).writePlace},
		{name: "journey", keys: []string{"J"}, label: "J", help: "travel from place to place, until a key of these",
			hint: hintJourney, do: (*model).journey},
		{name: "record", keys: []string{"R"}, label: "R", help: "record what is broken and healed; again ends it",
			hint: hintRecord, do: (*model).record},
		{name: "keep", keys: []string{"w"}, label: "w", help: "write the screen and the picture to files",
			do: (*model).keep},
		{name: "filter", keys: []string{"/"}, label: "/", help: "show of the log what holds a text",
			do: (*model).writeFilter},
		{name: "scroll", keys: []string{"pgup", "pgdown"}, label: "pgup", help: "scroll the log back; pgdown: on",
			do: (*model).scroll},
		{name: "help", keys: []string{"?", "f1"}, label: "?", help: "show these keys, or hide them",
			hint: func(*state, bool) string { return "help" }, do: (*model).toggleHelp},
		{name: "close", keys: []string{"esc"}, label: "esc", help: "close help, show the panels and all of the log, release the display",
			do: (*model).closeAll},
		{name: "suspend", keys: []string{"ctrl+z"}, label: "^z", help: "put the screen in the background",
			do: (*model).suspend},
		{name: "quit", keys: []string{"q", "ctrl+c"}, label: "q", help: "leave the screen",
			hint: func(*state, bool) string { return "quit" }, do: func(*model, string) tea.Cmd { return tea.Quit }},
	}
}

// press runs the action of a key, if there is one. Whatever key follows a question answers it, and only the same one with yes.
func (m *model) press(key string) tea.Cmd {
	defer func(asked question) {
		if m.state.asked == asked && asked != (question{}) {
			m.state.message, m.state.asked = "", question{}
			m.soil(paneFooter)
		}
	}(m.state.asked)
	if m.typed(key) || m.typedPlace(key) || m.part(key) {
		return nil
	}
	for i := range m.table {
		if slices.Contains(m.table[i].keys, key) {
			return m.table[i].do(m, key)
		}
	}
	return nil
}

func hintKill(s *state, brief bool) string {
	n := s.target()
	if n == nil || n.Foreign || n.State == Dead {
		return ""
	}
	switch {
	case !brief:
		return "kill " + n.Name + s.stake(n)
	case len(n.Leads) > 0:
		return "kill splitter " + n.Name
	}
	return "kill " + n.Name
}

func hintFreeze(s *state, _ bool) string {
	n := s.target()
	switch {
	case n == nil || n.Foreign || n.State == Dead:
		return ""
	case n.State == Frozen:
		return "thaw " + n.Name
	}
	return "freeze " + n.Name
}

func hintRevive(s *state, _ bool) string {
	n := s.target()
	if n == nil || n.Foreign || n.State != Dead {
		return ""
	}
	return "revive " + n.Name
}

// hintHeal shows the key where some node of ours is frozen or dead; what else stands the screen does not know.
func hintHeal(s *state, brief bool) string {
	for i := range s.nodes {
		if n := &s.nodes[i]; !n.Foreign && (n.State == Dead || n.State == Frozen) {
			if brief {
				return "heal"
			}
			return "heal all"
		}
	}
	return ""
}

// hintMonkey shows the key while something breaks at random.
func hintMonkey(s *state, _ bool) string {
	if s.loose {
		return "stop monkey"
	}
	return ""
}

func hintUndo(s *state, brief bool) string {
	switch n := len(s.undoable()); {
	case n == 0:
		return ""
	case brief:
		return "undo"
	default:
		return "undo " + s.undos[n-1].String()
	}
}

func hintGuard(s *state, _ bool) string {
	next := s.nextStrategy()
	switch {
	case next == 0:
		return ""
	case s.stopped != "":
		return "start again"
	}
	return next.String()
}

func hintRecord(s *state, _ bool) string {
	if s.recording() {
		return "stop recording"
	}
	return "record"
}

func hintOwners(s *state, _ bool) string {
	if s.owners {
		return "colours"
	}
	return "owners"
}

// hintFull shows the key where there are no panels, and nothing else says how to get them back.
func hintFull(s *state, _ bool) string {
	if s.full {
		return "panels"
	}
	return ""
}

func hintHold(s *state, _ bool) string {
	if s.held != 0 {
		return "go on"
	}
	return "hold"
}
