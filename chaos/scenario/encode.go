package scenario

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// YAML spells the experiment, its keys always in the same order. [Parse] reads it as the same experiment.
func (e *Experiment) YAML() []byte {
	var b strings.Builder
	writeYAML(&b, e.node(), "")
	return []byte(b.String())
}

// JSON spells the experiment as [Experiment.YAML] does.
func (e *Experiment) JSON() []byte {
	var b strings.Builder
	writeJSON(&b, e.node(), "", true)
	b.WriteByte('\n')
	return []byte(b.String())
}

// tableOf makes a table; put leaves out what says nothing.
func tableOf() *node { return &node{kind: table} }

func (n *node) put(key string, value *node) *node {
	if value != nil && (value.kind == number || value.kind == boolean || value.text != "" || len(value.items) > 0) {
		n.add(key, value)
	}
	return n
}

func (n *node) putText(key, value string) *node { return n.put(key, scalar(text, value)) }

func (n *node) putWhole(key string, value int) *node {
	if value == 0 {
		return n
	}
	return n.put(key, scalar(number, strconv.Itoa(value)))
}

func (n *node) putTruth(key string, value bool) *node {
	if !value {
		return n
	}
	return n.put(key, scalar(boolean, "true"))
}

// putSpan puts a duration such as 1m30s.
func (n *node) putSpan(key string, d time.Duration) *node {
	if d == 0 {
		return n
	}
	return n.putText(key, d.String())
}

// putSeconds puts a duration as a number, exactly.
func (n *node) putSeconds(key string, d time.Duration) *node {
	if d == 0 {
		return n
	}
	seconds := fmt.Sprintf("%d.%09d", d/time.Second, d%time.Second)
	return n.put(key, scalar(number, strings.TrimSuffix(strings.TrimRight(seconds, "0"), ".")))
}

func (n *node) putSeed(seed uint64) *node {
	if seed == 0 {
		return n
	}
	return n.put("seed", scalar(number, strconv.FormatUint(seed, 10)))
}

func listOf[T any](from []T, each func(T) *node) *node {
	n := &node{kind: list}
	for _, v := range from {
		n.items = append(n.items, each(v))
	}
	return n
}

func textNode(s string) *node { return scalar(text, s) }

// spell prints a number as JSON does.
func spell(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// node is the experiment as a file has it.
func (e *Experiment) node() *node {
	n := tableOf().putText("title", e.Title).putText("description", e.Description).put("tags", listOf(e.Tags, textNode))
	if h := e.Hypothesis; h != nil {
		n.put("steady-state-hypothesis", tableOf().putText("title", h.Title).put("probes", listOf(h.Probes, Activity.node)))
	}
	n.add("method", listOf(e.Method, Activity.node))
	n.put("rollbacks", listOf(e.Rollbacks, Activity.node))
	r := e.Runtime
	hypothesis := tableOf().putText("strategy", string(r.Hypothesis)).putSeconds("frequency", r.Frequency).putTruth("fail_fast", r.FailFast)
	n.put("runtime", tableOf().put("hypothesis", hypothesis).put("rollbacks", tableOf().putText("strategy", string(r.Rollbacks))))
	if x := e.Fracture.node(); len(x.items) > 1 {
		n.put("extensions", &node{kind: list, items: []*node{x}})
	}
	return n
}

func (a Activity) node() *node {
	kind := "action"
	if a.Probe {
		kind = "probe"
	}
	n := tableOf().putText("type", kind).putText("name", a.Name).putTruth("background", a.Background)
	n.put("pauses", tableOf().putSeconds("before", a.Before).putSeconds("after", a.After))
	if a.Tolerance != nil {
		n.put("tolerance", a.Tolerance.node())
	}
	return n.put("provider", a.Provider.node())
}

func (p Provider) node() *node {
	n := tableOf().putText("type", string(p.Type)).putText("path", p.Path).putText("url", p.URL).putText("method", p.Method)
	n.put("arguments", listOf(p.Arguments, textNode)).putText("arguments", p.Line)
	headers := tableOf()
	for _, h := range p.Headers {
		headers.put(h.Name, textNode(h.Value))
	}
	n.put("headers", headers)
	if p.Body != nil {
		n.add("arguments", (&reader{}).fromJSON(p.Body))
	}
	n.putWhole("expected_status", p.Expected)
	if p.UnsafeTLS {
		n.put("verify_tls", scalar(boolean, "false"))
	}
	return n.putSeconds("timeout", p.Timeout)
}

func (t *Tolerance) node() *node {
	n := tableOf().putText("type", string(t.Kind))
	switch t.Kind {
	case Exactly:
		return t.Want.node()
	case Among:
		return listOf(t.OneOf, Scalar.node)
	case Range:
		n.put("range", listOf([]float64{t.Low, t.High}, func(x float64) *node { return scalar(number, spell(x)) }))
	case Regex:
		n.putText("pattern", t.Pattern)
	case Path:
		n.putText("path", t.Pattern)
		if t.Count >= 0 {
			n.put("count", scalar(number, strconv.Itoa(t.Count)))
		}
		if t.OneOf != nil {
			n.add("expect", listOf(t.OneOf, Scalar.node))
		}
	}
	return n.putText("target", t.Target)
}

// node is the extension, of which the name alone is always there.
func (x *Extension) node() *node {
	n := tableOf().putText("name", "fracture").putSeed(x.Seed)
	n.put("cluster", tableOf().putWhole("nodes", x.Cluster.Nodes).putWhole("zones", x.Cluster.Zones).
		putText("strategy", x.Cluster.Strategy).putWhole("factor", x.Cluster.Factor).putTruth("netns", x.Cluster.NetNS))
	n.putText("load", x.Load).putSpan("calm", x.Calm).putSpan("window", x.Window).putSpan("grace", x.Grace).putSpan("end", x.End)
	n.putWhole("repeat", x.Repeat)
	n.putWhole("max-nodes", x.Limits.Nodes).putWhole("max-percent", x.Limits.Percent).putTruth(yesBreakIt, x.Limits.YesBreakIt)
	n.put("trials", listOf(x.Trials, Series.node))
	n.put("timeline", listOf(x.Timeline, Strike.node))
	if m := x.Nemesis; m != nil {
		faults := listOf(m.Faults, func(w Weighted) *node { return w.Fault.put(tableOf().putWhole("weight", w.Weight)) })
		until := listOf(m.Until, func(s Stop) *node { return textNode(string(s)) })
		n.put("nemesis", tableOf().put("faults", faults).putSpan("every", m.Every).putSpan("for", m.For).
			putWhole("times", m.Times).put("until", until).putSeed(m.Seed))
	}
	budgets := &node{kind: list}
	for _, b := range x.Budgets {
		budgets.items = append(budgets.items, textNode(b.String()))
	}
	return n.put("budgets", budgets)
}

func (s Strike) node() *node {
	n := tableOf().putText("at", s.At.String())
	if s.Action != "" {
		return n.putText("action", s.Action)
	}
	return s.put(n)
}

// put puts what is done into an entry.
func (s Strike) put(n *node) *node {
	if s.Guard.Strategy != 0 {
		return s.Guard.put(n)
	}
	return s.Fault.put(n)
}

// put puts a fault into an entry. A flag whose name the entry has a use for stands under `with`.
func (f Fault) put(n *node) *node {
	n.putText("fault", f.Kind).putSpan("for", f.For)
	with := tableOf()
	for _, flag := range f.Flags {
		value := scalar(boolean, "true")
		switch len(flag.Values) {
		case 0:
		case 1:
			value = textNode(flag.Values[0])
		default:
			value = listOf(flag.Values, textNode)
		}
		into := n
		if slices.Contains(ownKeys, flag.Name) || slices.Contains([]string{"action", "weight", "times"}, flag.Name) {
			into = with
		}
		into.add(flag.Name, value)
	}
	return n.put("with", with)
}

// plainYAML are texts that stand for themselves without quotes, but for those that YAML takes for something else.
var (
	plainYAML = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./%()<=>+?,;-]*( [A-Za-z0-9_./%()<=>+?,;-]+)*$|^--[a-z][a-z0-9-]*$|` +
		`^[0-9]{1,6}(\.[0-9]{1,6})?(ms|s|m|%)$`)
	wordsYAML = []string{"true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf", "infinity"}
)

func quoteYAML(s string) string {
	if plainYAML.MatchString(s) && !slices.Contains(wordsYAML, strings.ToLower(s)) {
		return s
	}
	return quoteJSON(s)
}

func quoteJSON(s string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // a text always encodes
	return strings.TrimSuffix(b.String(), "\n")
}

// writeYAML writes what stands in a block: the pairs of a table, or the entries of a list, each on a line behind indent. The
// first has been indented by who calls.
func writeYAML(b *strings.Builder, n *node, indent string) {
	for i, item := range n.items {
		if i > 0 {
			b.WriteString(indent)
		}
		deeper := indent + "  "
		if n.kind == table {
			b.WriteString(quoteYAML(n.keys[i].text) + ":")
			if len(item.items) > 0 {
				b.WriteString("\n" + deeper)
			} else {
				b.WriteByte(' ')
			}
		} else {
			b.WriteString("- ")
		}
		if len(item.items) > 0 {
			writeYAML(b, item, deeper)
			continue
		}
		b.WriteString(scalarText(item, quoteYAML) + "\n")
	}
}

// scalarText spells what has nothing in it.
func scalarText(n *node, quote func(string) string) string {
	switch n.kind {
	case null:
		return "null"
	case text:
		return quote(n.text)
	case list:
		return "[]"
	case table:
		return "{}"
	case boolean, number:
	}
	return n.text
}

// writeJSON writes a value, over several lines or on one.
func writeJSON(b *strings.Builder, n *node, indent string, lines bool) {
	if len(n.items) == 0 {
		b.WriteString(scalarText(n, quoteJSON))
		return
	}
	ends := "[]"
	if n.kind == table {
		ends = "{}"
	}
	line, deeper, colon := "", "", ":"
	if lines {
		line, deeper, colon = "\n"+indent, "\n"+indent+"  ", ": "
	}
	b.WriteByte(ends[0])
	for i, item := range n.items {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(deeper)
		if n.kind == table {
			b.WriteString(quoteJSON(n.keys[i].text) + colon)
		}
		writeJSON(b, item, indent+"  ", lines)
	}
	b.WriteString(line)
	b.WriteByte(ends[1])
}
