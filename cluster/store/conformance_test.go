package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestStores_keepTheSamePromises runs one suite over every kind of store that a URL can name.
func TestStores_keepTheSamePromises(t *testing.T) {
	kinds := []struct {
		name string
		open func(t *testing.T) *Client
	}{
		{"embedded", func(t *testing.T) *Client { return closing(t, startEmbedded(t, EmbeddedConfig{}).Client()) }},
		{"embedded by socket", func(t *testing.T) *Client {
			return openURL(t, "unix://"+serveUnix(t, startEmbedded(t, EmbeddedConfig{})))
		}},
		{"redis", func(t *testing.T) *Client { return openURL(t, startRedis(t).url()) }},
		{"redis with a password", func(t *testing.T) *Client {
			return openURL(t, "unix://:s3cret%2F@"+startRedis(t, "--requirepass", "s3cret/").socket())
		}},
		{"redis cluster", func(t *testing.T) *Client { return openURL(t, startCluster(t)) }},
		{"redis by sentinel", func(t *testing.T) *Client { return openURL(t, startSentinel(t)) }},
	}
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) { conform(t, kind.open(t)) })
	}
}

func conform(t *testing.T, c *Client) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	t.Run("answers", func(t *testing.T) {
		if err := c.Ping(ctx); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("has no key that was not written", func(t *testing.T) {
		_, err := c.Get(ctx, "nothing")
		wantError(t, err, ErrNotFound)
	})
	t.Run("keeps the newest value", func(t *testing.T) {
		for _, value := range []string{"first", "second", "", "bin\x00\r\n$5\r\n*1\xff"} {
			if err := c.Set(ctx, Entry{"k", []byte(value)}); err != nil {
				t.Fatal(err)
			}
			if err := want(c, "k", value); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("keeps a big value", func(t *testing.T) {
		big := bytes.Repeat([]byte("0123456789abcdef"), 1<<19)
		if err := c.Set(ctx, Entry{"big", big}); err != nil {
			t.Fatal(err)
		}
		if err := want(c, "big", string(big)); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("takes several entries", func(t *testing.T) {
		if err := c.Set(ctx, Entry{MetadataKey, []byte("m")}, Entry{ChunkKey, []byte("c")}, Entry{TileKey(0), []byte("t")}); err != nil {
			t.Fatal(err)
		}
		for key, value := range map[string]string{MetadataKey: "m", ChunkKey: "c", "i=1": "t"} {
			if err := want(c, key, value); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("tells what is there", func(t *testing.T) {
		for range 2 {
			found, err := c.there(ctx, []string{"k", "nothing", MetadataKey, TileKey(0)})
			if err != nil || !slices.Equal(found, []bool{true, false, true, true}) {
				t.Errorf("there = %v, %v, want all but the second", found, err)
			}
		}
	})
	t.Run("serves many at once", func(t *testing.T) { conformTogether(ctx, t, c) })
	t.Run("obeys the context", func(t *testing.T) {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		wantError(t, c.Set(ended, Entry{"k", nil}), context.Canceled)
	})
}

func conformTogether(ctx context.Context, t *testing.T, c *Client) {
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				key, value := fmt.Sprintf("many-%d-%d", g, i), strings.Repeat("v", i*100)
				if err := c.Set(ctx, Entry{key, []byte(value)}); err != nil {
					t.Error(err)
					return
				}
				if err := want(c, key, value); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
