package front

import (
	"net/http"
	"strings"
	"testing"

	"fracture/work"
)

func TestReadKey_takesTheDraftsGrammarAndBareKeys(t *testing.T) {
	for _, c := range []struct {
		header []string
		key    string
		ok     bool
	}{
		{nil, "", true},
		{[]string{`"8e03978e-40d5-43dd-bc93-6894a57f9324"`}, "8e03978e-40d5-43dd-bc93-6894a57f9324", true},
		{[]string{"8e03978e-40d5-43dd-bc93-6894a57f9324"}, "8e03978e-40d5-43dd-bc93-6894a57f9324", true},
		{[]string{` "two words" `}, "two words", true},
		{[]string{`"a \"quote\" and a \\"`}, `a "quote" and a \`, true},
		{[]string{strings.Repeat("k", 128)}, strings.Repeat("k", 128), true},
		{[]string{strings.Repeat("k", 129)}, "", false},
		{[]string{`"` + strings.Repeat("k", 129) + `"`}, "", false},
		{[]string{""}, "", false},
		{[]string{`""`}, "", false},
		{[]string{`"open`}, "", false},
		{[]string{`"open\"`}, "", false},
		{[]string{`"one", "two"`}, "", false},
		{[]string{`"one";v=1`}, "", false},
		{[]string{`"\n"`}, "", false},
		{[]string{"two words"}, "", false},
		{[]string{"one,two"}, "", false},
		{[]string{"\"\x7f\""}, "", false},
		{[]string{`"ü"`}, "", false},
		{[]string{"ü"}, "", false},
		{[]string{"one", "one"}, "", false},
	} {
		key, err := readKey(http.Header{KeyHeader: c.header})
		if key != c.key || (err == nil) != c.ok {
			t.Errorf("%q: key %q, %v; want %q, understood: %v", c.header, key, err, c.key, c.ok)
		}
	}
}

// askKeyed asks under a key and answers with the stream that came of it.
func askKeyed(t *testing.T, d *door, cluster *local, target, body string, header ...string) work.StreamID {
	t.Helper()
	before := len(cluster.seen())
	if status, _, reply := d.ask("POST", target, ownHost, body, header...); status != statusOK {
		t.Fatalf("%s %s %q: %d %q", target, body, header, status, reply)
	}
	return cluster.seen()[before].ID
}

func TestServer_namesAStreamByItsKeyAndParameters(t *testing.T) {
	clusters := []*local{{}, {}}
	doors := []*door{open(t, Config{}, clusters[0]), open(t, Config{}, clusters[1])}
	ask := func(i int, target, body string, header ...string) work.StreamID {
		return askKeyed(t, doors[i], clusters[i], target, body, header...)
	}
	first := ask(0, pathCalc, request, KeyHeader, `"one"`)
	if !IsKeyed(first) {
		t.Errorf("stream %x is not known for a keyed one", first)
	}
	for _, again := range []work.StreamID{
		ask(0, pathCalc, request, KeyHeader, `"one"`), ask(1, pathCalc, request, KeyHeader, "one"),
		ask(1, pathCalc+"?strategy=standby&factor=2", request, KeyHeader, "one"), // the defaults, spelt out
	} {
		if again != first {
			t.Errorf("the same request is stream %x, want %x", again, first)
		}
	}
	for what, other := range map[string]work.StreamID{
		"body":     ask(0, pathCalc, "120,96,-1.20,0.35,-1.0,0.2", KeyHeader, "one"),
		"view":     ask(0, pathCalc, "120,96,-1.2,0.35,-1.0,0.21", KeyHeader, "one"),
		"strategy": ask(0, pathCalc+"?strategy=reschedule", request, KeyHeader, "one"),
		"factor":   ask(0, pathCalc+"?factor=3", request, KeyHeader, "one"),
		"reply":    ask(0, pathCalc, request, KeyHeader, "one", "Accept", "image/png"),
	} {
		if other == first || KeyPart(other) != KeyPart(first) {
			t.Errorf("with another %s: stream %x, want another one of the same key as %x", what, other, first)
		}
	}
	if other := ask(0, pathCalc, request, KeyHeader, "two"); KeyPart(other) == KeyPart(first) {
		t.Errorf("two keys have the part %x in common", KeyPart(other))
	}
	for range 20 {
		if id := ask(0, pathCalc, request); IsKeyed(id) || id == 0 {
			t.Fatalf("stream %x of a request without a key is taken for a keyed one", id)
		}
	}
	status, header, body := doors[0].ask("POST", pathCalc, ownHost, request, KeyHeader, "two words")
	if status != http.StatusBadRequest || !strings.Contains(string(body), "in quotes") || header.Get("Retry-After") != "" {
		t.Errorf("a key that is none: %d %q, want 400 and the grammar", status, body)
	}
}
