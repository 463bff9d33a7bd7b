package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"fracture/clock"
	"fracture/cluster/front"
	"fracture/cluster/keep"
	"fracture/cluster/store"
	"fracture/work"
	"fracture/work/fractal"
)

// startKeepers runs nodes whose results wait for a store that nobody writes to: a picture is asked for and never over.
func startKeepers(t *testing.T, n int, cfg store.WriterConfig) []*running {
	t.Helper()
	creds := newKeys(t)
	var crew []*running
	for i := range n {
		client := store.NewEmbedded(store.EmbeddedConfig{}).Client()
		t.Cleanup(func() { _ = client.Close() })
		keeper, err := keep.New(store.NewWriter(client, cfg))
		if err != nil {
			t.Fatal(err)
		}
		var join []string
		if i > 0 {
			join = append(join, crew[0].member.Gossip)
		}
		node, err := tryKeepingNode(t, creds, keeper, fmt.Sprintf("n%d", i+1), join...)
		if err != nil {
			t.Fatal(err)
		}
		crew = append(crew, node)
	}
	untilLinked(t, crew)
	return crew
}

// keyedPicture is a request for a small picture under a key, as the front door names it.
func keyedPicture(key, ask uint32) *work.Stream {
	stream := fractalStream(work.StreamID(1<<63|uint64(key)<<32|uint64(ask)), 1)
	p := fractal.OriginalJourney(36, 24)
	p.Journey = fractal.Journey{}
	stream.Params = p.Append(nil)
	return stream
}

func executed(crew []*running) (n uint64) {
	for _, node := range crew {
		n += node.count.executed.Load()
	}
	return n
}

// A client asks again, at the same node and at others, while its picture is computed and after: it is computed once, and
// each asking gets all of it.
func TestNode_computesAKeyedPictureOnceHoweverOftenItIsAskedFor(t *testing.T) {
	crew := startKeepers(t, 5, store.WriterConfig{})
	stream := keyedPicture(7, 1)
	want := []uint32{0, 1, 2, 3, 4, 5}
	var asking sync.WaitGroup
	for i := range 2 * len(crew) {
		asking.Go(func() {
			if tiles, err := askFor(crew[i/2].Node, stream); err != nil || !slices.Equal(tiles, want) {
				t.Errorf("asked for at %s meanwhile: tiles %v, %v; want %v", crew[i/2].cfg.Name, tiles, err, want)
			}
		})
	}
	asking.Wait()
	for _, node := range crew {
		if tiles, err := askFor(node.Node, stream); err != nil || !slices.Equal(tiles, want) {
			t.Errorf("asked for at %s afterwards: tiles %v, %v; want %v", node.cfg.Name, tiles, err, want)
		}
	}
	if n := executed(crew); n != uint64(stream.Tiles) {
		t.Errorf("%d tiles were computed, want %d", n, stream.Tiles)
	}
}

func TestNode_refusesAKeyThatNamesAnotherRequestAtEveryNode(t *testing.T) {
	crew := startKeepers(t, 3, store.WriterConfig{})
	first, other := keyedPicture(8, 1), keyedPicture(8, 2)
	if _, err := askFor(crew[0].Node, first); err != nil {
		t.Fatal(err)
	}
	for _, node := range crew {
		eventually(t, node.cfg.Name+" hears of the key", func() error { // by another link than the answer came
			node.keys.mu.Lock()
			defer node.keys.mu.Unlock()
			if node.keys.stream[front.KeyPart(first.ID)] == 0 {
				return errors.New("not yet")
			}
			return nil
		})
		if _, err := askFor(node.Node, other); !errors.Is(err, front.ErrKeyReused) {
			t.Errorf("another request under the key at %s: %v, want ErrKeyReused", node.cfg.Name, err)
		}
		if _, err := askFor(node.Node, first); err != nil {
			t.Errorf("the first request is refused at %s: %v", node.cfg.Name, err)
		}
	}
}

func TestKeys_areBoundedInNumberAndTime(t *testing.T) {
	k := seenNoKeys()
	id := func(key, ask uint32) work.StreamID { return keyedPicture(key, ask).ID }
	now := clock.Instant(time.Hour)
	for key := range uint32(maxKeys) {
		if !k.see(id(key, 1), now) || k.see(id(key, 2), now) || !k.see(id(key, 1), now) {
			t.Fatalf("key %d does not belong to the first that bore it", key)
		}
	}
	if !k.see(id(maxKeys, 1), now) || k.see(id(1, 2), now) || !k.see(id(0, 2), now) {
		t.Error("beyond the bound not the oldest key was forgotten, or more than one")
	}
	if len(k.stream) > maxKeys || len(k.order) > maxKeys {
		t.Errorf("%d keys, %d in order, want %d at most", len(k.stream), len(k.order), maxKeys)
	}
	now = now.Add(keyTime - 1)
	if k.see(id(maxKeys, 2), now) {
		t.Error("a key is forgotten before its time")
	}
	if now = now.Add(1); !k.see(id(maxKeys, 2), now) {
		t.Error("a key is remembered beyond its time")
	}
	for range 2 {
		if !k.see(1, now) || !k.see(2, now) {
			t.Error("streams without a key are refused")
		}
	}
}

// Pictures are refused when they are asked for, not when they are whole.
func TestNode_refusesARequestThatTheStoreHasNoRoomFor(t *testing.T) {
	crew := startKeepers(t, 2, store.WriterConfig{MaxImages: 2})
	for i := range work.StreamID(2) {
		picture := keyedPicture(0, 1)
		picture.ID = 0x50 + i
		if _, err := askFor(crew[0].Node, picture); err != nil {
			t.Fatalf("picture %d of two: %v", i+1, err)
		}
	}
	before := executed(crew)
	third := keyedPicture(0, 1)
	third.ID = 0x60
	for _, node := range crew { // the second stands by for what the first leads
		if _, err := askFor(node.Node, third); !errors.Is(err, store.ErrFull) {
			t.Errorf("a third picture at %s: %v, want ErrFull", node.cfg.Name, err)
		}
	}
	if n := executed(crew) - before; n != 0 {
		t.Errorf("%d tiles of refused pictures were computed", n)
	}
}

// Who waits at a node that ends is told so at once, not when its own patience is over.
func TestNode_tellsWhoWaitsThatItEnds(t *testing.T) {
	crew := startKeepers(t, 2, store.WriterConfig{})
	picture := keyedPicture(9, 1)
	results, err := crew[0].Request(context.Background(), *picture)
	if err != nil {
		t.Fatal(err)
	}
	if err := crew[0].end(); err != nil {
		t.Fatal(err)
	}
	for range results { // closed, however many came
	}
	if _, err := crew[0].Request(context.Background(), *picture); !errors.Is(err, front.ErrEnded) {
		t.Errorf("a request at a node that has ended: %v, want ErrEnded", err)
	}
	if tiles, err := askFor(crew[1].Node, withFactor(picture, 1)); err != nil || len(tiles) != 6 {
		t.Errorf("asked again at the other: tiles %v, %v", tiles, err)
	}
}

func withFactor(stream *work.Stream, factor uint8) *work.Stream {
	changed := *stream
	changed.Factor = factor
	return &changed
}
