package main

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
)

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
	if err := holder.Close(); err != nil {
		t.Fatal(err)
	}
	if addr, why := firstFree(usual, "tcp", "udp"); addr != usual || why != "" {
		t.Errorf("firstFree of a free address = %q, %q; want it", addr, why)
	}
}
