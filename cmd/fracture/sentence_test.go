package main

import (
	"strings"
	"testing"
)

func TestHarm_saysWhatHasBecomeOfWhoSuffersIt(t *testing.T) {
	for line, want := range map[string][2]string{
		"kill --node n3 --for 3s":               {"n3: killed, for 3s", "n3: started again"},
		"kill --signal TERM --node n3 --for 3s": {"n3: given SIGTERM, for 3s", "n3: started again"},
		"kill --signal USR1 --node n3":          {"n3: given SIGUSR1, for 10s", "n3: runs"},
		"freeze --node n3 --for 500ms":          {"n3: frozen, for 500ms", "n3: goes on"},
		"down --node n3 --for 2s":               {"n3: its network interface is down, for 2s", "n3: its network interface is up"},
		"cut --node n3 --for 2s":                {"n3: cut at link to all, cut at beat to all, for 2s", "n3: healed"},
		"wedge --node n3 --for 2s":              {"n3: wedge at loop, for 2s", "n3: healed"},
		"restart --node n3":                     {"n3: stopped and started again", ""},
		"full_disk --for 5s":                    {"n3: its disk is full, for 5s", "n3: its disk is no longer full"},
		"flush":                                 {"n3: emptied", ""},
	} {
		h, err := parseHarm(strings.Fields(line))
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if got := h.sentence("n3", false); got != want[0] {
			t.Errorf("%s is told as %q, want %q", line, got, want[0])
		}
		if got := h.sentence("n3", true); want[1] != "" && got != want[1] {
			t.Errorf("the end of %s is told as %q, want %q", line, got, want[1])
		}
	}
	for _, d := range append(deeds, ofServerDeeds()...) { // whatever is done to a process has words of its own
		if begun, ended := (harm{name: d.name, deed: &d}).outcome(); begun == "" || d.stands && ended == "healed" {
			t.Errorf("%s is told as %q, and then %q", d.name, begun, ended)
		}
	}
}

// ofServerDeeds are the deeds of the store's process.
func ofServerDeeds() (list []deed) {
	for _, d := range serverDeeds(false) {
		list = append(list, d.deed)
	}
	return list
}
