package lab

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestWatchParent_endsWithTheProcessItWatches(t *testing.T) {
	parent := exec.Command(os.Args[0], "parent")
	parent.Env = append(os.Environ(), roleEnv+"=node")
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	spec := procOf(parent.Process.Pid).String()
	result := make(chan error, 1)
	go func() { result <- WatchParent(bounded(t), spec) }()
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-result; !errors.Is(err, ErrOrphaned) {
		t.Errorf("WatchParent = %v, want ErrOrphaned", err)
	}
	_ = parent.Wait() // signal: killed
	if err := WatchParent(bounded(t), spec); !errors.Is(err, ErrOrphaned) {
		t.Errorf("WatchParent of one long gone = %v, want ErrOrphaned", err)
	}
}

func TestWatchParent_endsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- WatchParent(ctx, Self().String()) }()
	cancel()
	if err := <-result; err != nil {
		t.Errorf("WatchParent = %v, want nil", err)
	}
}

func TestWatchParent_doesNotTakeARecycledPidForTheParent(t *testing.T) {
	other := Self()
	other.Start++
	if err := WatchParent(bounded(t), other.String()); !errors.Is(err, ErrOrphaned) {
		t.Errorf("WatchParent = %v, want ErrOrphaned", err)
	}
}

func TestAnnounce_withoutALabDoesNothing(t *testing.T) {
	if err := Announce("hello"); err != nil {
		t.Error(err)
	}
}

func TestParseStat_countsFieldsFromTheLastParenthesis(t *testing.T) {
	const line = "42 (a (b) c) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 1"
	if start, state := parseStat(line); start != 987654 || state != 'S' {
		t.Errorf("parseStat = %d, %c, want 987654, S", start, state)
	}
}

func FuzzParseProc(f *testing.F) {
	f.Add("12@345")
	f.Add("@")
	f.Add("-1@18446744073709551616")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseProc(text)
		if err != nil {
			if !errors.Is(err, ErrBadProc) {
				t.Errorf("ParseProc(%q) = %v, want ErrBadProc", text, err)
			}
			return
		}
		if again, err := ParseProc(p.String()); err != nil || again != p {
			t.Errorf("ParseProc(%v) = %v, %v, want the same", p, again, err)
		}
	})
}

func FuzzParseStat(f *testing.F) {
	f.Add("42 (a (b) c) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 1")
	f.Add(")")
	f.Fuzz(func(_ *testing.T, text string) { parseStat(text) })
}

func TestPortHolders_findsThisProcess(t *testing.T) {
	for _, network := range []string{"tcp4", "tcp6", "udp4"} {
		t.Run(network, func(t *testing.T) {
			port, ok := listen(t, network)
			if !ok {
				return // a machine without IPv6 has nothing to find
			}
			holders := PortHolders(network[:3], port)
			if len(holders) != 1 || holders[0].PID != os.Getpid() || holders[0].Command == "" {
				t.Errorf("PortHolders = %v, want this process, %d", holders, os.Getpid())
			}
			if got := ExplainPort(network[:3], port); !strings.Contains(got, "held by") {
				t.Errorf("ExplainPort = %q, want it to name the holder", got)
			}
		})
	}
}

func listen(t *testing.T, network string) (port uint16, ok bool) {
	t.Helper()
	if network == "udp4" {
		conn, err := net.ListenPacket(network, "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return uint16(conn.LocalAddr().(*net.UDPAddr).Port), true
	}
	ln, err := net.Listen(network, "localhost:0")
	if err != nil {
		return 0, false
	}
	t.Cleanup(func() { _ = ln.Close() })
	return uint16(ln.Addr().(*net.TCPAddr).Port), true
}

func TestPortHolders_isEmptyForAFreePort(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(ln.Addr().(*net.TCPAddr).Port)
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if holders := PortHolders("tcp", port); len(holders) != 0 {
		t.Errorf("PortHolders = %v, want none", holders)
	}
}

func FuzzParseSocket(f *testing.F) {
	f.Add("   0: 0100007F:1B7B 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 12345 1 0 100 0 0 10 0")
	f.Add("0: 1:1 1 0A 0 0 0 0 0 0")
	f.Fuzz(func(_ *testing.T, line string) { parseSocket(line, "tcp") })
}
