package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"fracture/chaos"
)

// ill is something that a store can have: what makes it begin, and what makes it good.
type ill struct {
	name        string
	begin, cure func() error
}

// told makes an ill of two commands to a server.
func told(name string, admin *redis.Client, begin, cure []any) ill {
	tell := func(command []any) func() error {
		return func() error { return admin.Do(context.Background(), command...).Err() }
	}
	return ill{name, tell(begin), tell(cure)}
}

// proxy is a way to a server that may lose the replies.
type proxy struct {
	path   string
	silent atomic.Bool
}

func startProxy(t *testing.T, to string) *proxy {
	p := &proxy{path: filepath.Join(shortDir(t), "proxy.sock")}
	listener, err := net.Listen("unix", p.path)
	if err != nil {
		t.Fatal(err)
	}
	var ways sync.WaitGroup
	var mu sync.Mutex // guards conns
	var conns []net.Conn
	ways.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("unix", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			mu.Lock()
			conns = append(conns, near, far)
			mu.Unlock()
			ways.Go(func() {
				_, _ = io.Copy(far, near)
				_ = far.Close()
			})
			ways.Go(func() {
				_, _ = io.Copy(p.mouth(near), far)
				_ = near.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for _, conn := range conns {
			_ = conn.Close()
		}
		mu.Unlock()
		ways.Wait()
	})
	return p
}

func (p *proxy) mouth(to net.Conn) io.Writer {
	return writerFunc(func(reply []byte) (int, error) {
		if p.silent.Load() {
			return len(reply), nil
		}
		return to.Write(reply)
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// illTiles is how many keys a stream of these tests has.
const illTiles = 12

// ward is a writer whose store falls ill, under load.
type ward struct {
	t     *testing.T
	w     *Writer
	frame int
	saved atomic.Int32
	asked int32
	last  string // the last image that was promised to be kept
}

func (p *ward) load(frames int) {
	for range frames {
		p.frame++
		value := fmt.Sprint("frame ", p.frame)
		for tile := range uint32(illTiles) {
			p.w.Put(TileKey(tile), text(value))
		}
		<-time.After(2 * time.Millisecond)
	}
}

// images asks for one image more than there is room for.
func (p *ward) images(room int) {
	p.t.Helper()
	counted(p.t, p.w, "there is room for images", func(c Counters) bool { return c.Images == 0 })
	for i := range room + 1 {
		request := fmt.Sprintf("image %d of frame %d", i, p.frame)
		err := p.w.PutDurable(1, picture(request, request), func(err error) {
			if err == nil {
				p.saved.Add(1)
			}
		})
		switch {
		case err == nil:
			p.asked++
			p.last = request
		case !errors.Is(err, ErrFull):
			p.t.Fatal(err)
		}
	}
}

// whole checks that all that was due is in the store: the newest of each key, and every image up to the last.
func (p *ward) whole(c *Client) error {
	if n := p.saved.Load(); n != p.asked {
		return fmt.Errorf("%d of %d images are saved", n, p.asked)
	}
	for tile := range uint32(illTiles) {
		if err := want(c, TileKey(tile), fmt.Sprint("frame ", p.frame)); err != nil {
			return err
		}
	}
	return errors.Join(want(c, MetadataKey, p.last), want(c, ChunkKey, p.last))
}

// Whatever a real store has, results are taken without it, within bounds, and what was due is there when it is well again:
// of a stream the newest, of images all.
func TestWriter_makesGoodWhateverTheStoreHad(t *testing.T) {
	r := startRedis(t)
	p := startProxy(t, r.socket())
	admin := redis.NewClient(&redis.Options{Addr: r.socket()})
	t.Cleanup(func() { _ = admin.Close() })
	c, err := NewClient("unix://" + p.path)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, c)
	direct := openURL(t, r.url())
	well := func() error { return nil }
	full := r.fullDisk(admin)
	standing := func(f chaos.Fault) ill {
		return ill{"a fault: " + f.String(),
			func() error { return c.SetFaults(Standing{Seed: 1, Rule: 1, Fault: f}) },
			func() error { return c.SetFaults() },
		}
	}
	fault := func(kind chaos.Kind, share float64, by time.Duration) ill {
		return standing(chaos.Fault{Kind: kind, Share: share, By: by})
	}
	for _, ill := range []ill{
		{"killed, and started again empty", func() error { r.kill(); return nil }, func() error { r.start(); return nil }},
		{"frozen", func() error { r.pause(); return nil }, func() error { r.resume(); return nil }},
		{"its replies are lost", func() error { p.silent.Store(true); return nil }, func() error { p.silent.Store(false); return nil }},
		told("a replica", admin, []any{"REPLICAOF", "127.0.0.1", "1"}, []any{"REPLICAOF", "NO", "ONE"}),
		told("without the replicas that it wants", admin, []any{"CONFIG", "SET", "min-replicas-to-write", 1}, []any{"CONFIG", "SET", "min-replicas-to-write", 0}),
		told("out of memory", admin, []any{"CONFIG", "SET", "maxmemory", 1}, []any{"CONFIG", "SET", "maxmemory", 0}),
		{"a full disk", full.begin, full.cure},
		told("hanging in writes", admin, []any{"CLIENT", "PAUSE", 600_000, "WRITE"}, []any{"CLIENT", "UNPAUSE"}),
		told("late for once", admin, []any{"CLIENT", "PAUSE", 200, "WRITE"}, []any{"PING"}),
		fault(chaos.Kill, 0, 0), fault(chaos.Freeze, 0, 0), fault(chaos.Cut, 0, 0),
		fault(chaos.Deny, 1, 0), fault(chaos.Loss, 1, 0), fault(chaos.Delay, 1, 30*time.Millisecond),
		fault(chaos.Deny, 0.5, 0), fault(chaos.Loss, 0.3, 0),
		standing(chaos.Fault{Kind: chaos.Deny, Share: 1, Refusal: chaos.OutOfMemory}),
		standing(chaos.Fault{Kind: chaos.Deny, Share: 1, Refusal: chaos.DiskFull}),
		standing(chaos.Fault{Kind: chaos.Deny, Share: 1, Refusal: chaos.NoReplicas}),
		standing(chaos.Fault{Kind: chaos.Delay, Share: 1, By: 30 * time.Millisecond, Writes: true}),
		{"emptied", well, func() error { return admin.FlushAll(context.Background()).Err() }},
		{"nothing", well, well},
	} {
		t.Run(ill.name, func(t *testing.T) {
			w := NewWriter(c, WriterConfig{
				Interval: 5 * time.Millisecond, Attempt: 200 * time.Millisecond, Backoff: time.Millisecond,
				MaxBackoff: 20 * time.Millisecond, MaxImages: 3, MaxKeys: illTiles, Look: 100 * time.Millisecond,
			})
			running(t, w.Run)
			p := &ward{t: t, w: w}
			p.load(5)
			p.images(1)
			eventually(t, "a store that is well has all", func() error { return p.whole(direct) })
			if err := ill.begin(); err != nil {
				t.Fatal(err)
			}
			p.load(20)
			p.images(3)
			if got := w.Counters(); got.Keys > illTiles || got.Images > 3 || got.Dropped != 0 {
				t.Errorf("counters %+v, want the bounds kept and nothing dropped", got)
			}
			if ill.name != "nothing" && ill.name != "emptied" && !strings.Contains(ill.name, "late") && !strings.Contains(ill.name, "delay") {
				counted(t, w, "writes fail", func(c Counters) bool { return c.Failures >= 3 })
			}
			p.load(20)
			if err := ill.cure(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "what was due is there", func() error { return p.whole(direct) })
			counted(t, w, "the store is taken for well", func(c Counters) bool { return !c.Down && c.Images == 0 && c.Keys == 0 })
		})
	}
}

// A store that is started again empty lost what it had been given, and nobody says so: no write fails, nothing new comes.
func TestWriter_writesAgainWhatAStoreLostThatWasStartedAnew(t *testing.T) {
	r := startRedis(t)
	c := openURL(t, r.url())
	w := NewWriter(c, WriterConfig{Look: 10 * time.Millisecond, Backoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond})
	running(t, w.Run)
	for _, key := range []string{"i=1", "i=2", "left"} {
		w.Put(key, text("of "+key))
	}
	for _, request := range []string{"an older image", "the last image"} {
		saved := make(chan error, 1)
		if err := w.PutDurable(1, picture(request, request), func(err error) { saved <- err }); err != nil {
			t.Fatal(err)
		}
		if err := <-saved; err != nil {
			t.Fatal(err)
		}
	}
	counted(t, w, "all is written", func(c Counters) bool { return c.Written == 5 && c.Keys == 0 })
	w.Leave("left")
	if got := w.Counters(); got.Again != 0 {
		t.Errorf("counters %+v before anything was lost, want nothing written again", got)
	}
	r.kill()
	r.start()
	for _, pair := range [][2]string{{"i=1", "of i=1"}, {"i=2", "of i=2"}, {MetadataKey, "the last image"}, {ChunkKey, "the last image"}} {
		eventually(t, pair[0]+" is there again", func() error { return want(c, pair[0], pair[1]) })
	}
	if _, err := c.Get(context.Background(), "left"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the key that another writer has by now: %v, want it absent", err)
	}
	counted(t, w, "each is counted once", func(c Counters) bool { return c.Again == 3 && c.Keys == 0 && !c.Down })
}

// A store that is emptied says nothing, and its connections stand. What is written to it meanwhile is there; the rest is
// written again.
func TestWriter_writesAgainWhatWasTakenOutOfTheStore(t *testing.T) {
	r, e := startRedis(t), startEmbedded(t, EmbeddedConfig{})
	for name, open := range map[string]func() *Client{
		"redis":    func() *Client { return openURL(t, r.url()) },
		"embedded": func() *Client { return closing(t, e.Client()) },
	} {
		t.Run(name, func(t *testing.T) {
			c, direct := open(), open()
			w := NewWriter(c, WriterConfig{Interval: time.Millisecond, Look: 10 * time.Millisecond})
			running(t, w.Run)
			ctx := context.Background()
			for _, key := range []string{"i=1", "i=2", "left"} {
				w.Put(key, text("of "+key))
			}
			if err := w.PutDurable(1, picture("the image", "the image"), func(error) {}); err != nil {
				t.Fatal(err)
			}
			counted(t, w, "all is written", func(c Counters) bool { return c.Written == 4 && c.Keys == 0 })
			w.Leave("left")
			admin := direct.rdb
			dials := c.dials.Load()
			if err := admin.FlushAll(ctx).Err(); err != nil {
				t.Fatal(err)
			}
			w.Put("busy", text("of busy")) // there is always something to write
			for _, pair := range [][2]string{{"i=1", "of i=1"}, {"i=2", "of i=2"}, {"busy", "of busy"}, {MetadataKey, "the image"}, {ChunkKey, "the image"}} {
				eventually(t, pair[0]+" is there again", func() error { return want(direct, pair[0], pair[1]) })
			}
			if err := admin.Del(ctx, "i=2").Err(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "one that was taken out is there again", func() error { return want(direct, "i=2", "of i=2") })
			if _, err := direct.Get(ctx, "left"); !errors.Is(err, ErrNotFound) {
				t.Errorf("the key that another writer has by now: %v, want it absent", err)
			}
			if now := c.dials.Load(); now != dials {
				t.Errorf("%d connections were made, want that it was noticed on those that stood", now-dials)
			}
			counted(t, w, "no more than what was missing is written again", func(c Counters) bool { return c.Again >= 4 && c.Again <= 5 && c.Failures == 0 && c.Keys == 0 })
		})
	}
}

// The write that meets a new connection lets all be written again that was written before, but not what it has replaced.
func TestWriter_doesNotWriteAnOlderValueOverTheOneThatMeetsANewConnection(t *testing.T) {
	r := startRedis(t)
	c := openURL(t, r.url())
	w := NewWriter(c, WriterConfig{Interval: time.Millisecond, Look: time.Hour})
	running(t, w.Run)
	w.Put("other", text("kept"))
	w.Put("key", text("older"))
	counted(t, w, "both are written", func(c Counters) bool { return c.Written >= 2 && c.Keys == 0 })
	before := w.Counters().Again
	c.breakAll()
	w.Put("key", text("newer"))
	counted(t, w, "the other is written again", func(c Counters) bool { return c.Again > before && c.Keys == 0 })
	for key, value := range map[string]string{"other": "kept", "key": "newer"} {
		if err := want(c, key, value); err != nil {
			t.Error(err)
		}
	}
}

// The last image of one writer must not take the place of a newer one of another.
func TestWriter_doesNotWriteAnOlderImageOverANewerOne(t *testing.T) {
	r := startRedis(t)
	c, other := openURL(t, r.url()), openURL(t, r.url())
	w := NewWriter(c, WriterConfig{Look: 10 * time.Millisecond, Backoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond})
	running(t, w.Run)
	if err := w.PutDurable(1, picture("older", "older"), func(error) {}); err != nil {
		t.Fatal(err)
	}
	counted(t, w, "the image is written", func(c Counters) bool { return c.Written == 1 && c.Images == 0 })
	if err := other.Set(context.Background(), Entry{MetadataKey, []byte("newer")}, Entry{ChunkKey, []byte("newer")}); err != nil {
		t.Fatal(err)
	}
	if err := c.SetFaults(Standing{Seed: 1, Fault: chaos.Fault{Kind: chaos.Kill}}); err != nil { // its connection is lost, its data not
		t.Fatal(err)
	}
	counted(t, w, "the loss is seen", func(c Counters) bool { return c.Down })
	admin := redis.NewClient(&redis.Options{Addr: r.socket()})
	defer func() { _ = admin.Close() }()
	calls := func(command string) (n int) {
		stats, err := admin.Info(context.Background(), "commandstats").Result()
		if err != nil {
			t.Fatal(err)
		}
		if _, after, ok := strings.Cut(stats, "cmdstat_"+command+":calls="); ok {
			_, _ = fmt.Sscanf(after, "%d", &n)
		}
		return n
	}
	atLeast := func(command string, n int) {
		eventually(t, command+" is asked", func() error {
			if got := calls(command); got < n {
				return fmt.Errorf("%d times of %d", got, n)
			}
			return nil
		})
	}
	asked := calls("exists")
	if err := c.SetFaults(); err != nil {
		t.Fatal(err)
	}
	atLeast("exists", asked+2) // the image may be lost; and what followed from the answer has been done
	for _, key := range []string{MetadataKey, ChunkKey} {
		if err := want(other, key, "newer"); err != nil {
			t.Error(err)
		}
	}
}

func TestClient_setFaultsRefusesWhatCannotStandAtAStore(t *testing.T) {
	c := closing(t, NewEmbedded(EmbeddedConfig{}).Client())
	for _, f := range []chaos.Fault{
		{Kind: chaos.Restart}, {Kind: chaos.Thaw}, {Kind: chaos.Reset}, {Kind: chaos.Duplicate, Share: 1, By: 1},
		{Kind: chaos.Loss}, {Kind: chaos.Delay, Share: 1}, {},
	} {
		if err := c.SetFaults(Standing{Seed: 1, Fault: f}); !errors.Is(err, chaos.ErrBadFault) {
			t.Errorf("SetFaults with %+v = %v, want ErrBadFault", f, err)
		}
		if c.faults.Load() != nil {
			t.Fatalf("%+v stands though it was refused", f)
		}
	}
}

// What the client sees is what the fault says, and what the store sees too: a lost reply is of a deed, a denied one of none.
func TestClient_seesTheFaultThatStands(t *testing.T) {
	r := startRedis(t)
	c, direct := openURL(t, r.url()), openURL(t, r.url())
	for i, f := range []struct {
		fault chaos.Fault
		done  bool // the write is carried out
		ping  bool // a question is answered
		says  string
	}{
		{chaos.Fault{Kind: chaos.Kill}, false, false, "refused"},
		{chaos.Fault{Kind: chaos.Freeze}, false, false, ""},
		{chaos.Fault{Kind: chaos.Cut}, false, false, ""},
		{chaos.Fault{Kind: chaos.Deny, Share: 1}, false, true, "READONLY"},
		{chaos.Fault{Kind: chaos.Loss, Share: 1}, true, false, ""},
	} {
		key := fmt.Sprint("key ", i)
		if err := c.Ping(context.Background()); err != nil { // a connection stands before
			t.Fatal(err)
		}
		if err := c.SetFaults(Standing{Seed: 1, Fault: f.fault}); err != nil {
			t.Fatal(err)
		}
		short := func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 100*time.Millisecond)
		}
		ctx, cancel := short()
		err := c.Set(ctx, Entry{key, []byte("v")})
		cancel()
		if f.fault.Kind == chaos.Kill {
			ctx, cancel = short()
			err = c.Ping(ctx) // the first connection broke, the next is refused
			cancel()
		}
		mention(t, err, f.says)
		if err := want(direct, key, "v"); (err == nil) != f.done {
			t.Errorf("%v: the write was done: %v (%v), want %v", f.fault.Kind, err == nil, err, f.done)
		}
		ctx, cancel = short()
		if err := c.Ping(ctx); (err == nil) != f.ping {
			t.Errorf("%v: a question: %v, want it answered: %v", f.fault.Kind, err, f.ping)
		}
		cancel()
		if err := c.SetFaults(); err != nil {
			t.Fatal(err)
		}
		if err := c.Set(context.Background(), Entry{key, []byte("healed")}); err != nil {
			t.Errorf("%v, healed: %v", f.fault.Kind, err)
		}
	}
}
