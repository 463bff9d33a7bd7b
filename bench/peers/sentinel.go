package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// sentinel is Redis with a master, two replicas, and three sentinels that watch them and promote a replica. Every piece of
// work is a write that the master has acknowledged; what the replicas had not yet is lost with it, which is not counted
// here.
func sentinel() peer {
	const signal = "50 ms without an answer, agreed on by two sentinels, then a vote"
	return peer{
		name: "sentinel", victim: "master",
		programs: []program{{"redis-server", "redis-server"}},
		modules:  []string{"github.com/redis/go-redis/v9"},
		faults:   killAndFreeze(terms{signal: signal, window: 4 * time.Second, grace: 12 * time.Second}),
		open:     openSentinel,
	}
}

const (
	redisServers  = 3
	sentinels     = 3
	sentinelName  = "master"
	sentinelDown  = 50 * time.Millisecond
	sentinelLimit = time.Second // failover-timeout: twice that must lie between two attempts
)

// sentinelConfig has the sentinel's port and the master's, and the two times in ms, to be filled in.
const sentinelConfig = `port %d
bind 127.0.0.1
sentinel monitor master 127.0.0.1 %d 2
sentinel down-after-milliseconds master %d
sentinel failover-timeout master %d
sentinel parallel-syncs master 2
`

type sentinelSystem struct {
	*caller
	stand   *stand
	writer  *redis.Client
	watcher *redis.SentinelClient
	ports   []int // of the servers, then of the sentinels
	master  int   // at the last look
}

func openSentinel(ctx context.Context, s *stand, done func(frame uint64)) (system, error) {
	ports, err := freePorts(redisServers + sentinels)
	if err != nil {
		return nil, err
	}
	y := &sentinelSystem{stand: s, ports: ports}
	for i := range redisServers {
		if err := s.serve(ctx, serverName(i), loopback(ports[i]), y.serverCommand(i)...); err != nil {
			return nil, err
		}
	}
	var addresses []string
	for i := range sentinels {
		name, port := fmt.Sprintf("sentinel-%d", i+1), ports[redisServers+i]
		config, err := s.write(name+".conf", fmt.Sprintf(sentinelConfig, port, ports[0], sentinelDown.Milliseconds(), sentinelLimit.Milliseconds()))
		if err != nil {
			return nil, err
		}
		if err := s.serve(ctx, name, loopback(port), "redis-server", config, "--sentinel"); err != nil {
			return nil, err
		}
		addresses = append(addresses, loopback(port))
	}
	redis.SetLogger(silent{log.New(io.Discard, "", 0)})
	y.writer = redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: sentinelName, SentinelAddrs: addresses, MaxRetries: -1, ContextTimeoutEnabled: true, PoolSize: callSlots,
		DialTimeout: 2 * sentinelDown, ReadTimeout: 2 * sentinelDown, WriteTimeout: 2 * sentinelDown, DialerRetries: 1,
	})
	y.watcher = redis.NewSentinelClient(&redis.Options{Addr: addresses[0], DialTimeout: time.Second})
	y.caller = newCaller(ctx, &caller{try: y.try, done: done, attempt: 2 * sentinelDown, patience: 16 * time.Second})
	return y, nil
}

func serverName(i int) string { return fmt.Sprintf("server-%d", i+1) }

// serverCommand starts a server as what it is to be now: the master, or a replica of it.
func (y *sentinelSystem) serverCommand(i int) []string {
	argv := redisCommand(y.stand.dir.Path, y.ports[i], "--dbfilename", serverName(i)+".rdb",
		"--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0")
	if i != y.master {
		argv = append(argv, "--replicaof", "127.0.0.1 "+strconv.Itoa(y.ports[y.master]))
	}
	return argv
}

func (y *sentinelSystem) try(ctx context.Context, frame uint64) error {
	return y.writer.Set(ctx, keyOf(frame), frame, 0).Err()
}

// missing asks a sentinel who is master, and the master whether its replicas are in step. It also sees to it that who is
// revived from now on follows that master.
func (y *sentinelSystem) missing(ctx context.Context) string {
	state, err := y.watcher.Master(ctx, sentinelName).Result()
	if err != nil {
		return err.Error()
	}
	for i := range redisServers {
		if state["port"] == strconv.Itoa(y.ports[i]) {
			y.master = i
		}
	}
	for i := range redisServers {
		y.stand.say(serverName(i), y.serverCommand(i)...)
	}
	if state["flags"] != "master" || state["num-slaves"] != "2" || state["num-other-sentinels"] != "2" {
		return fmt.Sprintf("a sentinel sees %s with %s replicas and %s other sentinels", state["flags"], state["num-slaves"], state["num-other-sentinels"])
	}
	master := redis.NewClient(&redis.Options{Addr: loopback(y.ports[y.master]), DialTimeout: time.Second, MaxRetries: -1})
	defer func() { _ = master.Close() }()
	told, err := master.Info(ctx, "replication").Result()
	if err != nil {
		return err.Error()
	}
	if n := strings.Count(told, "state=online"); !strings.Contains(told, "role:master") || n != redisServers-1 {
		return fmt.Sprintf("%s has %d replicas in step", serverName(y.master), n)
	}
	return ""
}

func (y *sentinelSystem) victim(ctx context.Context) (name, held string, err error) {
	if missing := y.missing(ctx); missing != "" {
		return "", "", fmt.Errorf("%s: %w", missing, errNotYet)
	}
	return serverName(y.master), fmt.Sprintf("master of %d", redisServers), nil
}

func (y *sentinelSystem) close() {
	y.caller.close()
	_ = y.writer.Close()
	_ = y.watcher.Close()
}

// silent keeps the client's remarks about failed servers, which are what is measured, off the terminal.
type silent struct{ *log.Logger }

// Printf implements the client's logger.
func (s silent) Printf(context.Context, string, ...any) {}
