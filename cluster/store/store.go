// Package store keeps results where others can read them: in a Redis, or in an embedded store that speaks as one.
//
// It lies behind the path, never on it. A sink has its picture without the store; a [Writer] brings the same results here
// afterwards, bounded, and makes good what was due while the store was away. A [Client] speaks to whatever a URL names:
// one Redis, a Sentinel's master, a Cluster, a unix socket. An [Embedded] store lives in this process and opens no port.
// The names and encodings of the original's viewers are in one place, beside [Original].
//
// The package does not compute, does not choose colours, and never decides: what is in the store is a copy.
package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

var (
	// ErrURL: the URL of the store cannot be read; write it as the message shows.
	ErrURL = errors.New("bad store URL")
	// ErrUnreachable: nothing that answers as Redis is at the URL; start it, or leave the URL out for the embedded store.
	ErrUnreachable = errors.New("the store cannot be reached")
	// ErrLogin is the [ErrUnreachable] of a store that answers and refuses the user or the password; correct them in the URL.
	ErrLogin = fmt.Errorf("%w with this login", ErrUnreachable)
	// ErrNotFound: there is no such key.
	ErrNotFound = errors.New("no such key in the store")
)

const (
	dialTimeout = time.Second     // to connect
	ioTimeout   = 2 * time.Second // for one write or read of the socket
	poolSize    = 4               // connections to one server
)

// Entry is one key of the store and its value.
type Entry struct {
	Key   string
	Value []byte
}

// Client speaks to one store. Its methods may be called by many goroutines. None of them is retried behind the caller's
// back, and each write is a SET of a whole value, so that doing it twice does no harm.
type Client struct {
	rdb     redis.UniversalClient
	shown   string   // the URL without its secrets
	secrets []string // what must never be in an error

	faults atomic.Pointer[plan] // nil: none stand
	dials  atomic.Uint64        // connections made so far
	mu     sync.Mutex           // guards taps
	taps   map[*tap]struct{}    // the connections that stand
}

// NewClient makes a client of the store that rawURL names, without connecting: a node may start while its store is away.
//
//	redis://[user:password@]host[:6379][/db]             one server; rediss:// for TLS
//	redis://host:7000?addr=host:7001&addr=…              a Cluster, by several of its nodes
//	redis://host:7000?cluster=true                       a Cluster, by one of them
//	redis://host:26379?master_name=mymaster&addr=…       the master that these Sentinels name;
//	                                                     sentinel_username and sentinel_password are theirs
//	unix://[user:password@]/path/to.sock[?db=0]          one server on this host
//
// The error is [ErrURL], and names no password.
func NewClient(rawURL string) (*Client, error) {
	opts, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	return newClient(opts, Redact(rawURL)), nil
}

// Open makes a client and asks the store for an answer. The error is [ErrURL] or [ErrUnreachable]; it names the URL
// without its password, and what to do.
func Open(ctx context.Context, rawURL string) (*Client, error) {
	c, err := NewClient(rawURL)
	if err != nil {
		return nil, err
	}
	if err := c.Ping(ctx); err != nil {
		advice := "start it, correct the URL, or leave it out to use the embedded store"
		if errors.Is(err, ErrLogin) {
			advice = "give its password in the URL, as in redis://:PASSWORD@HOST:6379"
		}
		return nil, errors.Join(fmt.Errorf("%w; %s", err, advice), c.Close())
	}
	return c, nil
}

func newClient(opts *redis.UniversalOptions, shown string) *Client {
	// go-redis reports lost connections on stderr, which is where the screen is; the caller gets the same as an error.
	logging.Disable()
	opts.MaxRetries = -1 // it would write twice what it cannot know to be unwritten
	opts.DialerRetries = 1
	opts.DialTimeout = dialTimeout
	opts.ReadTimeout = ioTimeout
	opts.WriteTimeout = ioTimeout
	opts.PoolTimeout = ioTimeout
	opts.PoolSize = poolSize
	opts.PipelinePoolSize = -1
	opts.ContextTimeoutEnabled = true
	opts.Protocol = 2
	opts.DisableIdentity = true
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	c := &Client{shown: shown, taps: make(map[*tap]struct{})}
	opts.Dialer = c.connect(dialerOf(opts))
	c.rdb = redis.NewUniversalClient(opts)
	for _, s := range []string{opts.Password, opts.SentinelPassword} {
		if s != "" {
			c.secrets = append(c.secrets, s)
		}
	}
	return c
}

// String is the store's URL without its password.
func (c *Client) String() string { return c.shown }

// Ping asks the store for an answer; the error is [ErrUnreachable], where it refuses the login [ErrLogin].
func (c *Client) Ping(ctx context.Context) error {
	if err := c.rdb.Ping(ctx).Err(); err != nil {
		kind := ErrUnreachable
		if strings.Contains(err.Error(), "WRONGPASS") || strings.Contains(err.Error(), "NOAUTH") {
			kind = ErrLogin
		}
		return fmt.Errorf("%w at %s: %w", kind, c.shown, c.clean(err))
	}
	return nil
}

// Get reads the value of a key; the error is [ErrNotFound] where there is none.
func (c *Client) Get(ctx context.Context, key string) ([]byte, error) {
	value, err := c.rdb.Get(ctx, key).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, key)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s from %s: %w", key, c.shown, c.clean(err))
	}
	return value, nil
}

// Set writes the entries: all at once, so that a reader sees all or none of them, except on a Cluster, which keeps keys
// apart and is written one by one in the order given.
func (c *Client) Set(ctx context.Context, entries ...Entry) error {
	if _, apart := c.rdb.(*redis.ClusterClient); !apart && len(entries) > 1 {
		pairs := make([]any, 0, 2*len(entries))
		for _, e := range entries {
			pairs = append(pairs, e.Key, e.Value)
		}
		if err := c.rdb.MSet(ctx, pairs...).Err(); err != nil {
			return fmt.Errorf("writing %s and %d more to %s: %w", entries[0].Key, len(entries)-1, c.shown, c.clean(err))
		}
		return nil
	}
	for _, e := range entries {
		if err := c.rdb.Set(ctx, e.Key, e.Value, 0).Err(); err != nil {
			return fmt.Errorf("writing %s to %s: %w", e.Key, c.shown, c.clean(err))
		}
	}
	return nil
}

// there tells which of the keys are in the store.
func (c *Client) there(ctx context.Context, keys []string) ([]bool, error) {
	asked, err := c.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, k := range keys {
			pipe.Exists(ctx, k)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for %d keys in %s: %w", len(keys), c.shown, c.clean(err))
	}
	found := make([]bool, len(keys))
	for i, cmd := range asked {
		found[i] = cmd.(*redis.IntCmd).Val() > 0 // as Exists made it
	}
	return found, nil
}

// restore writes the entries where the first of them is not in the store, and reports whether it did: what is there is
// newer, or the same. Where others do so at once, one of them does it, except on a Cluster, where the last one does.
func (c *Client) restore(ctx context.Context, entries []Entry) (bool, error) {
	there, err := c.rdb.Exists(ctx, entries[0].Key).Result()
	if err != nil {
		return false, fmt.Errorf("looking for %s in %s: %w", entries[0].Key, c.shown, c.clean(err))
	}
	if there > 0 {
		return false, nil
	}
	if _, apart := c.rdb.(*redis.ClusterClient); apart {
		return true, c.Set(ctx, entries...)
	}
	pairs := make([]any, 0, 2*len(entries))
	for _, e := range entries {
		pairs = append(pairs, e.Key, e.Value)
	}
	written, err := c.rdb.MSetNX(ctx, pairs...).Result()
	if err != nil {
		return false, fmt.Errorf("writing %s to %s again: %w", entries[0].Key, c.shown, c.clean(err))
	}
	return written, nil
}

// Close gives the connections back.
func (c *Client) Close() error {
	if err := c.rdb.Close(); err != nil {
		return fmt.Errorf("closing %s: %w", c.shown, c.clean(err))
	}
	return nil
}

// clean takes the password out of what a server said: an old Redis repeats the arguments of a command that it does not
// know, and AUTH may be one.
func (c *Client) clean(err error) error {
	text := err.Error()
	for _, s := range c.secrets {
		text = strings.ReplaceAll(text, s, hidden)
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}

// dialer is how a client of the embedded store reaches it.
type dialer func(ctx context.Context) (net.Conn, error)

func newPipeClient(dial dialer, shown string) *Client {
	return newClient(&redis.UniversalOptions{
		Addrs:  []string{shown},
		Dialer: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}, shown)
}
