package tui

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// script is an input whose lines come as they are asked for, and an output that can be waited for.
type script struct {
	*io.PipeWriter
	in   *io.PipeReader
	mu   sync.Mutex // guards text
	text bytes.Buffer
	more chan struct{}
}

func newScript() *script {
	s := &script{more: make(chan struct{}, 1)}
	s.in, s.PipeWriter = io.Pipe()
	return s
}

// out is where the line mode writes.
type out struct{ *script }

// Write implements io.Writer.
func (o out) Write(b []byte) (int, error) {
	o.mu.Lock()
	o.text.Write(b)
	o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

// say writes a line, and waits until something is answered.
func (s *script) say(t *testing.T, line, want string) {
	t.Helper()
	_, err := io.WriteString(s, line+"\n")
	must(t, err)
	deadline := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		text := s.text.String()
		found := strings.Contains(text, want)
		if found {
			s.text.Reset()
		}
		s.mu.Unlock()
		if found {
			return
		}
		select {
		case <-s.more:
		case <-deadline:
			t.Fatalf("%q is not answered with %q, but with\n%s", line, want, text)
		}
	}
}

func TestSteer_linesAreActions(t *testing.T) {
	s, f := newScript(), newFake(5)
	ended := make(chan error, 1)
	go func() {
		ended <- Steer(t.Context(), Options{In: s.in, Out: out{s}, Period: fakePeriod, Strategy: "standby", Factor: 2}, f, f)
	}()
	s.say(t, "", "node     ")
	s.say(t, "kill n3", "answer ")
	s.say(t, "revive n3", "answer ")
	s.say(t, "freeze 2", "froze n2")
	s.say(t, "pick n4", "pick: done")
	s.say(t, "kill n9", "refused: there is no node n9")
	s.say(t, "kil n3", `refused: there is no action "kil"; help lists them; did you mean kill?`)
	s.say(t, "heal now", "refused: heal is a line of its own")
	s.say(t, "owners", "refused: owners is about what a screen draws")
	s.say(t, "cut n1", "cut n1 off from whom? the same line everybody")
	s.say(t, "1", "refused: a node is not cut off from itself")
	s.say(t, "cut n1", "cut n1 off from whom?")
	s.say(t, "cut n1", "n1 is cut off, for 10 s")
	s.say(t, "cut n1", "cut n1 off from whom?")
	s.say(t, "n4", "n1 is cut off from n4, for 10 s")
	s.say(t, "help", "monkey: break something every 3 s")
	s.say(t, strings.Repeat("x", maxOrder)+"kill n1", "refused: a line of more than 256 bytes")
	s.say(t, "quit", "")
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("Steer = %v after quit, want nil", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("quit does not end it")
	}
	must(t, s.Close())
	f.mu.Lock()
	defer f.mu.Unlock()
	if want := []string{"kill n3", "revive n3", "freeze n2"}; !slices.Equal(f.calls[:min(len(f.calls), 3)], want) || slices.Contains(f.calls, "kill n1") {
		t.Errorf("the deeds were %q, want %q first, and no kill of n1", f.calls, want)
	}
}

func TestSteer_goesOnWithoutInputUntilItsContextEnds(t *testing.T) {
	s, f := newScript(), newFake(3)
	must(t, s.Close())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Steer(ctx, Options{In: s.in, Out: out{s}, Period: fakePeriod, JSON: true}, f, nil)
	}()
	for n, deadline := 0, time.After(20*time.Second); n < 3; {
		select {
		case <-s.more:
		case <-deadline:
			t.Fatalf("%d nodes are told of, want 3", n)
		}
		s.mu.Lock()
		n = strings.Count(s.text.String(), `"kind":"node"`)
		s.mu.Unlock()
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Steer = %v, want %v", err, context.Canceled)
	}
}

// Any lines leave the line mode standing.
func FuzzSteer(f *testing.F) {
	for _, line := range []string{"kill n3", "cut n2\nn3", "cut n1\ncut", "goto 0,0,1", "zoom -", "pick 99999999999999999999", "help", "\x00 \xff", ":", "j"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fake := newFake(3)
		s, err := newSteer(Options{Out: io.Discard, Period: fakePeriod}.withDefaults())
		must(t, err)
		must(t, s.print(fake.Collect(fakeStart)))
		for line := range strings.Lines(text) {
			if s.obey(order{text: line}) {
				return
			}
			for len(s.model.deeds) > 0 {
				s.hear((<-s.model.deeds).perform(t.Context(), fake))
			}
		}
		must(t, s.print(fake.Collect(fakeStart.Add(fakePeriod))))
	})
}
