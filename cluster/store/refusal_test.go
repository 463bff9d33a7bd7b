package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"fracture/chaos"
)

// fullDisk is the ill of a server whose snapshot cannot be written, since there is a directory in its place: what it then
// says is what it says of a full disk.
func (r *redisProcess) fullDisk(admin *redis.Client) ill {
	ctx := context.Background()
	inTheWay := filepath.Join(r.dir, "dump.rdb")
	status := func(want string) error {
		return awaitSaved(ctx, admin, want)
	}
	return ill{"a full disk",
		func() error {
			return errors.Join(os.Mkdir(inTheWay, 0o700), admin.ConfigSet(ctx, "save", "31536000 1").Err(), status("err"))
		},
		func() error {
			return errors.Join(os.Remove(inTheWay), status("ok"), admin.ConfigSet(ctx, "save", "").Err(), os.Remove(inTheWay))
		},
	}
}

// awaitSaved has a server save what it holds until that ends as it should.
func awaitSaved(ctx context.Context, admin *redis.Client, want string) error {
	for range 1000 {
		if err := admin.BgSave(ctx).Err(); err != nil && !strings.Contains(err.Error(), "in progress") {
			return err
		}
		<-time.After(10 * time.Millisecond)
		info, err := admin.Info(ctx, "persistence").Result()
		if err != nil {
			return err
		}
		if strings.Contains(info, "rdb_bgsave_in_progress:0") && strings.Contains(info, "rdb_last_bgsave_status:"+want) {
			return nil
		}
	}
	return fmt.Errorf("no save has ended as %s", want)
}

// What is answered in the store's place is what a store answers that has this, to the letter; and questions are answered
// or not, as there.
func TestStanding_deniesInTheWordsOfARealStore(t *testing.T) {
	r := startRedis(t)
	admin := redis.NewClient(&redis.Options{Addr: r.socket()})
	t.Cleanup(func() { _ = admin.Close() })
	direct, c := openURL(t, r.url()), openURL(t, r.url())
	full := r.fullDisk(admin)
	for refusal, ill := range map[chaos.Refusal]ill{
		chaos.ReadOnly:    told("a replica", admin, []any{"REPLICAOF", "127.0.0.1", "1"}, []any{"REPLICAOF", "NO", "ONE"}),
		chaos.NoReplicas:  told("no replicas", admin, []any{"CONFIG", "SET", "min-replicas-to-write", 1}, []any{"CONFIG", "SET", "min-replicas-to-write", 0}),
		chaos.OutOfMemory: told("out of memory", admin, []any{"CONFIG", "SET", "maxmemory", 1}, []any{"CONFIG", "SET", "maxmemory", 0}),
		chaos.DiskFull:    full,
	} {
		ctx := context.Background()
		ask := func(c *Client) [3]string {
			_, read := c.Get(ctx, "nothing")
			return [3]string{
				fmt.Sprint(c.Set(ctx, Entry{"k", []byte("v")})),
				fmt.Sprint(c.Ping(ctx)), fmt.Sprint(read),
			}
		}
		if err := ill.begin(); err != nil {
			t.Fatal(refusal, err)
		}
		want := ask(direct)
		if err := ill.cure(); err != nil {
			t.Fatal(refusal, err)
		}
		if err := c.SetFaults(Standing{Seed: 1, Fault: chaos.Fault{Kind: chaos.Deny, Share: 1, Refusal: refusal}}); err != nil {
			t.Fatal(err)
		}
		if got := ask(c); got != want {
			t.Errorf("%v: a write, a ping and a read are answered\n%q, by a real store\n%q", refusal, got, want)
		}
		if err := c.SetFaults(); err != nil {
			t.Fatal(err)
		}
		if err := c.Set(ctx, Entry{"k", []byte("healed")}); err != nil {
			t.Errorf("%v, healed: %v", refusal, err)
		}
	}
}

// A slow disk holds up writes, and questions are answered in time.
func TestStanding_aSlowDiskHoldsUpWritesAlone(t *testing.T) {
	c := openURL(t, startRedis(t).url())
	if err := c.SetFaults(Standing{Seed: 1, Fault: chaos.Fault{Kind: chaos.Delay, Share: 1, By: chaos.MaxLate, Writes: true}}); err != nil {
		t.Fatal(err)
	}
	if err := c.Ping(context.Background()); err != nil {
		t.Fatal(err)
	}
	for what, ask := range map[string]func(context.Context) error{
		"a question": func(ctx context.Context) error {
			if _, err := c.Get(ctx, "k"); !errors.Is(err, ErrNotFound) {
				return err
			}
			return nil
		},
		"a write": func(ctx context.Context) error { return c.Set(ctx, Entry{"k", []byte("v")}) },
	} {
		ctx, cancel := context.WithTimeout(context.Background(), chaos.MaxLate/2)
		err := ask(ctx)
		cancel()
		if held := errors.Is(err, context.DeadlineExceeded) || err != nil && strings.Contains(err.Error(), "timeout"); held != (what == "a write") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
