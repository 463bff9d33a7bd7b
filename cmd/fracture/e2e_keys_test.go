package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// What a key orders is listed, and ends, as what a request has begun.
func TestE2E_keysOrderFaultsAndTakeThemBack(t *testing.T) {
	h := newHouse(t)
	state := t.TempDir()
	h.env = append(h.env, "XDG_STATE_HOME="+state)
	s := h.openTerminal()
	s.labIn("--nodes", "5", "--fps", "10", "--probe", "50ms")
	s.await(`5 \S n5 +alive`)
	o := h.outside()
	stands := func(want string) {
		t.Helper()
		got := ""
		await(t, "what stands: "+want, func() bool {
			list, err := o.client.Faults(t.Context())
			got = ""
			for _, f := range list {
				got += f.What + " at " + strings.Join(f.Whom, ", ")
			}
			return err == nil && got == want
		}, func() string { return got })
	}
	s.press("3", "d")
	stands("slow at n3")
	s.press("u")
	stands("")
	s.press("n", "4")
	stands("cut at n3")
	s.press("F6")
	s.await(`▸ topology .* 1 fault stands`, `cut at n3 and n4, \d+ s left`, `3 \S n3 .*✗`)
	s.press("H")
	stands("")
	s.await(`▸ topology .* no fault stands`)
	s.press("w")
	s.await(`kept in \S+moment-\d+-\d+`)
	kept, _ := filepath.Glob(filepath.Join(state, "fracture", "moment-*", "*")) // the pattern is good
	if len(kept) != 5 {
		t.Errorf("kept are the files %q, want five", kept)
	}
	s.press("q")
	s.await(`exit:0`)
	h.wantNothingLeft()
}
