package cluster

import (
	"testing"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/cluster/wire"
)

// A loop that stands still must not be drowned by its peers' beats, and finds the newest of each when it goes on.
func TestInbox_keepsABoundedNumberOfBeatsAndEachPeersNewest(t *testing.T) {
	in := newInbox()
	const rounds = 2 * inboxBeats
	for i := range rounds {
		for peer := range failover.NodeID(3) {
			in.beat([]wire.Heard{{From: peer, At: clock.Instant(i)}})
		}
		if i == inboxBeats {
			in.put(failover.Event{Kind: failover.LinkDown, Peer: 2})
		}
	}
	events := in.take(taken{}).events
	newest, beats := map[failover.NodeID]clock.Instant{}, 0
	for _, ev := range events {
		if ev.Kind == failover.Beat {
			newest[ev.Peer] = max(newest[ev.Peer], ev.At)
			beats++
		}
	}
	if beats != inboxBeats || len(events) != inboxBeats+1 {
		t.Errorf("%d beats of %d events wait, want %d and the broken link", beats, len(events), inboxBeats)
	}
	for peer := range failover.NodeID(3) {
		if newest[peer] != rounds-1 {
			t.Errorf("the newest beat of peer %d is number %d, want %d", peer, newest[peer], rounds-1)
		}
	}
	if want := uint64(3*rounds - inboxBeats); in.merged != want {
		t.Errorf("%d beats gave way, want %d", in.merged, want)
	}
	in.beat([]wire.Heard{{From: 1, At: rounds}})
	if events = in.take(taken{events: events}).events; len(events) != 1 || events[0].At != rounds {
		t.Errorf("after it was emptied: %+v, want the one beat that came since", events)
	}
}

// Every beat is kept while the loop is alive: a peer's rhythm is learned from them.
func TestInbox_keepsEveryBeatOfALoopThatIsAlive(t *testing.T) {
	in := newInbox()
	for i := range 10 {
		in.beat([]wire.Heard{{From: 1, At: clock.Instant(i)}})
	}
	if events := in.take(taken{}).events; len(events) != 10 {
		t.Errorf("%d of 10 beats were kept", len(events))
	}
}

// The thread that beats must not wait for whoever is in the inbox and may itself be waiting for a core.
func TestInbox_takesNoBeatsWhereItWouldHaveToWait(t *testing.T) {
	in := newInbox()
	in.mu.Lock()
	if in.beat([]wire.Heard{{From: 1}}) {
		t.Error("it says that it took a beat while somebody else had it locked")
	}
	in.mu.Unlock()
	if !in.beat([]wire.Heard{{From: 1}, {From: 2}}) || len(in.take(taken{}).events) != 2 {
		t.Error("it does not take two beats that nobody is in the way of")
	}
}
