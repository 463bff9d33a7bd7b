package store

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestClient_isSeenByTheOriginalsBridge: the bridge of the original's page (E-027) waits for the keyspace's news of "set"
// and then reads the key. Writing several entries at once must give that news of each.
func TestClient_isSeenByTheOriginalsBridge(t *testing.T) {
	r := startRedis(t, "--notify-keyspace-events", "K$")
	c := openURL(t, r.url())
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	bridge := redis.NewClient(&redis.Options{Addr: r.socket()})
	defer func() { _ = bridge.Close() }()
	news := bridge.PSubscribe(ctx, "__keyspace@0__:*")
	defer func() { _ = news.Close() }()
	if _, err := news.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.Set(ctx, Entry{TileKey(0), []byte("89504e47")}); err != nil {
		t.Fatal(err)
	}
	if err := c.Set(ctx, Entry{MetadataKey, []byte("m")}, Entry{ChunkKey, []byte("c")}); err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for len(seen) < 3 {
		m, err := news.ReceiveMessage(ctx)
		if err != nil {
			t.Fatalf("after news of %v: %v", seen, err)
		}
		var key string
		if _, err := fmt.Sscanf(m.Channel, "__keyspace@0__:%s", &key); err != nil || m.Payload != "set" {
			t.Fatalf("news %q on %s, %v; want set", m.Payload, m.Channel, err)
		}
		if seen[key], err = bridge.Get(ctx, key).Result(); err != nil {
			t.Fatal(err)
		}
	}
	if want := map[string]string{"i=1": "89504e47", MetadataKey: "m", ChunkKey: "c"}; !maps.Equal(seen, want) {
		t.Errorf("the bridge has seen %v, want %v", seen, want)
	}
}
