package store

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"
)

// freePort is a port that nobody had a moment ago: a Cluster and Sentinels name each other by TCP addresses only.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// startCluster starts a Cluster of two servers with half of the slots each, and answers its URL.
func startCluster(t testing.TB) string {
	t.Helper()
	slots := [][2]int{{0, 8191}, {8192, 16383}}
	var ports, buses []string
	var nodes []*redis.Client
	ctx := context.Background()
	for i, s := range slots {
		ports, buses = append(ports, freePort(t)), append(buses, freePort(t))
		r := startRedis(t, "--port", ports[i], "--bind", "127.0.0.1", "--cluster-enabled", "yes", "--cluster-port", buses[i])
		node := redis.NewClient(&redis.Options{Addr: r.socket()})
		t.Cleanup(func() { _ = node.Close() })
		nodes = append(nodes, node)
		eventually(t, "giving slots to a Cluster's node", func() error { return node.ClusterAddSlotsRange(ctx, s[0], s[1]).Err() })
	}
	if err := nodes[0].Do(ctx, "CLUSTER", "MEET", "127.0.0.1", ports[1], buses[1]).Err(); err != nil {
		t.Fatal(err)
	}
	for _, node := range nodes {
		eventually(t, "the Cluster agrees", func() error {
			info, err := node.ClusterInfo(ctx).Result()
			if err != nil {
				return err
			}
			var state string
			_, _ = fmt.Sscanf(info, "cluster_state:%s", &state)
			shards, err := node.ClusterShards(ctx).Result()
			if err != nil {
				return err
			}
			if state != "ok" || len(shards) != len(slots) {
				return fmt.Errorf("state %q, %d shards", state, len(shards))
			}
			return nil
		})
	}
	return "redis://127.0.0.1:" + ports[0] + "?addr=127.0.0.1:" + ports[1]
}

// startSentinel starts a server and a Sentinel that watches it, and answers the URL of the master.
func startSentinel(t testing.TB) string {
	t.Helper()
	master, port := freePort(t), freePort(t)
	startRedis(t, "--port", master, "--bind", "127.0.0.1")
	conf := filepath.Join(shortDir(t), "sentinel.conf")
	text := "sentinel monitor lab 127.0.0.1 " + master + " 1\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	needTool(t, "redis-server", "redis-server")
	r := &redisProcess{t: t, dir: filepath.Dir(conf)}
	r.args = []string{conf, "--sentinel", "--port", port, "--bind", "127.0.0.1", "--unixsocket", r.socket()}
	r.start()
	t.Cleanup(r.kill)
	return "redis://127.0.0.1:" + port + "?master_name=lab"
}
