package tui

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// drawHeader draws the first row: the name, what the cluster is, and how fast it goes.
func drawHeader(s *state, t *theme, w int, bare bool) string {
	l := t.line(w).put(brand, "fracture")
	text, mood := s.pace(t, bare)
	for _, f := range s.opts.facts() {
		if l.w+3+cells(f[0])+1+cells(f[1])+3+cells(text) > w {
			break
		}
		l.put(faint, "   "+f[0]+" ").put(title, f[1])
	}
	return l.to(w-cells(text)).put(mood, text).String()
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
	case s.totals == nil:
		return "waiting for results", faint
	}
	return fmt.Sprintf("%.0f fps%s%.0f results/s%slateness %s ms", s.fps, dot, s.totals.Results, dot, ms(s.totals.Lateness)), faint
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
	note := ""
	if s.stale.tiles > 0 {
		note = s.stale.String()
	}
	left := max(w-cells(note)-2, 0)
	if s.owners {
		for i := range s.nodes {
			if l.w+cells(s.nodes[i].Name)+4 > left {
				break
			}
			l.raw(t.swatch(i), 1).put(faint, " "+s.nodes[i].Name+"  ")
		}
	} else {
		text := plural(tiles, "tile")
		if s.totals != nil {
			text = fmt.Sprintf("frame %d %s %s", s.totals.Frame, t.glyphs.dot, text)
		}
		l.put(faint, t.cut(text+" "+t.glyphs.dot+" palette "+palette, left))
	}
	return l.to(w-cells(note)).put(caution, note).String()
}

// drawFooter draws the last row: an answer to the last deed, or what the keys would do now.
func drawFooter(s *state, t *theme, table []action, w int) string {
	right := tail(s, table)
	l := t.line(w)
	space := w - right.cells() - 2
	if s.message != "" {
		mood := strong
		if s.alarm {
			mood = danger
		}
		l.put(mood, t.cut(s.message, max(space, 0)))
	} else {
		for i := range table {
			h := hintOf(s, &table[i])
			if h.text == "" || isTail(&table[i]) || l.w+h.cells() > space {
				continue
			}
			l.hint(h).put(plain, "   ")
		}
	}
	if right.cells() > w {
		return l.String()
	}
	l.to(w - right.cells())
	for i, h := range right {
		if i > 0 {
			l.put(plain, "   ")
		}
		l.hint(h)
	}
	return l.String()
}

// hint is a key and what it does now.
type hint struct{ key, text string }

func (h hint) cells() int { return cells(h.key) + 1 + cells(h.text) }

type hints []hint

func (hs hints) cells() (n int) {
	for i, h := range hs {
		if i > 0 {
			n += 3
		}
		n += h.cells()
	}
	return n
}

func hintOf(s *state, a *action) hint {
	if a.hint == nil {
		return hint{}
	}
	return hint{a.label, a.hint(s)}
}

// tail is what always stands at the footer's right end: how to learn more, and how to leave.
func tail(s *state, table []action) (out hints) {
	for i := range table {
		if isTail(&table[i]) {
			out = append(out, hintOf(s, &table[i]))
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
		text = fmt.Sprintf("%d×%d, needs %d×%d", w, h, minWidth, minHeight)
	}
	return t.line(w).put(caution, t.cut(text, w)).String()
}

// drawHelp draws every action with its keys, and what the table's words mean.
func drawHelp(s *state, t *theme, table []action, w, h int) []string {
	rows := []string{heading(t, "keys", "? closes", faint, w)}
	const keyWidth = 7
	roomy := h > 2*len(table)+8
	for i := range table {
		a := &table[i]
		for n, text := range wrap(a.help, w-keyWidth, roomy) {
			key := a.label
			if n > 0 {
				key = ""
			}
			rows = append(rows, t.line(w).left(lit, key, keyWidth).put(plain, text).String())
		}
	}
	if h >= len(rows)+len(legend())+2 {
		rows = append(rows, t.line(w).String(), heading(t, "words", "", faint, w))
		for _, word := range legend() {
			for n, text := range wrap(word[1], w-10, roomy) {
				name := word[0]
				if n > 0 {
					name = ""
				}
				rows = append(rows, t.line(w).left(strong, name, 10).put(plain, text).String())
			}
		}
	}
	return fill(t, rows, w, h)
}

// legend explains the words that the panels use.
func legend() [][2]string {
	return [][2]string{
		{"owns", "tiles the node computes now"},
		{"holds", "tiles it holds a copy of, ready to run: a hot standby"},
		{"beat ms", "longest silence it heard from its peers lately"},
		{"downtime", "how long results stood still, measured where they arrive"},
		{"needless", "takeovers from a node that was alive"},
		{"stale", "no result for more than four periods: dimmed and hatched"},
	}
}

// wrap breaks text into lines of a width at spaces; where there is no room for a second line, into one.
func wrap(text string, w int, roomy bool) []string {
	if !roomy || cells(text) <= w {
		return []string{text}
	}
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
