package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fracture/chaos"
)

func text(value string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(value), nil }
}

func picture(request, value string) func() ([]Entry, error) {
	return func() ([]Entry, error) {
		return []Entry{{MetadataKey, []byte(request)}, {ChunkKey, []byte(value)}}, nil
	}
}

func TestWriter_writesAStreamAtTheOriginalsRhythm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := startEmbedded(t, EmbeddedConfig{})
		c := closing(t, e.Client())
		w := NewWriter(c, WriterConfig{})
		stop := running(t, w.Run)
		const tiles, frames = 24, 300 // ten seconds at 30 a second
		var encoded atomic.Uint64
		for frame := range frames {
			for tile := range uint32(tiles) {
				w.Put(TileKey(tile), func() ([]byte, error) {
					encoded.Add(1)
					return fmt.Appendf(nil, "frame %d", frame), nil
				})
			}
			<-time.After(time.Second / 30)
		}
		<-time.After(time.Second)
		got := w.Counters()
		if most := uint64(tiles * 21); got.Written > most || got.Written < most-2*tiles {
			t.Errorf("%d writes in 10 s of %d tiles, want about two a second of each: %d", got.Written, tiles, most)
		}
		if got.Written+got.Coalesced != tiles*frames || encoded.Load() != got.Written {
			t.Errorf("%d written, %d coalesced, %d encoded of %d; want every value counted and only what is written encoded",
				got.Written, got.Coalesced, encoded.Load(), tiles*frames)
		}
		for tile := range uint32(tiles) {
			if err := want(c, TileKey(tile), fmt.Sprintf("frame %d", frames-1)); err != nil {
				t.Error(err)
			}
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestWriter_dropsAndCountsKeysBeyondItsBound(t *testing.T) {
	w := NewWriter(closing(t, NewEmbedded(EmbeddedConfig{}).Client()), WriterConfig{MaxKeys: 2})
	for _, key := range []string{"a", "b", "c", "a"} {
		w.Put(key, text(key))
	}
	if c := w.Counters(); c.Keys != 2 || c.Dropped != 1 || c.Coalesced != 1 {
		t.Errorf("counters %+v, want 2 keys, 1 dropped, 1 coalesced", c)
	}
}

func TestWriter_forgetsKeysThatAreNoLongerPut(t *testing.T) {
	e := startEmbedded(t, EmbeddedConfig{})
	w := NewWriter(closing(t, e.Client()), WriterConfig{MaxKeys: 2, Interval: time.Millisecond})
	running(t, w.Run)
	for i := range 20 {
		eventually(t, "there is room for another key", func() error {
			before := w.Counters().Dropped
			w.Put(fmt.Sprint("k", i), text("v"))
			if w.Counters().Dropped > before {
				return errors.New("dropped")
			}
			return nil
		})
	}
}

func TestWriter_refusesImagesBeyondItsBounds(t *testing.T) {
	w := NewWriter(closing(t, NewEmbedded(EmbeddedConfig{}).Client()), WriterConfig{MaxImages: 2, MaxBytes: 100})
	room, err := w.Reserve(60)
	if err != nil {
		t.Fatal(err)
	}
	never := func(err error) { t.Errorf("saved was called: %v", err) }
	err = w.PutDurable(41, picture("r", "p"), never)
	wantError(t, err, ErrFull)
	mention(t, err, "1 of 2")
	if _, err = w.Reserve(40); err != nil {
		t.Fatal(err)
	}
	wantError(t, w.PutDurable(0, picture("r", "p"), never), ErrFull)
	room.Release()
	room.Release()
	if c := w.Counters(); c.Images != 1 || c.Bytes != 40 || c.Refused != 2 {
		t.Errorf("counters %+v, want 1 image of 40 bytes and 2 refused", c)
	}
	wantError(t, room.Put(picture("r", "p"), never), ErrClosed)
}

func TestWriter_tellsOnceThatAnImageIsSaved(t *testing.T) {
	e := startEmbedded(t, EmbeddedConfig{})
	c := closing(t, e.Client())
	w := NewWriter(c, WriterConfig{})
	running(t, w.Run)
	saved := make(chan error, 2)
	if err := w.PutDurable(1, picture("3,2,0,1,1,0", "89504e47"), func(err error) { saved <- err }); err != nil {
		t.Fatal(err)
	}
	if err := <-saved; err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{MetadataKey: "3,2,0,1,1,0", ChunkKey: "89504e47"} {
		if err := want(c, key, value); err != nil {
			t.Error(err)
		}
	}
	broken := errors.New("no such colour")
	if err := w.PutDurable(1, func() ([]Entry, error) { return nil, broken }, func(err error) { saved <- err }); err != nil {
		t.Fatal(err)
	}
	wantError(t, <-saved, broken)
	if c := w.Counters(); c.Images != 0 || c.Bytes != 0 || c.Written != 1 || c.Failures != 1 {
		t.Errorf("counters %+v, want nothing held, 1 written, 1 failure", c)
	}
}

func TestWriter_letsNeitherStreamsNorImagesStarve(t *testing.T) {
	e := startEmbedded(t, EmbeddedConfig{})
	w := NewWriter(closing(t, e.Client()), WriterConfig{Interval: time.Nanosecond, MaxImages: 1000})
	var mu sync.Mutex
	var order []string
	note := func(what string) func() ([]byte, error) {
		return func() ([]byte, error) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, what)
			return nil, nil
		}
	}
	for i := range 50 {
		w.Put(fmt.Sprint("k", i), note("stream"))
		image := note("image")
		if err := w.PutDurable(0, func() ([]Entry, error) {
			value, err := image()
			return []Entry{{ChunkKey, value}}, err
		}, func(error) {}); err != nil {
			t.Fatal(err)
		}
	}
	running(t, w.Run)
	counted(t, w, "all is written", func(c Counters) bool { return c.Written == 100 })
	for i := 1; i < len(order); i++ {
		if order[i] == order[i-1] {
			t.Fatalf("writes %d and %d are both of a %s, want turns", i-1, i, order[i])
		}
	}
}

func TestWriter_writesWhatIsLeftWhenItEnds(t *testing.T) {
	e := startEmbedded(t, EmbeddedConfig{})
	c := closing(t, e.Client())
	w := NewWriter(c, WriterConfig{Interval: time.Hour})
	stop := running(t, w.Run)
	w.Put("k", text("first"))
	counted(t, w, "the first value is written", func(c Counters) bool { return c.Written == 1 })
	w.Put("k", text("last"))
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := want(c, "k", "last"); err != nil {
		t.Error(err)
	}
	w.Put("k", text("too late"))
	if got := w.Counters(); got.Dropped != 1 {
		t.Errorf("counters %+v, want what came too late counted as dropped", got)
	}
	_, err := w.Reserve(1)
	wantError(t, err, ErrClosed)
}

func TestWriter_saysWhatItCouldNotSave(t *testing.T) {
	r := startRedis(t)
	c, err := NewClient(r.url())
	if err != nil {
		t.Fatal(err)
	}
	closing(t, c)
	r.kill()
	w := NewWriter(c, WriterConfig{Flush: 20 * time.Millisecond, Backoff: time.Millisecond})
	stop := running(t, w.Run)
	saved := make(chan error, 1)
	if err := w.PutDurable(1, picture("r", "p"), func(err error) { saved <- err }); err != nil {
		t.Fatal(err)
	}
	counted(t, w, "the store is known to be down", func(c Counters) bool { return c.Down && c.Failures > 2 })
	err = stop()
	wantError(t, err, ErrUnsaved)
	mention(t, err, "1,", r.url())
	wantError(t, <-saved, ErrUnsaved)
	if c := w.Counters(); c.Images != 0 || c.Bytes != 0 {
		t.Errorf("counters %+v, want nothing held", c)
	}
}

// A write whose reply does not come lasts for as long as one may, which is longer than an ending node has.
func TestWriter_endsThoughAWriteHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := closing(t, startEmbedded(t, EmbeddedConfig{}).Client())
		w := NewWriter(c, WriterConfig{Flush: 200 * time.Millisecond})
		stop := running(t, w.Run)
		w.Put("k", text("v"))
		<-time.After(time.Second)
		if err := c.SetFaults(Standing{Seed: 1, Fault: chaos.Fault{Kind: chaos.Loss, Share: 1}}); err != nil {
			t.Fatal(err)
		}
		if err := w.PutDurable(1, picture("r", "p"), func(error) {}); err != nil {
			t.Fatal(err)
		}
		<-time.After(10 * time.Millisecond)
		began := time.Now()
		wantError(t, stop(), ErrUnsaved)
		if took := time.Since(began); took > 300*time.Millisecond { // of the bubble's time, which passes only in waiting
			t.Errorf("a writer of 200 ms to flush took %v to end", took)
		}
	})
}

func TestWriter_doesNotLingerForStreams(t *testing.T) {
	r := startRedis(t)
	w := NewWriter(openURL(t, r.url()), WriterConfig{Flush: time.Hour})
	stop := running(t, w.Run)
	r.kill()
	w.Put("k", text("v"))
	counted(t, w, "the store is known to be down", func(c Counters) bool { return c.Down })
	if err := stop(); err != nil {
		t.Errorf("Run = %v, want nil: a value of a stream is no loss", err)
	}
	if c := w.Counters(); c.Dropped != 1 || c.Keys != 0 {
		t.Errorf("counters %+v, want the value dropped", c)
	}
}

// TestWriter_makesGoodWhatWasDueWhileRedisWasDead kills a real Redis under load, three times, and starts it empty again.
func TestWriter_makesGoodWhatWasDueWhileRedisWasDead(t *testing.T) {
	r := startRedis(t)
	c := openURL(t, r.url())
	w := NewWriter(c, WriterConfig{Interval: 5 * time.Millisecond, Backoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond, MaxImages: 3})
	running(t, w.Run)
	frame := 0
	load := func(frames int) {
		for range frames {
			frame++
			value := fmt.Sprint("frame ", frame)
			for tile := range uint32(24) {
				w.Put(TileKey(tile), text(value))
			}
			<-time.After(2 * time.Millisecond)
		}
	}
	var saved atomic.Int32
	for round := range 3 {
		load(20)
		r.kill()
		load(20)
		request := fmt.Sprint("request ", round)
		for range 3 {
			if err := w.PutDurable(1, picture(request, request), func(err error) {
				if err == nil {
					saved.Add(1)
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		wantError(t, w.PutDurable(1, picture(request, request), func(error) {}), ErrFull)
		counted(t, w, "the store is known to be down", func(c Counters) bool { return c.Down })
		r.start()
		counted(t, w, "what was due is written", func(c Counters) bool { return !c.Down && c.Images == 0 && c.Keys == 0 })
		for tile := range uint32(24) {
			if err := want(c, TileKey(tile), fmt.Sprint("frame ", frame)); err != nil {
				t.Errorf("round %d: %v", round, err)
			}
		}
		if err := want(c, ChunkKey, request); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
	}
	if n := saved.Load(); n != 9 {
		t.Errorf("%d images told to be saved, want 9", n)
	}
}

// TestWriter_neverMakesItsCallersWait: the store hangs, which is worse than dead. No Put may take as long as one attempt.
func TestWriter_neverMakesItsCallersWait(t *testing.T) {
	r := startRedis(t)
	w := NewWriter(openURL(t, r.url()), WriterConfig{Interval: time.Nanosecond, Attempt: 3 * time.Second, MaxKeys: 8})
	stop := running(t, w.Run)
	w.Put("k", text("before"))
	counted(t, w, "the store answers", func(c Counters) bool { return c.Written == 1 })
	r.pause()
	for i := range 10_000 {
		w.Put(fmt.Sprint("k", i%16), text("while it hangs"))
		if i < 16 {
			if err := w.PutDurable(1, picture("r", "p"), func(error) {}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if c := w.Counters(); c.Written != 1 || c.Failures != 0 {
		t.Errorf("counters %+v: 10,000 values were put, and the first attempt has not even ended, want that", c)
	}
	r.resume()
	counted(t, w, "what was due is written", func(c Counters) bool { return c.Images == 0 && c.Keys == 0 })
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func BenchmarkWriter_Put(b *testing.B) {
	w := NewWriter(closing(b, NewEmbedded(EmbeddedConfig{}).Client()), WriterConfig{})
	keys := make([]string, 24)
	for i := range keys {
		keys[i] = TileKey(uint32(i))
	}
	encode := text("")
	b.ReportAllocs()
	for i := range b.N {
		w.Put(keys[i%len(keys)], encode)
	}
}

func BenchmarkClient_Set(b *testing.B) {
	c := closing(b, startEmbedded(b, EmbeddedConfig{}).Client())
	value := make([]byte, 20<<10)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Set(context.Background(), Entry{"k", value}); err != nil {
			b.Fatal(err)
		}
	}
}
