package store

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/redis/go-redis/v9"
)

// hidden stands where a secret was.
const hidden = "xxxxx"

const (
	redisPort    = "6379"
	sentinelPort = "26379"
)

// Redact is the URL as a person may see it: without its user and password, and without a query that may hold one. It
// takes no URL for granted, because the ones that cannot be read are the ones that are printed: where it is not sure what
// is a password, it hides more.
func Redact(rawURL string) string {
	scheme, rest, _ := strings.Cut(rawURL, "://")
	if at, err := netip.ParseAddrPort(rawURL); err == nil && at.Addr().Zone() == "" {
		return rawURL // nothing but an address
	}
	if !knownScheme(scheme) {
		return hidden
	}
	shown := scheme + "://"
	at := strings.LastIndexByte(rest, '@')
	if mark := strings.IndexAny(rest, "?#"); mark >= 0 && mark < at {
		return shown + hidden // a password with a bare ? or #, or a query with a bare @
	}
	if at >= 0 {
		shown, rest = shown+hidden+"@", rest[at+1:]
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, query, asked := strings.Cut(rest, "?")
	shown += rest
	if asked && harmless(query) {
		shown += "?" + query
	} else if asked {
		shown += "?" + hidden
	}
	return strings.Map(printable, shown)
}

func knownScheme(scheme string) bool {
	return scheme == "redis" || scheme == "rediss" || scheme == "unix"
}

// harmless reports whether a query has none but the parameters that hold no secret.
func harmless(query string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		switch name, _, _ := strings.Cut(pair, "="); name {
		case "addr", "master_name", "db", "cluster":
		default:
			return false
		}
	}
	return true
}

// printable keeps a URL from speaking to the terminal.
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return '?'
}

// parseURL reads the grammar of [NewClient]. Its errors repeat no part of the URL but what Redact shows, since what looks
// like a host or a parameter may be the rest of a password that was not encoded.
func parseURL(rawURL string) (*redis.UniversalOptions, error) {
	bad := func(what string) error { return fmt.Errorf("%w %s: %s", ErrURL, Redact(rawURL), what) }
	scheme, rest, _ := strings.Cut(rawURL, "://")
	if !knownScheme(scheme) {
		return nil, bad("it must start with redis://, rediss:// or unix://, such as redis://127.0.0.1:6379")
	}
	u, err := url.Parse(rawURL)
	if err != nil || u.Fragment != "" || strings.ContainsRune(rest, '#') {
		return nil, bad("it is no URL; write the characters : / ? # @ % of a password as %3A %2F %3F %23 %40 %25")
	}
	opts := &redis.UniversalOptions{}
	if u.User != nil {
		opts.Username = u.User.Username()
		opts.Password, _ = u.User.Password()
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, bad("its query cannot be read")
	}
	if what := readQuery(opts, query); what != "" {
		return nil, bad(what)
	}
	if what := readAddress(opts, u); what != "" {
		return nil, bad(what)
	}
	return opts, nil
}

// readQuery fills in what the query says and answers what is wrong with it, if anything.
func readQuery(opts *redis.UniversalOptions, query url.Values) string {
	for name, values := range query {
		if name != "addr" && len(values) > 1 {
			return "a parameter but addr is given twice"
		}
		switch value := values[0]; name {
		case "addr":
			opts.Addrs = values
		case "master_name":
			opts.MasterName = value
		case "sentinel_username":
			opts.SentinelUsername = value
		case "sentinel_password":
			opts.SentinelPassword = value
		case "cluster":
			opts.IsClusterMode = value == "true"
			if value != "true" && value != "false" {
				return "cluster is true or false"
			}
		case "db":
			db, err := strconv.Atoi(value)
			if err != nil || db < 0 {
				return "db is a number from 0"
			}
			opts.DB = db
		default:
			return "it has an unknown parameter; known are addr, master_name, sentinel_username, sentinel_password, cluster, db"
		}
	}
	if opts.MasterName != "" && opts.IsClusterMode {
		return "it asks for a Cluster and for Sentinels; choose one"
	}
	return ""
}

// readAddress fills in where the store is and answers what is wrong with it, if anything.
func readAddress(opts *redis.UniversalOptions, u *url.URL) string {
	if u.Scheme == "unix" {
		if u.Host != "" || u.Path == "" || u.Path == "/" {
			return "a unix socket is written unix:///path/to.sock"
		}
		if len(opts.Addrs) > 0 || opts.MasterName != "" || opts.IsClusterMode {
			return "a unix socket is one server, neither Cluster nor Sentinels"
		}
		opts.Addrs = []string{u.Path}
		return ""
	}
	if strings.ContainsRune(u.Path, '@') || strings.ContainsRune(u.RawQuery, '@') {
		return "it has an @ after its host; write the characters / ? # @ of a password as %2F %3F %23 %40"
	}
	if path := strings.Trim(u.Path, "/"); path != "" {
		db, err := strconv.Atoi(path)
		if err != nil || db < 0 {
			return "what follows the host is the number of a database"
		}
		opts.DB = db
	}
	port := redisPort
	if opts.MasterName != "" {
		port = sentinelPort
	}
	opts.Addrs = append([]string{u.Host}, opts.Addrs...)
	for i, addr := range opts.Addrs {
		full, ok := withPort(addr, port)
		if !ok {
			return "an address is written host:port"
		}
		opts.Addrs[i] = full
	}
	if clustered := opts.MasterName == "" && (len(opts.Addrs) > 1 || opts.IsClusterMode); clustered && opts.DB != 0 {
		return "a Cluster has database 0 only"
	}
	if u.Scheme == "rediss" {
		opts.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return ""
}

// withPort completes an address that has no port.
func withPort(addr, port string) (string, bool) {
	u := url.URL{Host: addr}
	if u.Hostname() == "" {
		return "", false
	}
	if p := u.Port(); p != "" {
		port = p
	}
	return net.JoinHostPort(u.Hostname(), port), true
}
