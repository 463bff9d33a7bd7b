package store

import (
	"context"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestRedact_hidesSecretsAndShowsTheRest(t *testing.T) {
	for raw, shown := range map[string]string{
		"redis://127.0.0.1:6379/":                             "redis://127.0.0.1:6379/",
		"redis://127.0.0.1:6379/3":                            "redis://127.0.0.1:6379/3",
		"rediss://user:s3cret@cache.example:6380":             "rediss://xxxxx@cache.example:6380",
		"redis://:s3cret@h":                                   "redis://xxxxx@h",
		"redis://s3cret@h":                                    "redis://xxxxx@h",
		"redis://u:s3/cret@h/0":                               "redis://xxxxx@h/0",
		"redis://u:s3@cret@h/0":                               "redis://xxxxx@h/0",
		"redis://u:s3?cret@h/0":                               "redis://xxxxx",
		"redis://u:s3#cret@h/0":                               "redis://xxxxx",
		"redis://h?addr=i:1&addr=j:2":                         "redis://h?addr=i:1&addr=j:2",
		"redis://h?master_name=m&sentinel_password=s3cret":    "redis://h?xxxxx",
		"redis://h?password=s3&cret&db=1":                     "redis://h?xxxxx",
		"unix:///run/redis.sock":                              "unix:///run/redis.sock",
		"unix://u:s3cret@/run/redis.sock?db=2":                "unix://xxxxx@/run/redis.sock?db=2",
		"s3cret":                                              "xxxxx",
		"127.0.0.1:6379":                                      "127.0.0.1:6379",
		"[fe80::1%s3cret]:6379":                               "xxxxx",
		":s3cret@host:6379":                                   "xxxxx",
		"http://u:s3cret@host":                                "xxxxx",
		"redis://h\x1b]0;title\x07":                           "redis://h?]0;title?",
		"":                                                    "xxxxx",
		"redis://h/?sentinel_password=a#s3cret":               "redis://h/?xxxxx",
		"redis://" + strings.Repeat("u:s3cret@", 100) + "h:1": "redis://xxxxx@h:1",
	} {
		if got := Redact(raw); got != shown {
			t.Errorf("Redact(%q) = %q, want %q", raw, got, shown)
		}
	}
}

func TestNewClient_refusesWhatIsNoURLOfAStore(t *testing.T) {
	for _, raw := range []string{
		"", "localhost:6379", "http://h", "redis:h", "redis://", "redis://:6379", "redis://h/x", "redis://h/-1",
		"redis://h:port", "redis://h?db=x", "redis://h?db=-1", "redis://h?retries=3", "redis://h?db=1&db=2",
		"redis://h?cluster=yes", "redis://h?cluster=true&master_name=m", "redis://h/2?addr=i:1", "redis://h?addr=",
		"redis://u:12/34@h", "redis://u:12?34@h", "redis://h#x", "redis://h#", "redis://%zz@h", "redis://h?%zz",
		"unix://run/redis.sock", "unix://", "unix:///", "unix:///a?addr=b", "unix:///a?master_name=m",
	} {
		c, err := NewClient(raw)
		wantError(t, err, ErrURL)
		if c != nil {
			t.Errorf("NewClient(%q) made a client", raw)
		}
	}
}

func TestParseURL_readsEveryTopology(t *testing.T) {
	opts, err := parseURL("rediss://us%3Aer:p%40ss@h/4?master_name=m&addr=i:1&sentinel_password=sp&sentinel_username=su")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(opts.Addrs, " "); got != "h:26379 i:1" {
		t.Errorf("addresses %q, want Sentinels at h:26379 i:1", got)
	}
	if opts.Username != "us:er" || opts.Password != "p@ss" || opts.SentinelUsername != "su" || opts.SentinelPassword != "sp" {
		t.Errorf("users and passwords were misread: %q %q %q %q", opts.Username, opts.Password, opts.SentinelUsername, opts.SentinelPassword)
	}
	if opts.MasterName != "m" || opts.DB != 4 || opts.TLSConfig == nil {
		t.Errorf("master %q, db %d, TLS %v; want m, 4 and TLS", opts.MasterName, opts.DB, opts.TLSConfig)
	}
	opts, err = parseURL("redis://[::1]:7000?cluster=true")
	if err != nil {
		t.Fatal(err)
	}
	if !opts.IsClusterMode || opts.Addrs[0] != "[::1]:7000" || opts.TLSConfig != nil {
		t.Errorf("cluster %v at %v with TLS %v; want a Cluster at [::1]:7000 without", opts.IsClusterMode, opts.Addrs, opts.TLSConfig)
	}
}

func TestOpen_namesTheURLWithoutItsPasswordAndWhatToDo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	_, err = Open(context.Background(), "redis://lab:s3cret@"+addr+"/1")
	wantError(t, err, ErrUnreachable)
	mention(t, err, "redis://xxxxx@"+addr+"/1", "connection refused", "start it", "embedded")
	if strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error shows the password: %v", err)
	}
}

func TestOpen_doesNotWaitForAServerThatIsSilent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = Open(ctx, "redis://"+l.Addr().String())
	wantError(t, err, ErrUnreachable)
}

// TestClient_keepsThePasswordOutOfWhatTheServerSays: a server that does not know AUTH repeats its arguments.
func TestClient_keepsThePasswordOutOfWhatTheServerSays(t *testing.T) {
	r := startRedis(t, "--rename-command", "AUTH", "", "--rename-command", "HELLO", "")
	_, err := Open(context.Background(), "unix://:s3cret@"+r.socket())
	wantError(t, err, ErrUnreachable)
	mention(t, err, "unknown command", hidden)
	if strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error shows the password: %v", err)
	}
}

func TestOpen_saysThatThePasswordIsWrong(t *testing.T) {
	r := startRedis(t, "--requirepass", "right")
	_, err := Open(context.Background(), "unix://:wr0ng@"+r.socket())
	wantError(t, err, ErrUnreachable)
	wantError(t, err, ErrLogin)
	mention(t, err, "WRONGPASS", "give its password in the URL")
	if strings.Contains(err.Error(), "start it") {
		t.Errorf("the store that answered is to be started: %v", err)
	}
	if strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("the error shows the password: %v", err)
	}
}

// FuzzRedact looks for a password, encoded or not, that Redact or an error of NewClient or Open lets through.
func FuzzRedact(f *testing.F) {
	for _, password := range []string{"s3cret", "a/b?c#d@e%f:g", "p@ss&db=1", "://x", "\x00\n", "%zz", "[::1]", "a b"} {
		f.Add(password)
	}
	const mark = "QzQ" // a password made of it is found again in whatever is printed
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f.Fuzz(func(t *testing.T, password string) {
		password = mark + password + mark
		escaped := url.QueryEscape(password)
		for _, raw := range []string{
			"redis://user:" + password + "@127.0.0.1:1/0",
			"redis://" + password + "@127.0.0.1:1/0",
			"redis://user:" + url.PathEscape(password) + "@127.0.0.1:1/0?addr=127.0.0.1:2",
			"unix://:" + password + "@/nowhere/store.sock?db=1",
			":" + password + "@127.0.0.1:1",
			"redis://127.0.0.1:1?master_name=m&sentinel_password=" + escaped,
			"redis://127.0.0.1:1?password=" + escaped,
		} {
			if shown := Redact(raw); strings.Contains(shown, mark) {
				t.Errorf("Redact(%q) = %q", raw, shown)
			}
			c, err := NewClient(raw)
			if err == nil {
				if strings.Contains(c.String(), mark) {
					t.Errorf("the client of %q calls itself %q", raw, c)
				}
				err = c.Ping(ctx)
				_ = c.Close()
			}
			if err == nil || strings.Contains(err.Error(), mark) {
				t.Errorf("the error for %q is %v", raw, err)
			}
		}
	})
}
