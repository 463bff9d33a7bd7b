package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fracture/clock"
	"fracture/cluster/front"
)

// How a doorClient asks.
const (
	doorKept    = 8                    // connections that are kept, and used in turn
	doorTry     = time.Second          // an attempt that has no answer by then is given up, and its connection closed
	doorAtOnce  = 4                    // attempts for one request that are under way at a time
	doorGiveUp  = 10 * time.Second     // a request that has no answer by then is given up
	doorPause   = 2 * time.Millisecond // after the second failure, doubled with each
	doorSlowest = time.Second          // the longest pause, and the longest time from one attempt to the next
	doorReply   = 1 << 20              // the largest reply that is read, in bytes
)

// errOddReply: the door answered, and not with the picture; ask again.
var errOddReply = errors.New("the front door's reply is no picture")

// doorClient is a client of the front door, as one writes it who must have each answer soon though any node may die or
// hang: connections that are kept and used in turn; a key with each request, so that to ask twice is to ask once; another
// attempt beside one that is later than usual, and another after one that failed.
//
// Beside and after, it asks on the connection that answered last, for that one's node lives. A new connection would not do
// as well: one in so many finds a node that is frozen, for its socket is as good as any to the kernel.
type doorClient struct {
	url  string
	body []byte

	kept     []*keptConn
	served   served
	usual    usual
	spare    spare
	attempts sync.WaitGroup // what is under way, also beside a request that has its answer

	late, failed atomic.Uint64         // attempts beside one that was late, and after one that had failed
	why          atomic.Pointer[error] // of the last that failed; nil: none did
}

// keptConn is one connection and, when that is gone, the next. It may be two for a while: a second attempt finds the first busy.
type keptConn struct {
	transport *http.Transport
	answered  atomic.Int64 // when it last had a valid reply
}

// newDoorClient makes a client that asks for one picture over and over.
func newDoorClient(url, picture string) *doorClient {
	c := &doorClient{url: url, body: []byte(picture), spare: spare{left: spareMost * spareOne}}
	c.served.nodes = map[*doorConn]string{}
	dialer := net.Dialer{Timeout: doorTry}
	for range doorKept {
		c.kept = append(c.kept, &keptConn{transport: &http.Transport{
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := dialer.DialContext(ctx, network, addr)
				if err != nil {
					return nil, err
				}
				return &doorConn{Conn: conn, served: &c.served}, nil
			},
			MaxIdleConnsPerHost: 1, DisableCompression: true,
		}})
	}
	return c
}

// ask asks for the picture under a key until the first valid reply has come, and answers when it came; it reports false
// where none did in time. The turn says on which connection it asks first.
func (c *doorClient) ask(ctx context.Context, turn uint64, key string) (at clock.Instant, ok bool) {
	began := clock.Now()
	late := time.NewTimer(doorGiveUp)
	defer late.Stop()
	c.spare.earn()
	var tried []*keptConn
	underWay, failures, unhappy := 0, 0, false
	answers := make(chan answer, doorAtOnce)
	wait := c.usual.longest()
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return 0, false
		case <-late.C:
			return 0, false
		case <-next.C:
			if underWay == doorAtOnce { // the next one that fails makes room
				continue
			}
			if len(tried) > 0 && !c.spare.spend(clock.Now()) {
				next.Reset(spareEvery)
				continue
			}
			conn := c.choose(turn, tried)
			c.count(len(tried), unhappy)
			tried, unhappy = append(tried, conn), false
			underWay++
			// A slower attempt is not ended by a quicker one's answer: its connection can be kept.
			c.attempts.Go(func() { answers <- c.try(ctx, conn, key) })
			next.Reset(wait)
			wait = min(2*wait, doorSlowest)
		case a := <-answers:
			underWay--
			if a.err == nil {
				c.usual.note(a.at.Sub(began))
				return a.at, true
			}
			c.why.Store(&a.err)
			next.Reset(pauseAfter(failures))
			failures, unhappy = failures+1, true
		}
	}
}

// pauseAfter is how long to wait after a failure, with so many before it: not at all after the first.
func pauseAfter(failures int) time.Duration {
	if failures == 0 {
		return 0
	}
	return min(doorPause<<min(failures-1, 16), doorSlowest)
}

// count counts an attempt that is not a request's first.
func (c *doorClient) count(before int, unhappy bool) {
	switch {
	case before == 0:
	case unhappy:
		c.failed.Add(1)
	default:
		c.late.Add(1)
	}
}

// choose is the connection for the next attempt: the one whose turn it is, then those that answered last.
func (c *doorClient) choose(turn uint64, tried []*keptConn) *keptConn {
	if len(tried) == 0 {
		return c.kept[turn%uint64(len(c.kept))]
	}
	round := tried[len(tried)/len(c.kept)*len(c.kept):] // none twice before each had its turn
	var best *keptConn
	for _, k := range c.kept {
		if !slices.Contains(round, k) && (best == nil || k.answered.Load() > best.answered.Load()) {
			best = k
		}
	}
	return best
}

// answer is what came of one attempt.
type answer struct {
	at  clock.Instant // when all of the reply was there
	err error
}

// try makes one attempt on a connection. One that has no answer in time costs the connection, as net/http does it.
func (c *doorClient) try(ctx context.Context, k *keptConn, key string) answer {
	ctx, cancel := context.WithTimeout(ctx, doorTry)
	defer cancel()
	var conn net.Conn
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) { conn = got.Conn }})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(c.body))
	if err != nil {
		return answer{err: err}
	}
	r.Host = doorHost
	r.Header.Set("Accept", "image/png")
	r.Header.Set(front.KeyHeader, key)
	reply, err := k.transport.RoundTrip(r)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = reply.Body.Close() }()
	c.served.by(conn, reply.Header.Get(front.NodeHeader))
	body, err := io.ReadAll(io.LimitReader(reply.Body, doorReply))
	at := clock.Now()
	switch {
	case err != nil:
		return answer{err: err}
	case reply.StatusCode != http.StatusOK || http.DetectContentType(body) != "image/png":
		return answer{err: fmt.Errorf("%w: %s %.80q", errOddReply, reply.Status, body)}
	}
	k.answered.Store(int64(at))
	return answer{at: at}
}

// close waits for the attempts that are under way, whose contexts have ended, and closes the connections.
func (c *doorClient) close() {
	c.attempts.Wait()
	for _, k := range c.kept {
		k.transport.CloseIdleConnections()
	}
}

// usual knows how long requests take, by those of late.
type usual struct {
	mu   sync.Mutex // guards took and n
	took [128]time.Duration
	n    int // ever noted
}

// Bounds of what is later than usual.
const (
	leastUsual = 2 * time.Millisecond
	mostUsual  = 50 * time.Millisecond
	firstUsual = 25 * time.Millisecond // while little is known
	knownAfter = 32                    // requests
)

func (u *usual) note(took time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.took[u.n%len(u.took)] = took
	u.n++
}

// longest is in what time nineteen of twenty had their answer.
func (u *usual) longest() time.Duration {
	u.mu.Lock()
	took, n := u.took, min(u.n, len(u.took))
	u.mu.Unlock()
	if n < knownAfter {
		return firstUsual
	}
	slices.Sort(took[:n])
	return min(max(took[n*19/20], leastUsual), mostUsual)
}

// spare is what may be spent on attempts that are not a request's first. Who is late with everything because he has too
// much to do would be later if he was asked everything twice: so ten requests earn one such attempt, and where nothing is
// left, time does, so that no request is without one for good.
type spare struct {
	mu   sync.Mutex    // guards all below
	left int           // tenths of an attempt: what one request earns
	at   clock.Instant // when time last earned one
}

const (
	spareOne   = 10                     // requests that earn one
	spareMost  = 32                     // attempts that can be saved up
	spareEvery = 100 * time.Millisecond // in which time earns one
)

// earn takes in what a request earns.
func (s *spare) earn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = min(s.left+1, spareMost*spareOne)
}

// spend takes one attempt, and reports whether there was one.
func (s *spare) spend(now clock.Instant) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left < spareOne && now.Sub(s.at) >= spareEvery {
		s.left, s.at = s.left+spareOne, now
	}
	if s.left < spareOne {
		return false
	}
	s.left -= spareOne
	return true
}

// served knows which node serves each open connection.
type served struct {
	mu    sync.Mutex // guards nodes, and the closed of its connections
	nodes map[*doorConn]string
}

// doorConn is a connection that is forgotten when it is closed.
type doorConn struct {
	net.Conn
	served *served
	closed bool
}

// Close implements net.Conn.
func (d *doorConn) Close() error {
	d.served.mu.Lock()
	d.closed = true
	delete(d.served.nodes, d)
	d.served.mu.Unlock()
	return d.Conn.Close()
}

// by notes that a node has answered on a connection.
func (s *served) by(conn net.Conn, node string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, ok := conn.(*doorConn); ok && !d.closed && node != "" {
		s.nodes[d] = node
	}
}

// count is how many open connections a node serves.
func (s *served) count(node string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range s.nodes {
		if name == node {
			n++
		}
	}
	return n
}
