package keep_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"image/png"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fracture/chaos"
	"fracture/cluster/failover"
	"fracture/cluster/keep"
	"fracture/cluster/store"
	"fracture/work"
	"fracture/work/fractal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shelf is a keeper at one node, with a real writer. Several may write to one store.
type shelf struct {
	*keep.Keeper
	writer *store.Writer

	mu    sync.Mutex // guards saved
	saved []work.StreamID
}

// embedded is a store of the test's own and a client of it.
func embedded(t *testing.T) *store.Client {
	t.Helper()
	e := store.NewEmbedded(store.EmbeddedConfig{})
	running(t, e.Run)
	client := e.Client()
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// running runs a part until the test ends.
func running(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// newShelf makes a keeper. Its writer writes from the start where writes is true, else never.
func newShelf(t *testing.T, client *store.Client, cfg store.WriterConfig, writes bool) *shelf {
	t.Helper()
	cfg.Interval = time.Millisecond
	s := &shelf{writer: store.NewWriter(client, cfg)}
	var err error
	if s.Keeper, err = keep.New(s.writer); err != nil {
		t.Fatal(err)
	}
	s.Saved(func(id work.StreamID) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.saved = append(s.saved, id)
	})
	if writes {
		running(t, s.writer.Run)
	}
	return s
}

func (s *shelf) told() []work.StreamID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.saved)
}

// picture is a small request of four tiles, stream a journey without end.
func picture(id work.StreamID) *work.Stream {
	p := fractal.OriginalJourney(48, 32)
	p.Journey, p.Request = fractal.Journey{}, fmt.Sprintf("48,32,-2.5,1.5,1,%d", -int(id))
	return &work.Stream{
		ID: id, Function: (fractal.Function{}).Name(), Params: p.Append(nil), Tiles: 4, Frames: 1,
		Strategy: work.Standby, Factor: 2,
	}
}

func endless(id work.StreamID) *work.Stream {
	s := picture(id)
	s.Frames, s.Period = 0, 33*time.Millisecond
	return s
}

// result computes one tile.
func result(t *testing.T, s *work.Stream, tile uint32) *failover.Message {
	t.Helper()
	input, err := (fractal.Function{}).Split(s.Params, 0, tile, s.Tiles, nil)
	if err != nil {
		t.Fatal(err)
	}
	output, err := (fractal.Function{}).Run(input, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &failover.Message{Kind: failover.Result, Task: work.TaskID{Stream: s.ID, Tile: tile}, Payload: output}
}

func (s *shelf) keepAll(t *testing.T, stream *work.Stream) {
	t.Helper()
	for tile := range stream.Tiles {
		m := result(t, stream, tile)
		s.Keep(m)
		clear(m.Payload) // the loop reuses it: what is wanted of it was copied
	}
}

// eventually asks until ok answers nil, for half a minute at most.
func eventually(t *testing.T, what string, ok func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	err := ok()
	for err != nil && time.Now().Before(deadline) {
		<-time.After(5 * time.Millisecond)
		err = ok()
	}
	if err != nil {
		t.Fatalf("%s: not within 30 s: %v", what, err)
	}
}

// holds reports whether the store has a PNG of a size under key.
func holds(client *store.Client, key string, width, height int) error {
	text, err := client.Get(context.Background(), key)
	if err != nil {
		return err
	}
	raw, err := hex.DecodeString(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	cfg, err := png.DecodeConfig(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	if cfg.Width != width || cfg.Height != height {
		return fmt.Errorf("%s is %d×%d, want %d×%d", key, cfg.Width, cfg.Height, width, height)
	}
	return nil
}

func missing(t *testing.T, client *store.Client, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if _, err := client.Get(context.Background(), key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s is in the store (%v), want it absent", key, err)
		}
	}
}

func (s *shelf) untilSaved(t *testing.T, ids ...work.StreamID) {
	t.Helper()
	eventually(t, "saved is reported", func() error {
		if got := s.told(); !slices.Equal(got, ids) {
			return fmt.Errorf("saved %v, want %v", got, ids)
		}
		return nil
	})
}

func TestKeeper_writesAStreamsTilesUnderTheOriginalsKeys(t *testing.T) {
	client := embedded(t)
	leader, follower := newShelf(t, client, store.WriterConfig{}, true), newShelf(t, client, store.WriterConfig{}, true)
	stream := endless(1)
	leader.Lead(stream, true)
	follower.Lead(stream, false)
	leader.keepAll(t, stream)
	follower.keepAll(t, stream)
	for tile := range stream.Tiles {
		eventually(t, store.TileKey(tile)+" is in the store", func() error { return holds(client, store.TileKey(tile), 24, 16) })
	}
	missing(t, client, "i=0", "i=5", store.MetadataKey, store.ChunkKey)
	if c := follower.writer.Counters(); c.Written+uint64(c.Keys)+c.Coalesced != 0 {
		t.Errorf("the follower writes a stream without end, too: %+v", c)
	}
	if got := leader.told(); len(got) != 0 {
		t.Errorf("streams %v without an end were reported saved", got)
	}
}

func TestKeeper_writesAPictureByItsLeaderAlone(t *testing.T) {
	client := embedded(t)
	leader, follower := newShelf(t, client, store.WriterConfig{}, true), newShelf(t, client, store.WriterConfig{}, true)
	stream := picture(2)
	leader.Lead(stream, true)
	follower.Lead(stream, false)
	leader.keepAll(t, stream)
	follower.keepAll(t, stream)
	leader.untilSaved(t, stream.ID)
	if err := holds(client, store.ChunkKey, 48, 32); err != nil {
		t.Error(err)
	}
	if got, err := client.Get(context.Background(), store.MetadataKey); err != nil || string(got) != "48,32,-2.5,1.5,1,-2" {
		t.Errorf("%s = %q, %v; want the request word for word", store.MetadataKey, got, err)
	}
	missing(t, client, "i=1")
	if c := follower.writer.Counters(); c.Written != 0 || len(follower.told()) != 0 {
		t.Errorf("the follower wrote, too: %+v, saved %v", c, follower.told())
	}
}

func TestKeeper_promotedWritesWhatTheDeadLeaderHadNot(t *testing.T) {
	client := embedded(t)
	leader, follower := newShelf(t, client, store.WriterConfig{}, false), newShelf(t, client, store.WriterConfig{}, true)
	whole, half := picture(3), picture(4)
	for _, stream := range []*work.Stream{whole, half} {
		leader.Lead(stream, true)
		follower.Lead(stream, false)
	}
	leader.keepAll(t, whole) // handed to a writer that dies before it writes
	follower.keepAll(t, whole)
	follower.Keep(result(t, half, 0))

	follower.Lead(whole, true)
	follower.Lead(half, true)
	follower.untilSaved(t, whole.ID)
	for tile := range half.Tiles { // the rest is computed anew, the first of it once more
		follower.Keep(result(t, half, tile))
	}
	follower.untilSaved(t, whole.ID, half.ID)
	if got, err := client.Get(context.Background(), store.MetadataKey); err != nil || string(got) != "48,32,-2.5,1.5,1,-4" {
		t.Errorf("%s = %q, %v; want the last picture's", store.MetadataKey, got, err)
	}
}

// bytesOf is what a picture of the tests takes: 48 by 32 numbers of four bytes.
const bytesOf = 48 * 32 * 4

func (s *shelf) mustReserve(t *testing.T, stream *work.Stream) (release func()) {
	t.Helper()
	release, err := s.Reserve(stream)
	if err != nil {
		t.Fatalf("Reserve for stream %d: %v", stream.ID, err)
	}
	return release
}

func (s *shelf) wantHeld(t *testing.T, when string, pictures int) {
	t.Helper()
	if c := s.writer.Counters(); c.Images != pictures || c.Bytes != int64(pictures)*bytesOf {
		t.Errorf("%s: %d pictures of %d bytes have a place, want %d of %d", when, c.Images, c.Bytes, pictures, pictures*bytesOf)
	}
}

// Requests are refused for want of room before a single tile is computed, not when the pictures are whole.
func TestKeeper_reservesTheRoomOfAPictureWithItsRequest(t *testing.T) {
	client := embedded(t)
	shelf := newShelf(t, client, store.WriterConfig{MaxBytes: 2 * bytesOf}, false)
	first, second, third := picture(5), picture(6), picture(11)
	shelf.mustReserve(t, first)
	giveBack := shelf.mustReserve(t, second)
	if _, err := shelf.Reserve(third); !errors.Is(err, store.ErrFull) {
		t.Fatalf("a third picture where there is room for two: %v, want ErrFull", err)
	}
	if release, err := shelf.Reserve(first); err != nil {
		t.Errorf("a second request for a picture that has its place: %v", err)
	} else {
		release()
	}
	if release, err := shelf.Reserve(endless(12)); err != nil {
		t.Errorf("a stream without end needs no room, and got %v", err)
	} else {
		release()
	}
	shelf.wantHeld(t, "two requests", 2)
	giveBack() // refused by the cluster
	giveBack()
	shelf.wantHeld(t, "one given back", 1)
	giveBack = shelf.mustReserve(t, third)

	shelf.Lead(first, true)
	shelf.Lead(third, true)
	giveBack() // the request is over, its stream is not
	shelf.wantHeld(t, "two streams", 2)
	shelf.keepAll(t, first)
	shelf.keepAll(t, third)
	if _, err := shelf.Reserve(second); !errors.Is(err, store.ErrFull) {
		t.Fatalf("a picture while two wait for the store: %v, want ErrFull", err)
	}
	running(t, shelf.writer.Run)
	shelf.untilSaved(t, first.ID, third.ID)
	shelf.wantHeld(t, "all saved", 0)
	shelf.mustReserve(t, second)
}

// What was promised elsewhere is held whatever the bound says, and counts: this node promises no more until it is gone.
func TestKeeper_countsThePicturesThatItStandsByFor(t *testing.T) {
	client := embedded(t)
	shelf := newShelf(t, client, store.WriterConfig{MaxBytes: 2 * bytesOf}, true)
	streams := []*work.Stream{picture(13), picture(14), picture(15)}
	for _, stream := range streams {
		shelf.Lead(stream, false)
		shelf.keepAll(t, stream)
	}
	shelf.wantHeld(t, "three stood by for", 3)
	if _, err := shelf.Reserve(picture(16)); !errors.Is(err, store.ErrFull) {
		t.Errorf("a request at a node that holds more than its bound: %v, want ErrFull", err)
	}
	shelf.Forget(streams[0].ID) // its leader has written it
	shelf.wantHeld(t, "two stood by for", 2)
	shelf.Lead(streams[1], true) // its leader died
	shelf.untilSaved(t, streams[1].ID)
	shelf.Forget(streams[1].ID)
	shelf.Forget(streams[2].ID)
	shelf.wantHeld(t, "none left", 0)
}

func TestKeeper_tellsTheResultsThatCameBefore(t *testing.T) {
	shelf := newShelf(t, embedded(t), store.WriterConfig{}, false)
	stream := picture(17)
	shelf.Lead(stream, false)
	want := result(t, stream, 2)
	shelf.Keep(want)
	told := map[uint32][]byte{}
	note := func(tile uint32, result []byte) { told[tile] = result }
	shelf.Kept(stream.ID, note)
	shelf.Kept(18, note)
	if len(told) != 1 || !bytes.Equal(told[2], want.Payload) {
		t.Errorf("tiles %v are told, want tile 2 as it came", slices.Collect(maps.Keys(told)))
	}
}

// A tile whose function answered with an error ends its picture: nothing is written, and the stream is over.
func TestKeeper_endsAPictureWhoseTileFailed(t *testing.T) {
	client := embedded(t)
	leader, follower := newShelf(t, client, store.WriterConfig{}, true), newShelf(t, client, store.WriterConfig{}, true)
	stream := picture(7)
	leader.Lead(stream, true)
	follower.Lead(stream, false)
	for tile := range stream.Tiles {
		m := result(t, stream, tile)
		if tile == 1 {
			m.Failed, m.Payload = true, []byte("no such tile")
		}
		leader.Keep(m)
		follower.Keep(m)
	}
	leader.untilSaved(t, stream.ID)
	if got := follower.told(); len(got) != 0 {
		t.Errorf("the follower reports %v saved; that is the leader's to say", got)
	}
	follower.Lead(stream, true) // the leader dies before anybody heard it
	follower.untilSaved(t, stream.ID)
	missing(t, client, store.MetadataKey, store.ChunkKey)
}

func TestKeeper_endsAPictureThatCannotBeEncoded(t *testing.T) {
	client := embedded(t)
	shelf := newShelf(t, client, store.WriterConfig{}, true)
	stream := picture(8)
	shelf.Lead(stream, true)
	for tile := range stream.Tiles {
		shelf.Keep(&failover.Message{Task: work.TaskID{Stream: stream.ID, Tile: tile}, Payload: []byte("no tile at all")})
	}
	shelf.untilSaved(t, stream.ID)
	missing(t, client, store.MetadataKey, store.ChunkKey)
}

func TestKeeper_keepsNothingOfOtherFunctions(t *testing.T) {
	client := embedded(t)
	shelf := newShelf(t, client, store.WriterConfig{}, true)
	stream := picture(9)
	stream.Function = "probe/1"
	shelf.Lead(stream, true)
	shelf.Keep(&failover.Message{Task: work.TaskID{Stream: stream.ID}, Payload: []byte("probe")})
	shelf.untilSaved(t, stream.ID)
	missing(t, client, "i=1", store.MetadataKey)
}

// Who led a stream must not bring its old tiles back over the new leader's when the store may have lost them.
func TestKeeper_leavesTheTilesToTheLeader(t *testing.T) {
	e := store.NewEmbedded(store.EmbeddedConfig{})
	running(t, e.Run)
	client, other := e.Client(), e.Client()
	t.Cleanup(func() { _ = client.Close() })
	t.Cleanup(func() { _ = other.Close() })
	shelf := newShelf(t, client, store.WriterConfig{
		Look: time.Millisecond, Backoff: time.Millisecond, MaxBackoff: time.Millisecond,
	}, true)
	stream := endless(19)
	counted := func(what string, ok func(store.Counters) bool) {
		eventually(t, what, func() error {
			if c := shelf.writer.Counters(); !ok(c) {
				return fmt.Errorf("counters %+v", c)
			}
			return nil
		})
	}
	breakOff := func() { // the connection to the store is lost, and made anew
		t.Helper()
		if err := client.SetFaults(store.Standing{Seed: 1, Fault: chaos.Fault{Kind: chaos.Kill}}); err != nil {
			t.Fatal(err)
		}
		counted("the loss is seen", func(c store.Counters) bool { return c.Down })
		if err := client.SetFaults(); err != nil {
			t.Fatal(err)
		}
		counted("the store is back", func(c store.Counters) bool { return !c.Down && c.Keys == 0 })
	}
	for what, leave := range map[string]func(){
		"deposed":   func() { shelf.Lead(stream, false) },
		"let go of": func() { shelf.Forget(stream.ID) },
	} {
		written := shelf.writer.Counters().Written
		shelf.Lead(stream, true)
		shelf.keepAll(t, stream)
		counted("all is written", func(c store.Counters) bool { return c.Written == written+uint64(stream.Tiles) })
		before := shelf.writer.Counters().Again
		breakOff()
		counted("a leader writes its tiles again", func(c store.Counters) bool { return c.Again == before+uint64(stream.Tiles) })
		leave()
		for tile := range stream.Tiles {
			if err := other.Set(context.Background(), store.Entry{Key: store.TileKey(tile), Value: []byte("newer")}); err != nil {
				t.Fatal(err)
			}
		}
		before = shelf.writer.Counters().Again
		breakOff()
		if n := shelf.writer.Counters().Again - before; n != 0 {
			t.Errorf("%s: %d tiles are written again, want none", what, n)
		}
		for tile := range stream.Tiles {
			if got, err := other.Get(context.Background(), store.TileKey(tile)); err != nil || string(got) != "newer" {
				t.Errorf("%s: %s = %.20q, %v; want the new leader's", what, store.TileKey(tile), got, err)
			}
		}
	}
}

func TestKeeper_forgetsWhatIsHeldNoLonger(t *testing.T) {
	client := embedded(t)
	shelf := newShelf(t, client, store.WriterConfig{}, true)
	stream := picture(10)
	shelf.Lead(stream, true)
	for tile := range stream.Tiles - 1 {
		shelf.Keep(result(t, stream, tile))
	}
	shelf.Forget(stream.ID)
	shelf.Keep(result(t, stream, stream.Tiles-1))
	if c := shelf.writer.Counters(); c.Images != 0 || c.Written != 0 {
		t.Errorf("a picture that was forgotten is written: %+v", c)
	}
}
