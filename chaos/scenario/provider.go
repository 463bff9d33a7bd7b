package scenario

import (
	"net/url"
	"path"
	"strings"
	"time"
)

// provider reads how an activity is carried out; false where it cannot be.
func (r *reader) provider(n *node) (p Provider, ok bool) {
	before := len(r.findings) - r.warnings
	f := r.anyFields(n, "provider")
	switch kind := f.must("type"); kind {
	case "":
	case "process":
		p = r.process(n)
	case "http":
		p = r.http(n)
	case "python":
		r.wrong(f.at("type"), "a python provider cannot be run here: fracture has no Python; say it as a process or a request")
	default:
		f.word("type", "process", "http")
	}
	return p, p.Type != "" && len(r.findings)-r.warnings == before
}

func (r *reader) process(n *node) Provider {
	f := r.fieldsOf(n, "provider", "type", "path", "arguments", "timeout", "secrets")
	r.noSecrets(f)
	p := Provider{Type: Process, Path: f.must("path"), Timeout: f.seconds("timeout")}
	arguments := f.n.get("arguments")
	if arguments == nil {
		return p
	}
	switch arguments.kind {
	case null:
	case text:
		p.Line = arguments.text
	case list:
		p.Arguments = r.words(arguments.items)
	case table:
		for i, key := range arguments.keys {
			p.Arguments = append(p.Arguments, r.words([]*node{key, arguments.items[i]})...)
		}
	case boolean, number:
		r.wrong(arguments.at, "arguments: want a list of texts, or one text for a shell")
	}
	if base := path.Base(p.Path); base == "fracture" && p.Line != "" {
		if _, ok := split(p.Line); !ok && strings.HasPrefix(strings.TrimSpace(p.Line), "inject") {
			r.wrong(arguments.at, "arguments: what only a shell can read is not for inject; want a list")
		}
	}
	return p
}

// words are arguments of a process. Empty ones are left out, as Chaos Toolkit does.
func (r *reader) words(items []*node) (words []string) {
	for _, v := range items {
		switch {
		case v.kind == list || v.kind == table:
			r.wrong(v.at, "arguments: want texts; this is %s", v.kind)
		case v.kind == null || v.text == "":
		default:
			words = append(words, v.text)
		}
	}
	return words
}

func (r *reader) noSecrets(f fields) {
	if s := f.n.get("secrets"); s != nil && len(s.items) > 0 {
		r.wrong(s.at, "secrets: none are read")
	}
}

func (r *reader) http(n *node) Provider {
	f := r.fieldsOf(n, "provider", "type", "url", "method", "headers", "arguments", "timeout", "expected_status", "verify_tls", "max_retries", "secrets")
	r.noSecrets(f)
	p := Provider{Type: HTTP, URL: f.must("url"), Method: strings.ToUpper(f.text("method")), Expected: f.whole("expected_status", 100, 599)}
	if u, err := url.Parse(p.URL); p.URL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		r.wrong(f.at("url"), "url %s: want http://… or https://…", p.URL)
	}
	if strings.ContainsFunc(p.Method, func(c rune) bool { return c < 'A' || c > 'Z' }) {
		r.wrong(f.at("method"), "method %s: want a word such as GET or POST", p.Method)
	}
	if p.Method == "GET" {
		p.Method = ""
	}
	if f.has("max_retries") {
		r.warn(f.at("max_retries"), "max_retries: not looked at; a request is made once")
	}
	if v := f.n.get("verify_tls"); v != nil {
		p.UnsafeTLS = !f.truth("verify_tls")
	}
	if headers := f.n.get("headers"); headers != nil && headers.kind != null {
		h := r.anyFields(headers, "headers")
		for _, key := range h.n.keys {
			value := h.text(key.text)
			if strings.ContainsAny(key.text, " :\n\t") || strings.ContainsAny(value, "\n") || key.text == "" {
				r.wrong(key.at, "headers: %q is none", key.text)
			}
			p.Headers = append(p.Headers, Header{key.text, value})
		}
	}
	p.Timeout = r.patience(f)
	if body := f.n.get("arguments"); body != nil && body.kind != null {
		if body.kind != table && p.Method == "" {
			r.wrong(body.at, "arguments: of a GET they are its query, and so a table")
		}
		p.Body = r.body(body)
	}
	return p
}

// patience is the timeout of a request: a number, or one for the connection and one for the reply, which are added up.
func (r *reader) patience(f fields) (all time.Duration) {
	v := f.n.get("timeout")
	if v == nil || v.kind != list {
		return f.seconds("timeout")
	}
	for _, item := range f.list("timeout", 2) {
		one := &node{kind: table, at: item.at}
		one.add("timeout", item)
		all += fields{r, one, "provider"}.seconds("timeout")
	}
	return min(all, longest)
}

// body spells a value as JSON, on one line.
func (r *reader) body(n *node) []byte {
	if !r.plain(n) {
		return nil
	}
	var b strings.Builder
	writeJSON(&b, n, "", false)
	return []byte(b.String())
}

// plain reports whether JSON can say all that is in a value, and spells its numbers as JSON does.
func (r *reader) plain(n *node) bool {
	if n.kind == number {
		x, ok := n.value()
		if !ok {
			r.wrong(n.at, "%s is no number that JSON has, or too large", n.text)
			return false
		}
		n.text = spell(x)
	}
	for _, item := range n.items {
		if !r.plain(item) {
			return false
		}
	}
	return true
}
