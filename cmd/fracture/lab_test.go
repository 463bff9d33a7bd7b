package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fracture/work/fractal"
)

// parsed are the flags of a lab's command line.
func parsed(t *testing.T, args ...string) (*labFlags, error) {
	t.Helper()
	f := &labFlags{}
	cmd := labCommand(f)
	if err := cmd.ParseFlags(args); err != nil {
		return nil, err
	}
	_, err := f.stream()
	return f, err
}

func TestLab_refusesWhatMakesNoSense(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--duration", "-1s"}, "--duration -1s"},
		{[]string{"--theme", "mauve"}, `--theme: unknown theme "mauve": one of [dark light high-contrast colour-blind]`},
		{[]string{"--supersample", "9"}, "1 to 8"},
		{[]string{"--supersample", "0"}, "--supersample 0: want 1 to 8"},
		{[]string{"--factor", "-1"}, "--factor -1: want"},
		{[]string{"--view", "foo"}, `--view "foo": want four numbers, left,top,right,bottom`},
		{[]string{"--tmux", "--plain"}, "leave one of the two out"},
		{[]string{"--http", "foo"}, `--http "foo": want host:port, such as 127.0.0.1:7035`},
		{[]string{"--http", "127.0.0.1:65536"}, "the port 0 to 65535"},
		{[]string{"--http", "0.0.0.0:7036"}, "--http-remote"},
		{[]string{"--http", ":7036"}, "give 127.0.0.1:7036"},
		{[]string{"--gossip", "foo"}, `--gossip "foo": want host:port, such as 127.0.0.1:7946`},
		{[]string{"--journey", "abroad"}, "want one of [coral original none]"},
		{[]string{"--journey", "original", "--view", "-1,1,1,-1"}, "--view names a view that stays"},
		{[]string{"--journey", "coral", "--kind", "julia"}, "not through julia"},
	} {
		if _, err := parsed(t, c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("lab %q = %v, want an error that says %q", c.args, err, c.want)
		}
	}
}

func TestLab_journeys(t *testing.T) {
	coral, original := fractal.CoralJourney(labWidth, labHeight), fractal.OriginalJourney(labWidth, labHeight)
	still := fractal.Journey{}
	for _, c := range []struct {
		args    []string
		journey fractal.Journey
		left    float64
	}{
		{nil, coral.Journey, coral.View.Left},
		{[]string{"--journey", "coral"}, coral.Journey, coral.View.Left},
		{[]string{"--journey", "original"}, original.Journey, original.View.Left},
		{[]string{"--journey", "none"}, still, original.View.Left},
		{[]string{"--view", "-1.5,1,1.5,-1"}, still, -1.5},
		{[]string{"--journey", "none", "--view", "-1.5,1,1.5,-1"}, still, -1.5},
		{[]string{"--kind", "julia"}, still, fractal.Whole(fractal.Julia, labWidth, labHeight).Fit().Left},
	} {
		f, err := parsed(t, c.args...)
		if err != nil {
			t.Errorf("lab %q: %v", c.args, err)
			continue
		}
		p, err := f.params()
		if err != nil || p.Journey != c.journey || p.View.Left != c.left {
			t.Errorf("lab %q goes %+v from %v, %v; want %+v from %v", c.args, p.Journey, p.View.Left, err, c.journey, c.left)
		}
	}
}

func TestLab_beginsAgainWithItsFlagsButForThePassword(t *testing.T) {
	f := &labFlags{}
	cmd := labCommand(f)
	if err := cmd.ParseFlags([]string{"--tmux", "--redis=redis://:secret@h", "--redis", "redis://:secret@h", "--view", "-1,1,1,-1", "--nodes", "3"}); err != nil {
		t.Fatal(err)
	}
	if got, want := again(cmd), []string{"lab", "--nodes=3", "--tmux=true", "--view=-1,1,1,-1"}; !slices.Equal(got, want) {
		t.Errorf("again = %q, want %q", got, want)
	}
}

func TestUnlessTold_swallowsAnEndOnlyWhereSomebodyAskedForIt(t *testing.T) {
	told, cancel := context.WithCancel(t.Context())
	cancel()
	broke := errors.New("it broke")
	for _, c := range []struct {
		ctx       context.Context
		err, want error
	}{
		{told, context.Canceled, nil},
		{told, fmt.Errorf("drawing: %w", context.Canceled), nil},
		{told, broke, broke},
		{told, nil, nil},
		{t.Context(), context.Canceled, context.Canceled},
		{t.Context(), context.DeadlineExceeded, context.DeadlineExceeded},
	} {
		if got := unlessTold(c.ctx, c.err); !errors.Is(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("unlessTold of %v with %v = %v, want %v", c.ctx.Err(), c.err, got, c.want)
		}
	}
}

func TestFirstFree_goesAsideAndSaysForWhom(t *testing.T) {
	holder, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	usual := holder.Addr().String()
	addr, why := firstFree(usual, "tcp", "udp")
	if addr != anyPort || !strings.Contains(why, usual) || !strings.Contains(why, fmt.Sprintf("(pid %d)", os.Getpid())) {
		t.Errorf("firstFree of a taken address = %q, %q; want %q, and who holds it", addr, why, anyPort)
	}
	err = checkFree("--http", usual, "tcp")
	if err == nil || !strings.Contains(err.Error(), "--http "+usual+" is in use") || !strings.Contains(err.Error(), fmt.Sprintf("(pid %d)", os.Getpid())) {
		t.Errorf("checkFree of a taken address = %v; want the flag, and who holds it", err)
	}
	if err := holder.Close(); err != nil {
		t.Fatal(err)
	}
	if err := checkFree("--http", usual, "tcp", "udp"); err != nil {
		t.Errorf("checkFree of a free address = %v", err)
	}
	if addr, why := firstFree(usual, "tcp", "udp"); addr != usual || why != "" {
		t.Errorf("firstFree of a free address = %q, %q; want it", addr, why)
	}
}

func TestCopyFrom_goesOnWhereTheLogWasCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "n1.log")
	var out strings.Builder
	var at int64
	for _, log := range []string{"", "one\n", "one\ntwo\n", "two\n", "two\nthree\n"} { // cut before the last but one
		if err := os.WriteFile(path, []byte(log), 0o600); err != nil {
			t.Fatal(err)
		}
		at = copyFrom(&out, path, at)
	}
	if got := out.String(); got != "one\ntwo\nthree\n" {
		t.Errorf("the pane shows %q, want each line once", got)
	}
}
