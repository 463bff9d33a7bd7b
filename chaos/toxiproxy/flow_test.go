package toxiproxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestFlow_losesNothing puts toxics in, changes them and takes them out while bytes pass both ways.
func TestFlow_losesNothing(t *testing.T) {
	s, at := echoed(t, Config{})
	round := 0
	rapid.Check(t, func(r *rapid.T) {
		round++
		c := dial(t, at)
		defer func() { _ = c.Close() }()
		text := rapid.SliceOfN(rapid.Byte(), 1, 64).Draw(r, "text")
		whole := bytes.Repeat(text, 4096/len(text)+1)
		var said bytes.Buffer
		heard := make(chan []byte, 1)
		go func() {
			all, _ := io.ReadAll(c)
			heard <- all
		}()
		there := map[string]string{} // the type, by name
		for step := range rapid.IntRange(1, 12).Draw(r, "steps") {
			part := whole[:rapid.IntRange(1, len(whole)).Draw(r, "part")]
			if _, err := c.Write(part); err != nil {
				r.Fatal(err)
			}
			said.Write(part)
			name := fmt.Sprint("t", rapid.IntRange(0, 3).Draw(r, "toxic"))
			switch kind := there[name]; {
			case kind == "":
				kind = rapid.SampledFrom([]string{"latency", "bandwidth", "slow_close", "slicer", "reset_peer"}).Draw(r, "type")
				s.must("POST", "/proxies/p/toxics", `{"name":%q,"type":%q,"stream":%q,"toxicity":%v,"attributes":%s}`, name, kind,
					rapid.SampledFrom([]string{Upstream, Downstream}).Draw(r, "stream"),
					rapid.SampledFrom([]float64{1, 0.5}).Draw(r, "toxicity"), harmless(kind, step))
				there[name] = kind
			case rapid.Bool().Draw(r, "update"):
				s.must("PATCH", "/proxies/p/toxics/"+name, `{"attributes":%s}`, harmless(kind, step+1))
			default:
				s.must("DELETE", "/proxies/p/toxics/"+name, "")
				delete(there, name)
			}
		}
		for name, kind := range there {
			if kind == "reset_peer" || rapid.Bool().Draw(r, "out") {
				s.must("DELETE", "/proxies/p/toxics/"+name, "")
			}
		}
		if err := c.CloseWrite(); err != nil {
			r.Fatal(err)
		}
		if all := <-heard; !bytes.Equal(all, said.Bytes()) {
			r.Fatalf("round %d: heard %d bytes of %d, the same up to byte %d", round, len(all), said.Len(), same(all, said.Bytes()))
		}
		s.must("POST", "/reset", "")
	})
}

// harmless are attributes with which nothing takes long, and nothing is lost that the toxic is taken from in time.
func harmless(kind string, step int) string {
	switch kind {
	case "latency":
		return fmt.Sprintf(`{"latency":%d,"jitter":1}`, step%4)
	case "bandwidth":
		return fmt.Sprintf(`{"rate":%d}`, 5000+step)
	case "slow_close":
		return fmt.Sprintf(`{"delay":%d}`, step%4)
	case "slicer":
		return fmt.Sprintf(`{"average_size":%d,"size_variation":%d}`, 50+step, step)
	}
	return `{"timeout":3600000}`
}

func same(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// alone is a stage of a toxic whose attributes these are, at the only connection of a proxy.
func alone(a Attributes) *stage {
	return newStage(1, "p", live{Toxic: Toxic{Attributes: a, Name: "t", Toxicity: 1}, calls: &atomic.Uint64{}}, 1, false, time.Now())
}

func TestFlow_pushesBackWhenItIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlow([]*stage{alone(&Latency{Latency: 3_600_000})}, 0)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- f.run(ctx) }()
		taken := 0
		for full := false; !full; {
			select {
			case f.in <- piece{bytes: make([]byte, readBytes)}:
				taken += readBytes
			case <-time.After(time.Second):
				full = true
			}
		}
		if taken != maxStageBytes {
			t.Errorf("took %d bytes in, want %d and no more", taken, maxStageBytes)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("run = %v, want what ended it", err)
		}
	})
}

func TestFlow_endsThoughTheOtherSideDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlow([]*stage{alone(&LimitData{Bytes: 5})}, 1)
		f.in <- piece{bytes: []byte("more than five")}
		began := time.Now()
		if err := f.run(t.Context()); !errors.Is(err, errOver) || time.Since(began) != overTime {
			t.Errorf("run = %v after %v, want errOver after %v", err, time.Since(began), overTime)
		}
	})
}

// What has passed all stages when the other side stops to read keeps whatever comes behind it; but not the end of a connection.
func TestFlow_endsThoughAllIsFullOfWhatNobodyReads(t *testing.T) {
	for name, c := range map[string]struct {
		stages func() []*stage
		want   error
		after  time.Duration
	}{
		"timeout":            {func() []*stage { return []*stage{alone(&Timeout{Timeout: 60})} }, errOver, 60*time.Millisecond + overTime},
		"timeout at 0":       {func() []*stage { return []*stage{alone(&Timeout{})} }, context.DeadlineExceeded, time.Hour},
		"timeout of another": {func() []*stage { return []*stage{alone(&Timeout{Timeout: 60}), alone(&Latency{})} }, errOver, 60*time.Millisecond + overTime},
		"limit_data":         {func() []*stage { return []*stage{alone(&LimitData{Bytes: 0})} }, errOver, overTime},
		"reset_peer":         {func() []*stage { return []*stage{alone(&ResetPeer{Timeout: 60})} }, errReset, 60 * time.Millisecond},
		"latency":            {func() []*stage { return []*stage{alone(&Latency{Latency: 60})} }, context.DeadlineExceeded, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				f := newFlow(nil, maxReadyPieces)
				ended := make(chan error, 1)
				go func() { ended <- f.run(ctx) }()
				for range maxReadyPieces {
					f.in <- piece{bytes: []byte("x")}
				}
				synctest.Wait()
				f.change(func(time.Time, []*stage) []*stage { return c.stages() })
				began := time.Now()
				f.in <- piece{bytes: []byte("y")}
				if err := <-ended; !errors.Is(err, c.want) || time.Since(began) != c.after {
					t.Errorf("run = %v after %v, want %v after %v", err, time.Since(began), c.want, c.after)
				}
			})
		})
	}
}

func TestFlow_aSlicerDoesNotFillItsReady(t *testing.T) {
	f := newFlow([]*stage{alone(&Slicer{AverageSize: 1})}, 0)
	f.put(0, piece{bytes: make([]byte, readBytes)}, time.Now())
	f.advance(time.Now())
	if len(f.ready) != maxReadyPieces {
		t.Errorf("%d parts are ready, want %d", len(f.ready), maxReadyPieces)
	}
}

func TestSlicer_variesAsToldAndLosesNothing(t *testing.T) {
	s := alone(&Slicer{AverageSize: 10, SizeVariation: 4})
	now := time.Now()
	said := bytes.Repeat([]byte("0123456789"), 100)
	s.arrive(piece{bytes: bytes.Clone(said)}, now)
	var heard []byte
	sizes := map[int]bool{}
	for {
		p, ok, _ := s.next(now)
		if !ok {
			break
		}
		if n := len(p.bytes); n < 6 && len(heard)+n < len(said) || n > 14 {
			t.Errorf("a part of %d bytes, want 10 give or take 4", n)
		}
		sizes[len(p.bytes)] = true
		heard = append(heard, p.bytes...)
	}
	if !bytes.Equal(heard, said) || len(sizes) < 5 {
		t.Errorf("heard %d of %d bytes in parts of %v", len(heard), len(said), sizes)
	}
}

func TestStage_aHigherToxicityAddsToThoseWhoAreHit(t *testing.T) {
	for nth := range uint64(200) {
		hit := false
		for _, toxicity := range []float32{0, 0.2, 0.5, 0.9, 1} {
			s := newStage(5, "p", live{Toxic: Toxic{Attributes: &Latency{}, Name: "t", Toxicity: toxicity}}, nth, false, time.Now())
			if hit && !s.hit {
				t.Errorf("connection %d is let go at a toxicity of %v", nth, toxicity)
			}
			hit = s.hit
			if toxicity == 0 && hit || toxicity == 1 && !hit {
				t.Errorf("connection %d is hit at a toxicity of %v: %v", nth, toxicity, hit)
			}
		}
	}
}
