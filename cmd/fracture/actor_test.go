package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fracture/chaos/scenario"
)

func TestActor_runsAProcessAndSaysWhatCameOfIt(t *testing.T) {
	a := &actor{env: []string{"PATH=/usr/bin:/bin", "WORD=there"}}
	for name, c := range map[string]struct {
		p    scenario.Provider
		want scenario.Answer
	}{
		"arguments": {scenario.Provider{Type: scenario.Process, Path: "echo", Arguments: []string{"hello there"}},
			scenario.Answer{Good: true, Said: "hello there\n"}},
		"a line for a shell": {scenario.Provider{Type: scenario.Process, Path: "echo", Line: "hello $WORD; exit 3"},
			scenario.Answer{Status: 3, Said: "hello there\n"}},
		"errors": {scenario.Provider{Type: scenario.Process, Path: "sh", Arguments: []string{"-c", "echo no >&2; exit 1"}},
			scenario.Answer{Status: 1, Errors: "no\n"}},
	} {
		got, err := a.carryOut(t.Context(), c.p)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
	if _, err := a.carryOut(t.Context(), scenario.Provider{Type: scenario.Process, Path: "no-such-program"}); err == nil || !strings.Contains(err.Error(), "no-such-program") {
		t.Errorf("a program that is not there: %v, want its name", err)
	}
}

func TestActor_endsWhatTakesTooLongAndItsChildren(t *testing.T) {
	a := &actor{env: []string{"PATH=/usr/bin:/bin"}}
	p := scenario.Provider{Type: scenario.Process, Path: "sh", Arguments: []string{"-c", "sleep 60 & echo $!; wait"}, Timeout: 200 * time.Millisecond}
	got, err := a.carryOut(t.Context(), p)
	if err == nil || !strings.Contains(err.Error(), "longer than 200ms") {
		t.Fatalf("%+v, %v; want that it took too long", got, err)
	}
	child := strings.TrimSpace(got.Said)
	await(t, "the end of process "+child, func() bool {
		out, err := a.carryOut(t.Context(), scenario.Provider{Type: scenario.Process, Path: "kill", Arguments: []string{"-0", child}})
		return err == nil && !out.Good
	}, nil)
}

func TestActor_healsHereInPlaceOfFractureHeal(t *testing.T) {
	sick := errors.New("n1: sick")
	a := &actor{heal: func(context.Context) (string, error) { return "cut at n1", sick }}
	got, err := a.carryOut(t.Context(), scenario.Provider{Type: scenario.Process, Path: "/opt/fracture", Arguments: []string{"heal"}})
	if !errors.Is(err, sick) || got.Said != "cut at n1" || got.Good {
		t.Errorf("%+v, %v; want what heal says", got, err)
	}
}

func TestActor_makesRequests(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.Header.Get("X-Say"))
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, r.Method+" "+r.URL.String()+" "+r.Header.Get("Content-Type")+" "+string(body))
	}))
	defer server.Close()
	for name, c := range map[string]struct {
		p    scenario.Provider
		said string
	}{
		"get":  {scenario.Provider{URL: server.URL + "/a?b=1", Body: []byte(`{"c":[2,3],"d":"x y"}`)}, "GET /a?b=1&c=2&c=3&d=x+y  "},
		"form": {scenario.Provider{URL: server.URL + "/f", Method: "POST", Body: []byte(`{"c":2}`)}, "POST /f application/x-www-form-urlencoded c=2"},
		"json": {scenario.Provider{URL: server.URL + "/j", Method: "PUT", Body: []byte(`{"c":2}`),
			Headers: []scenario.Header{{Name: "Content-Type", Value: "application/json"}}}, `PUT /j application/json {"c":2}`},
	} {
		c.p.Type, c.p.Headers = scenario.HTTP, append(c.p.Headers, scenario.Header{Name: "X-Say", Value: "hi"})
		got, err := (&actor{}).carryOut(t.Context(), c.p)
		if err != nil || !got.Good || got.Status != http.StatusCreated || got.Said != c.said || !strings.Contains(got.Parts, "X-Seen: hi\r\n") {
			t.Errorf("%s: %+v, %v; want 201, the header, and %q", name, got, err, c.said)
		}
		c.p.Expected = http.StatusOK
		if _, err := (&actor{}).carryOut(t.Context(), c.p); err == nil || !strings.Contains(err.Error(), "status 201, want 200") {
			t.Errorf("%s, expecting 200: %v", name, err)
		}
	}
}
