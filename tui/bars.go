package tui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// drawHeader draws the first row: the name, what the cluster is, and how fast it goes. That the picture has stopped, or the
// store is away, comes before all of it.
func drawHeader(s *state, t *theme, w int, bare bool) string {
	l := t.line(w).put(brand, "fracture")
	text, mood := s.pace(t, bare)
	facts := s.opts.facts()
	if s.recording() {
		since := int(s.now.Sub(s.tape.Since).Seconds())
		l.put(plain, "   ").put(danger, fmt.Sprintf("%s recording %d s", t.glyphs.record, since)).put(faint, ", "+plural(s.tape.Faults, "fault"))
		if l.w+3+cells(text) > w {
			text = ""
		}
	}
	if s.stopped != "" {
		l.put(plain, "   ").put(danger, t.cut(s.halt(bare), max(w-l.w, 0)))
		if l.w+3+cells(text) > w {
			text = ""
		}
		facts = slices.DeleteFunc(facts, func(f [2]string) bool { return f[0] == "strategy" })
	}
	if away := s.storeAway(); away > 0 {
		l.put(faint, "   store ").put(danger, fmt.Sprintf("away %d s", int(away.Seconds())))
		if l.w+3+cells(text) > w {
			text = ""
		}
		facts = slices.DeleteFunc(facts, func(f [2]string) bool { return f[0] == "store" })
	}
	for _, f := range facts {
		if l.w+3+cells(f[0])+1+cells(f[1])+3+cells(text) > w {
			break
		}
		l.put(faint, "   "+f[0]+" ").put(title, f[1])
	}
	return l.to(w-cells(text)).put(mood, text).String()
}

// halt says that the picture has stopped, and, where no caption tells of it (bare), what to do.
func (s *state) halt(bare bool) string {
	if bare {
		return "stopped: " + s.stopped + "; S starts it again"
	}
	return s.opts.Strategy + " stopped: " + s.stopped
}

// pace is the header's right end: the rates, or that the display is held, or, where no caption tells of it (bare), that
// tiles are stale.
func (s *state) pace(t *theme, bare bool) (string, style) {
	dot := " " + t.glyphs.dot + " "
	switch {
	case s.held != 0:
		return fmt.Sprintf("held for %d s%sthe cluster runs on", int(s.now.Sub(s.held).Seconds()), dot), caution
	case bare && s.stale.tiles > 0:
		return s.stale.String(), caution
	case s.gone():
		return "the cluster is gone", danger
	case s.totals == nil:
		return "waiting for results", faint
	}
	text := fmt.Sprintf("%.0f results/s%slateness %s ms", s.totals.Results, dot, ms(s.totals.lateness()))
	if s.limited != "" {
		return s.limited + dot + text, caution
	}
	if s.timed && !s.opts.NoAnim {
		text = fmt.Sprintf("%.0f fps%s%s", s.fps, dot, text)
	}
	if s.totals.Results == 0 {
		return text, danger
	}
	return text, faint
}

// String says how many tiles are stale, and for how long the oldest has been waited for.
func (s staleness) String() string {
	return fmt.Sprintf("%s stale %d ms", plural(s.tiles, "tile"), s.worst.Round(10*time.Millisecond).Milliseconds())
}

// facts are what the header says about the cluster, each a name and a value, most wanted first.
func (o Options) facts() [][2]string {
	var facts [][2]string
	if o.Strategy != "" {
		facts = append(facts, [2]string{"strategy", o.Strategy + " ×" + strconv.Itoa(o.Factor)})
	}
	if o.Cluster != "" {
		facts = append(facts, [2]string{"cluster", o.Cluster})
	}
	if o.Store != "" {
		facts = append(facts, [2]string{"store", o.Store})
	}
	return facts
}

// drawCaption draws the row below the picture: what it shows, whose tint is whose, what is stale.
func drawCaption(s *state, t *theme, w, tiles int, palette string) string {
	l := t.line(w)
	note, mood := "", caution
	switch {
	case s.stopped != "":
		note, mood = t.cut(s.halt(true), w), danger
	case s.stale.tiles > 0:
		note = s.stale.String()
	}
	left := max(w-cells(note)-2, 0)
	if s.owners {
		for i := range s.nodes {
			if l.w+cells(s.nodes[i].Name)+4 > left {
				break
			}
			l.raw(t.chip(i), 1).put(faint, " "+s.nodes[i].Name+"  ")
		}
	} else {
		text := plural(tiles, "tile")
		if s.totals != nil {
			text = fmt.Sprintf("frame %d %s %s", s.totals.Frame, t.glyphs.dot, text)
		}
		if where := s.gaze.String(); where != "" {
			text += " " + t.glyphs.dot + " " + where
		}
		l.put(faint, t.cut(text+" "+t.glyphs.dot+" palette "+palette, left))
	}
	return l.to(w-cells(note)).put(mood, note).String()
}

// drawFooter draws the last row: an answer to the last deed, or what the keys would do now.
func drawFooter(s *state, t *theme, table []action, w int) string {
	row, _ := footer(s, t, table, w)
	return row
}

// spot is a lit key on a row: a click on it is the key.
type spot struct {
	x, w int
	key  string
}

// holds reports whether a column of the row is a part of it.
func (s spot) holds(x int) bool { return x >= s.x && x < s.x+s.w }

// footer is the last row, and where its keys are.
func footer(s *state, t *theme, table []action, w int) (row string, spots []spot) {
	if s.help && s.find.typing {
		return s.find.prompt(t, w), nil
	}
	if s.typing {
		const how = "   enter keeps it, esc shows all"
		l := t.line(w).put(strong, t.cut("show of the log what holds: "+s.filter+"_", max(w-len(how), 0)))
		return l.put(faint, t.cut(how, max(w-l.w, 0))).String(), nil
	}
	if s.gaze.typing {
		return s.gaze.prompt(t, w), nil
	}
	gap := "  "
	if w >= 110 {
		gap = "   "
	}
	right := tail(s, table)
	space := w - right.cells(gap) - len(gap)
	l := t.line(w)
	put := func(h hint) {
		spots = append(spots, spot{l.w, h.cells(), h.press})
		l.hint(h)
	}
	if s.message != "" {
		mood := strong
		if s.alarm {
			mood = danger
		}
		l.put(mood, t.cut(s.message, max(space, 0))).put(plain, gap)
	}
	for _, h := range choose(s, table, space-l.w, gap) {
		put(h)
		l.put(plain, gap)
	}
	if right.cells(gap) > w {
		return l.String(), spots
	}
	l.to(w - right.cells(gap))
	for i, h := range right {
		if i > 0 {
			l.put(plain, gap)
		}
		put(h)
	}
	return l.String(), spots
}

// enough is how many hints a footer should hold beside those at its right end; below, it takes the brief ones.
const enough = 4

// choose takes the hints that fit into a width: those of the panel with the focus, and the others, in the order of the table.
func choose(s *state, table []action, w int, gap string) (chosen hints) {
	for _, brief := range []bool{false, true} {
		chosen = nil
		left, missed := w, false
		for _, a := range s.nearFirst(table) {
			h := hintOf(s, a, brief)
			switch {
			case h.text == "" || isTail(a):
			case h.cells() <= left:
				chosen = append(chosen, h)
				left -= h.cells() + len(gap)
			default:
				missed = true
			}
		}
		if !missed || len(chosen) >= enough {
			break
		}
	}
	return chosen
}

// hint is a key and what it does now. Press is the key as Bubble Tea spells it, of several the first.
type hint struct{ key, text, press string }

func (h hint) cells() int { return cells(h.key) + 1 + cells(h.text) }

type hints []hint

func (hs hints) cells(gap string) (n int) {
	for i, h := range hs {
		if i > 0 {
			n += len(gap)
		}
		n += h.cells()
	}
	return n
}

func hintOf(s *state, a *action, brief bool) hint {
	if a.hint == nil {
		return hint{}
	}
	return hint{a.label, a.hint(s, brief), a.keys[0]}
}

// tail is what always stands at the footer's right end: how to learn more, and how to leave.
func tail(s *state, table []action) (out hints) {
	for i := range table {
		if isTail(&table[i]) {
			out = append(out, hintOf(s, &table[i], false))
		}
	}
	return out
}

func isTail(a *action) bool { return a.name == "help" || a.name == "quit" }

func (l *line) hint(h hint) *line { return l.put(lit, h.key).put(plain, " ").put(faint, h.text) }

// drawSmall draws the only row of text on a screen too small for the panels.
func drawSmall(s *state, t *theme, w, h int) string {
	if s.message != "" {
		return t.line(w).put(strong, t.cut(s.message, w)).String()
	}
	text := fmt.Sprintf("%d×%d; the panels need %d×%d; the cluster runs on; q quits", w, h, minWidth, minHeight)
	if w < cells(text) {
		text = fmt.Sprintf("%d×%d, needs %d×%d; q quits", w, h, minWidth, minHeight)
	}
	if w < cells(text) {
		text = "q quits"
	}
	return t.line(w).put(caution, t.cut(text, w)).String()
}

// wrap breaks text into lines of a width at spaces.
func wrap(text string, w int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && cells(line)+1+cells(word) > w {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
