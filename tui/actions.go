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
	help  string   // what it does, as help shows it; its first clause can stand alone
	brief string   // the same where help is short of room, in at most 11 cells
	// hint says what it would do now, naming its target, in few words where the footer is short of room (brief); empty
	// where the footer need not show it. It may be nil.
	hint func(s *state, brief bool) string
	do   func(m *model, key string) tea.Cmd
	line func(m *model, a *action, rest string) tea.Cmd // with the rest of a line that names it; nil: only one of its keys makes sense

	drawn bool // it is about what is drawn alone: without a screen it does nothing

	of   []pane // the panels that it is about: while one of them has the focus, the footer names it first
	only bool   // only then do its keys do it; else they may be another action's
}

// actions is everything a user can do, in the order in which help shows it and in which the footer, where it is short of
// room, prefers it.
func actions() []action { return slices.Concat(foremost(), looking(), keeping()) }

// foremost are what one came for: to break and heal, and to see who does what.
func foremost() []action {
	return []action{
		{name: "kill", keys: []string{"x"}, label: "x", help: "kill the picked node, as kill -9 does", brief: "kill",
			hint: hintKill, do: (*model).kill, line: onNode},
		{name: "freeze", keys: []string{"p"}, label: "p", help: "freeze the picked node; again to thaw it", brief: "freeze/thaw",
			hint: hintFreeze, do: (*model).freezeOrThaw, line: onNode},
		{name: "revive", keys: []string{"r"}, label: "r", help: "start the picked node again", brief: "revive",
			hint: hintRevive, do: (*model).revive, line: onNode},
		{name: "full", keys: []string{"f"}, label: "f", help: "show the panel with the focus alone; again: all", brief: "panel alone",
			hint: hintFull, do: (*model).toggleFull, of: stops()[1:], drawn: true},
		{name: "mouse", keys: []string{"M"}, label: "M", help: "leave the mouse to the terminal; again: take it", brief: "free mouse",
			hint: hintMouse, do: (*model).freeMouse, drawn: true},
		{name: "owners", keys: []string{"o"}, label: "o", help: "tint tiles by the node that computed them", brief: "tint owners",
			hint: hintOwners, do: (*model).toggleOwners, drawn: true},
		{name: "hold", keys: []string{"space"}, label: "space", help: "hold the display; the cluster runs on", brief: "hold",
			hint: hintHold, do: (*model).toggleHold, drawn: true},
		{name: "guard", keys: []string{"S"}, label: "S", help: "guard by the next strategy, or start again", brief: "next guard",
			hint: hintGuard, do: (*model).guard},
		{name: "heal", keys: []string{"H"}, label: "H", help: "heal everything that stands", brief: "heal all",
			hint: hintHeal, do: (*model).heal},
		{name: "undo", keys: []string{"u"}, label: "u", help: "take the last fault or strategy back", brief: "undo",
			hint: hintUndo, do: (*model).undo},
		{name: "cut", keys: []string{"n"}, label: "n", help: "cut the picked node off, from all or from one", brief: "cut off",
			do: (*model).cut, line: onNode},
		{name: "delay", keys: []string{"l"}, label: "l", help: "have all that it says come 20 ms late", brief: "delay",
			do: (*model).delay, line: onNode},
		{name: "fail", keys: []string{"e"}, label: "e", help: "have each seventh of its tasks fail", brief: "fail tasks",
			do: (*model).fail, line: onNode},
		{name: "slow", keys: []string{"d"}, label: "d", help: "have its tasks take ten times as long", brief: "slow tasks",
			do: (*model).slow, line: onNode},
		{name: "store", keys: []string{"s"}, label: "s", help: "take the store down, as nodes see it", brief: "store down",
			do: (*model).storeDown},
		{name: "monkey", keys: []string{"m"}, label: "m", help: "break something every 3 s; again: no more", brief: "monkey",
			hint: hintMonkey, do: (*model).monkey},
	}
}

// looking are what chooses a node, a panel, and what the picture shows.
func looking() []action {
	return []action{
		{name: "pick", keys: []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "[", "]"}, label: "1-9",
			help: "pick a node, as a click does; ]: the next, [: back", brief: "pick a node",
			hint: func(*state, bool) string { return "pick" }, do: (*model).pick, line: pickNode},
		{name: "focus", keys: []string{"tab", "shift+tab"}, label: "tab", help: "focus the next panel; shift+tab: the one before", brief: "next panel",
			hint: hintWalk, do: (*model).walk, drawn: true},
		{name: "jump", keys: []string{"f2", "f3", "f4", "f5", "f6"}, label: "F2-F6", help: "focus one panel; F2 is the picture, F6 the topology", brief: "to a panel",
			do: (*model).jump, drawn: true},
		{name: "move", keys: []string{"up", "down"}, label: "↑↓", help: "pick or scroll, in nodes, log and topology", brief: "move",
			hint: hintMove, do: (*model).move, of: []pane{paneNodes, paneLog, paneTopology}, only: true, drawn: true},
		{name: "palette", keys: []string{"c"}, label: "c", help: "draw with the next palette", brief: "palette",
			hint: func(*state, bool) string { return "palette" }, do: (*model).nextPalette, drawn: true},
		{name: "pan", keys: []string{"left", "right", "up", "down"}, label: "arrow", help: "move the picture, as a drag of the mouse does", brief: "move",
			do: (*model).pan, of: []pane{panePicture}, only: true},
		{name: "zoom", keys: []string{"+", "=", "-"}, label: "+ -", help: "zoom, at the mouse's last place or in the middle; so does the wheel", brief: "zoom",
			do: (*model).zoom},
		{name: "home", keys: []string{"0"}, label: "0", help: "back to what the picture showed first", brief: "first view",
			do: (*model).goHome},
		{name: "julia", keys: []string{"j"}, label: "j", help: "the Julia set of that point; again: back", brief: "Julia set",
			do: (*model).julia},
		{name: "goto", keys: []string{"g"}, label: "g", help: "go to x,y or x,y,width", brief: "go to x,y",
			do: (*model).writePlace, line: goLine},
		{name: "journey", keys: []string{"J"}, label: "J", help: "travel from place to place, until a key of these", brief: "travel",
			hint: hintJourney, do: (*model).journey},
		{name: "shape", keys: []string{"v"}, label: "v", help: "draw the picture in quadrants, signs or dots", brief: "other cells",
			do: (*model).nextShape, drawn: true},
	}
}

// keeping are what keeps what was seen, finds what one looks for, and ends the screen.
func keeping() []action {
	return []action{
		{name: "record", keys: []string{"R"}, label: "R", help: "record what is broken and healed; again ends it", brief: "record",
			hint: hintRecord, do: (*model).record},
		{name: "keep", keys: []string{"w"}, label: "w", help: "write the screen and the picture to files", brief: "write files",
			do: (*model).keep, drawn: true},
		{name: "filter", keys: []string{"/"}, label: "/", help: "show of the log what holds a text", brief: "filter log",
			hint: hintFilter, do: (*model).writeFilter, of: []pane{paneLog}, drawn: true},
		{name: "scroll", keys: []string{"pgup", "pgdown"}, label: "pgup", help: "scroll the log back; pgdown: on", brief: "scroll log",
			do: (*model).scroll, drawn: true},
		{name: "command", keys: []string{":"}, label: ":", help: "find an action by its name, and run it", brief: "find action",
			hint: hintCommand, do: (*model).command, drawn: true},
		{name: "help", keys: []string{"?", "f1"}, label: "?", help: "show these keys, or hide them", brief: "help",
			hint: func(*state, bool) string { return "help" }, do: (*model).toggleHelp},
		{name: "close", keys: []string{"esc"}, label: "esc", help: "close help, show the panels and all of the log, release the display, focus the picture", brief: "close",
			do: (*model).closeAll, drawn: true},
		{name: "suspend", keys: []string{"ctrl+z"}, label: "^z", help: "put the screen in the background", brief: "suspend",
			do: (*model).suspend, drawn: true},
		{name: "quit", keys: []string{"q", "ctrl+c"}, label: "q", help: "leave the screen", brief: "quit",
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
	if cmd, mine := m.seek(key); mine {
		return cmd
	}
	for i := range m.table {
		if a := &m.table[i]; slices.Contains(a.keys, key) && a.heeds(&m.state) {
			return a.do(m, key)
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

// hintFreeze does without the name where there is little room: hintKill has it.
func hintFreeze(s *state, brief bool) string {
	n := s.target()
	if n == nil || n.Foreign || n.State == Dead {
		return ""
	}
	verb := "freeze"
	if n.State == Frozen {
		verb = "thaw"
	}
	if brief {
		return verb
	}
	return verb + " " + n.Name
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

func hintOwners(s *state, brief bool) string {
	switch {
	case s.owners:
		return "colours"
	case brief:
		return "tint"
	}
	return "owners"
}

func hintCommand(_ *state, brief bool) string {
	if brief {
		return "do"
	}
	return "command"
}

// hintMouse shows the key while the mouse is the terminal's, and nothing else says why clicks do nothing.
func hintMouse(s *state, brief bool) string {
	switch {
	case !s.unmoused:
		return ""
	case brief:
		return "mouse"
	}
	return "take the mouse"
}

// hintFull shows the key where there are no panels, and nothing else says how to get them back, and where one has the focus.
func hintFull(s *state, brief bool) string {
	switch {
	case s.full:
		return "panels"
	case s.focus == panePicture:
		return ""
	case brief:
		return "alone"
	}
	return s.focus.String() + " alone"
}

func hintHold(s *state, _ bool) string {
	if s.held != 0 {
		return "go on"
	}
	return "hold"
}
