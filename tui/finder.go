package tui

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
)

// How an action is found that one does not know the key of: in the list of all, which help is, by what is written behind a slash, or
// by its name behind a colon.

// maxSought bounds what is written to find an action, in characters.
const maxSought = 40

// finder is what is written to find an action, and which of those found is chosen. The zero value finds all of them.
type finder struct {
	command bool // it was begun with a colon: names are shown
	typing  bool // it is being written
	text    string
	at      int // the chosen one, counted from 1; 0: none is
}

// found are the actions that what is written leads to, the best first, and what of the line is not for finding them: where the whole
// name of one is followed by more, or where no action fits all that is written.
func (f *finder) found(table []action) (list []*action, rest string) {
	head, rest, parted := strings.Cut(strings.TrimLeft(f.text, " "), " ")
	rest = strings.TrimSpace(rest)
	for i := range table {
		if parted && table[i].name == head {
			return []*action{&table[i]}, rest
		}
	}
	if list = matches(table, f.text); len(list) > 0 || !parted {
		return list, ""
	}
	return matches(table, head), rest
}

// matches are the actions that fit what is sought, the best first.
func matches(table []action, sought string) (list []*action) {
	sought = strings.ReplaceAll(sought, " ", "")
	scores := map[string]int{}
	for i := range table {
		a := &table[i]
		if score, ok := a.fits(sought); ok {
			scores[a.name] = score
			list = append(list, a)
		}
	}
	slices.SortStableFunc(list, func(a, b *action) int { return cmp.Compare(scores[b.name], scores[a.name]) })
	return list
}

// fits reports whether an action is what is sought, and how well: its key or its name are best, then what is like its name, then what is
// like its help. A sentence holds the letters of many words in their order: of its help most must stand together, or begin words.
func (a *action) fits(sought string) (score int, ok bool) {
	if sought == a.label || sought == a.name {
		return 2000, true
	}
	if score, ok = fuzzy(sought, a.name); ok {
		return 1000 + score, true
	}
	n := utf8.RuneCountInString(sought)
	score, ok = fuzzy(sought, a.help)
	return score, ok && score >= 2*n+(n-1)/2
}

// fuzzy reports whether a text holds the letters of a pattern in their order, whatever their case, and how well: a letter counts twice
// at the beginning of a word, and three times where it follows the one before it. Of all places where to begin the best counts.
func fuzzy(pattern, text string) (score int, ok bool) {
	letters, within := []rune(strings.ToLower(pattern)), []rune(strings.ToLower(text))
	if len(letters) == 0 {
		return 0, true
	}
	for from := range within {
		if found, whole := lay(letters, within, from); whole && (!ok || found > score) {
			score, ok = found, true
		}
	}
	return score, ok
}

// lay lays letters over a text from a place on, each at the next place where it stands.
func lay(letters, text []rune, from int) (score int, ok bool) {
	next, last := 0, -1
	for i := from; i < len(text) && next < len(letters); i++ {
		if text[i] != letters[next] {
			continue
		}
		switch {
		case next > 0 && i == last+1:
			score += 3
		case i == 0 || !unicode.IsLetter(text[i-1]):
			score += 2
		default:
			score++
		}
		next, last = next+1, i
	}
	return score, next == len(letters)
}

// command begins to ask for an action by its name.
func (m *model) command(string) tea.Cmd {
	if m.lay.small {
		m.state.say(true, "there is no room to write in")
		m.soil(paneFooter)
		return nil
	}
	if !m.state.help {
		m.toggleHelp("")
	}
	m.state.find = finder{command: true, typing: true}
	m.soil(paneHelp, paneFooter)
	return nil
}

// seek takes a key for the list of actions while that is shown, and reports whether it was for it.
func (m *model) seek(key string) (cmd tea.Cmd, mine bool) {
	f := &m.state.find
	if !m.state.help || m.lay.small {
		return nil, false
	}
	list, _ := f.found(m.table)
	switch {
	case key == "up" || key == "down":
		f.step(key == "down", len(list))
	case key == "enter":
		return m.runFound(), true
	case key == "esc" && f.typing && f.command:
		return m.toggleHelp(""), true
	case key == "esc" && f.typing:
		*f = finder{}
	case key == "tab" && f.typing:
		if f.at > 0 && f.at <= len(list) {
			f.text, f.at = list[f.at-1].name+" ", 1
		}
	case f.typing:
		text, ok := edited(f.text, key, maxSought)
		if !ok {
			return nil, false
		}
		f.text, f.at = text, min(len(text), 1)
	case key == "/":
		*f = finder{typing: true}
	default:
		return nil, false
	}
	m.soil(paneHelp, paneFooter)
	return nil, true
}

// step chooses the next of so many, or the one before; behind the last comes the first.
func (f *finder) step(on bool, of int) {
	switch {
	case of == 0:
		f.at = 0
	case on:
		f.at = f.at%of + 1
	default:
		f.at = (max(f.at, 1)-2+of)%of + 1
	}
}

// edited is a text that is being written after a key, and whether that is a key by which one writes.
func edited(text, key string, most int) (string, bool) {
	r, size := utf8.DecodeRuneInString(key)
	switch {
	case key == "backspace":
		_, last := utf8.DecodeLastRuneInString(text)
		return text[:len(text)-last], true
	case key == "space":
		key = " "
	case size != len(key) || !unicode.IsPrint(r):
		return text, false
	}
	if utf8.RuneCountInString(text) < most {
		text += key
	}
	return text, true
}

// runFound does what the chosen action does.
func (m *model) runFound() tea.Cmd {
	f := m.state.find
	list, _ := f.found(m.table)
	switch {
	case f.at > 0 && f.at <= len(list):
	case f.command && f.text == "":
		return m.toggleHelp("")
	default:
		return nil
	}
	return m.runListed(list[f.at-1].name)
}

// runListed does what an action of the list does, with what of the line is for it. The list closes, so that one sees what comes of it.
func (m *model) runListed(name string) tea.Cmd {
	list, rest := m.state.find.found(m.table)
	m.toggleHelp("")
	m.state.typing = false // of the log's filter, which a click may leave
	if i := slices.IndexFunc(list, func(a *action) bool { return a.name == name }); i >= 0 && !list[i].closes() {
		return m.run(list[i], rest)
	}
	return nil
}

// closes reports whether an action of the list of actions does no more than close it.
func (a *action) closes() bool { return a.name == "help" || a.name == "close" }

// run does what an action does, with the rest of a line that names it: which of its keys is meant, or to which node it is to be done.
func (m *model) run(a *action, rest string) tea.Cmd {
	switch {
	case rest == "":
		return a.do(m, a.keys[0])
	case slices.Contains(a.keys, rest):
		return a.do(m, rest)
	case a.line != nil:
		return a.line(m, a, rest)
	case len(a.keys) > 1:
		m.state.say(true, "%s takes one of %s", a.name, strings.Join(a.keys, " "))
	default:
		m.state.say(true, "%s is a line of its own: leave %s out", a.name, rest)
	}
	m.soil(paneFooter)
	return nil
}

// onNode picks the node that the rest of a line names, and does to it what an action does.
func onNode(m *model, a *action, rest string) tea.Cmd {
	if !m.chooseNamed(rest) {
		return nil
	}
	if m.lines {
		return a.do(m, "the same line")
	}
	return a.do(m, a.keys[0])
}

// pickNode picks the node that the rest of a line names.
func pickNode(m *model, _ *action, rest string) tea.Cmd {
	m.chooseNamed(rest)
	return nil
}

// chooseNamed picks a node by its name or by its number in the list, and reports whether there is one.
func (m *model) chooseNamed(text string) bool {
	i := m.state.numbered(text)
	if i < 0 {
		m.state.say(true, "there is no node %s", text)
		m.soil(paneFooter)
		return false
	}
	if name := m.state.nodes[i].Name; name != m.state.picked { // else a question about it stands
		m.choose(name)
	}
	return true
}

// prompt is the footer while it is written what is sought.
func (f *finder) prompt(t *theme, w int) string {
	sign, how := "/", "   enter runs it, esc shows all"
	if f.command {
		sign, how = ":", "   enter runs it, esc closes"
	}
	l := t.line(w).put(lit, sign).put(strong, t.cut(f.text+"_", max(w-len(sign)-len(how), 0)))
	return l.put(faint, t.cut(how, max(w-l.w, 0))).String()
}
