package main

import (
	"slices"
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
