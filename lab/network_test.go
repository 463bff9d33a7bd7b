package lab

import (
	"errors"
	"os"
	"testing"
)

// shared is a network in which no child has an interface of its own.
type shared struct{ sets int }

func (s *shared) Fork(_ string, start func() error) error { return start() }

func (s *shared) Set(*os.File, bool) error { s.sets++; return nil }

// A lab must not take down an interface that is its own as well.
func TestLab_takesNoInterfaceDownThatIsNotTheChildsAlone(t *testing.T) {
	network := &shared{}
	for what, cfg := range map[string]Config{"without a network": {}, "in a network that is shared": {Network: network}} {
		l, stop, ended := runLab(t, cfg)
		if _, _, err := l.Down("n1"); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s the interface of nobody is taken down with %v, want %v", what, err, ErrUnknown)
		}
		if err := l.Start("n1"); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Ready(t.Context(), "n1"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := l.Down("n1"); !errors.Is(err, ErrNoNetwork) {
			t.Errorf("%s an interface is taken down with %v, want %v", what, err, ErrNoNetwork)
		}
		if _, _, err := l.Kill("n1"); err != nil {
			t.Fatal(err)
		}
		if err := l.Gone(t.Context(), "n1"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := l.Down("n1"); !errors.Is(err, ErrDead) {
			t.Errorf("%s the interface of the dead is taken down with %v, want %v", what, err, ErrDead)
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	}
	if network.sets != 0 {
		t.Errorf("an interface was set %d times, and none is a child's alone", network.sets)
	}
}
