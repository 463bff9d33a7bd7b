package failover

import (
	"strings"
	"testing"
	"time"
)

// A leader that is cut off takes its peers for silent one after the other, and asks each that is left to stand by. The one
// standby that had acknowledged its copy is not let go for that, however many came after it and never answered.
func TestLetGo_keepsTheStandbyThatHasACopy(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(9)
	stream := echoStream(0x1e)
	s.submit(sink, stream)
	s.run(300 * time.Millisecond)
	leader := s.leader(stream.ID)
	mine := leader.core.stream(stream.ID)
	standby := s.by(mine.holders[1])

	s.taped = true
	for _, a := range crew { // whoever is asked from now on does not hear it
		s.cut[[2]string{leader.name, a.name}] = true
	}
	for range MaxFactor + 2 {
		last := s.by(mine.holders[1])
		s.cut[[2]string{last.name, leader.name}] = true
		s.until("another is asked", time.Second, func() bool { return mine.holders[1] != last.id })
	}
	asked := 0
	for line := range strings.Lines(s.script.String()) {
		words := strings.Fields(line)
		if words[1] != leader.name || words[2] != "retire" {
			continue
		}
		asked++
		if words[5] == standby.name {
			t.Errorf("the leader lets the only standby go that has a copy: %s", line)
		}
	}
	if asked == 0 {
		t.Error("the leader lets nobody go: the test shows nothing")
	}
}
