package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
)

// keepCalling calls p again and again until it is disconnected.
func (l *Links) keepCalling(p *peer) {
	pause := callAgain
	for p.ctx.Err() == nil {
		if stood := l.callOnce(p); stood {
			pause = callAgain
		}
		// Half to one and a half of the pause, so that processes started together do not call together for ever.
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-timer.C:
		case <-p.ctx.Done():
			timer.Stop()
		}
		pause = min(2*pause, callAtLeast)
	}
}

// callOnce makes a connection to p and carries the link on it until it breaks. Why it could not be made is not told: the
// peer is away, or is a stranger and counted.
func (l *Links) callOnce(p *peer) (stood bool) {
	ctx, cancel := context.WithTimeout(p.ctx, greetTimeout)
	defer cancel()
	var dialer net.Dialer
	tcp, err := dialer.DialContext(ctx, "tcp", p.Addr)
	if err != nil {
		return false
	}
	g := newGate(tcp, func() {})
	c, err := admit(ctx, g, tls.Client(g, expect(l.tls, p.Name)))
	if err != nil {
		if !vanished(err) && !errors.Is(err, context.DeadlineExceeded) { // a frozen member does not shake hands
			l.count.strangers.Add(1)
		}
		return false
	}
	defer c.hangUp()
	late := context.AfterFunc(ctx, c.hangUp)
	defer late()
	if err := c.send(appendHello(newFrame(), l.cfg.Self)); err != nil {
		return false
	}
	hello, ok := l.greeted(c)
	if !ok || hello.ID != p.ID { // another incarnation may have the address by now
		return false
	}
	if !l.claim(ctx, p, c) {
		return false
	}
	defer l.release(p)
	if !late() {
		return false
	}
	l.carry(c, p)
	return true
}

// answer is the other end of callOnce: it runs for as long as the link stands. Why a call is not answered the caller is not
// told: what went wrong is counted, and who is known by and by calls again.
func (l *Links) answer(g *gate) {
	defer func() { _ = g.Close() }()
	ctx, cancel := context.WithTimeout(l.base, greetTimeout)
	defer cancel()
	c, ok := l.letIn(ctx, g)
	if !ok {
		return
	}
	late := context.AfterFunc(ctx, c.hangUp)
	defer late()
	hello, ok := l.greeted(c)
	if !ok {
		return
	}
	if hello.Name != c.name {
		l.count.strangers.Add(1)
		return
	}
	p := l.await(ctx, hello)
	if p == nil {
		return
	}
	p.hangUp() // the peer has called anew, so what stands is broken
	if !l.claim(ctx, p, c) {
		return
	}
	defer l.release(p)
	if err := c.send(appendHello(newFrame(), l.cfg.Self)); err != nil || !late() {
		return
	}
	l.carry(c, p)
}

// greeted reads the peer's first frame, which must be a hello whose id is that of its name and incarnation.
func (l *Links) greeted(c *conn) (hello Peer, ok bool) {
	came, err := c.receive(&l.rooms, maxHelloBytes)
	if err != nil {
		l.countMalformed(err)
		return Peer{}, false
	}
	defer came.free()
	b, err := new(decoder).batch(came.b)
	switch {
	case err != nil || !b.greets || b.refused > 0 || len(b.messages)+len(b.telemetry) > 0:
		l.count.malformed.Add(1)
	case b.hello.ID != failover.Identify(b.hello.Name, b.hello.Incarnation):
		l.count.strangers.Add(1)
	default:
		return b.hello, true
	}
	return Peer{}, false
}

// await finds the peer that called, and gives gossip a while to tell of it. It finds none where it is this side that calls.
func (l *Links) await(ctx context.Context, hello Peer) *peer {
	ctx, cancel := context.WithTimeout(ctx, knowTimeout)
	defer cancel()
	for {
		l.mu.Lock()
		p, known := l.peers[hello.ID], l.known
		l.mu.Unlock()
		if p != nil {
			if p.Dial || p.Name != hello.Name {
				return nil
			}
			return p
		}
		select {
		case <-known:
		case <-ctx.Done():
			return nil
		}
	}
}

// hangUp ends the link that stands, if one does.
func (p *peer) hangUp() {
	if c := p.standing(); c != nil {
		c.hangUp()
	}
}

// reset breaks the link that stands, if one does.
func (p *peer) reset() {
	if c := p.standing(); c != nil {
		c.gate.reset()
	}
}

// standing is the connection of the link that stands; nil while none does.
func (p *peer) standing() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conn
}

// claim waits until no link to p stands and has c take its place. It waits no longer than a call's beginning may
// take, which is ctx's: that the caller has hung up is not noticed here.
func (l *Links) claim(ctx context.Context, p *peer, c *conn) bool {
	select {
	case p.linked <- struct{}{}:
	case <-ctx.Done():
		return false
	case <-p.ctx.Done():
		return false
	}
	p.mu.Lock()
	p.conn = c
	p.mu.Unlock()
	if ctx.Err() != nil || p.ctx.Err() != nil {
		l.release(p)
		return false
	}
	return true
}

// release gives the place to the next link.
func (l *Links) release(p *peer) {
	p.mu.Lock()
	p.conn, p.up = nil, 0
	p.snuff()
	p.mu.Unlock()
	l.mu.Lock()
	if l.ending[p.ID] == p.linked {
		delete(l.ending, p.ID)
	}
	l.mu.Unlock()
	<-p.linked
}

// carry is a link's life: it reports it up, sends what is queued and reports what comes, until it breaks; then it reports
// it down.
func (l *Links) carry(c *conn, p *peer) {
	defer context.AfterFunc(p.ctx, c.hangUp)()
	if p.met {
		l.count.reconnects.Add(1)
	}
	p.met = true
	p.out.stand()
	l.lay(c, p)
	l.cfg.Up(p.Peer)
	broken := make(chan struct{})
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		l.send(c, p, broken)
	}()
	l.receive(c, p)
	close(broken)
	messages, telemetry := p.out.fall()
	l.count.dropped.Add(uint64(messages))
	l.count.telemetryDropped.Add(uint64(telemetry))
	l.cfg.Down(p.Peer) // before all else: somebody may have died
	c.hangUp()         // so that who sends does not wait for a peer that does not read
	<-sent
}

// send sends the queue's frames until the link is broken.
func (l *Links) send(c *conn, p *peer, broken <-chan struct{}) {
	var due <-chan time.Time // fires when a delayed frame is due; nil while none is
	for {
		f, next, ok := p.out.take(clock.Now)
		if !ok {
			if next != clock.Never {
				due = time.After(next.Sub(clock.Now()))
			}
			select {
			case <-p.out.wake:
				continue
			case <-due:
				continue
			case <-broken:
				return
			}
		}
		if err := c.send(f.b); err != nil {
			l.count.dropped.Add(uint64(f.messages))
			c.hangUp() // so that the link ends, whatever the reader sees
			return
		}
		l.count.messagesOut.Add(uint64(f.messages))
		l.count.bytesOut.Add(uint64(len(f.b) - headBytes))
		p.out.done(f.b)
	}
}

// receive reports what comes until the connection ends.
func (l *Links) receive(c *conn, p *peer) {
	var d decoder
	var g gaps
	for {
		came, err := c.receive(&l.rooms, maxFrameBytes)
		if err != nil {
			l.countMalformed(err)
			return
		}
		b, err := d.batch(came.b)
		refused := b.refused
		if err != nil || b.greets {
			refused++
		}
		l.count.malformed.Add(uint64(refused))
		l.count.messagesIn.Add(uint64(len(b.messages)))
		l.count.bytesIn.Add(uint64(len(came.b)))
		in := Incoming{Messages: l.notice(&g, p, b)}
		if len(b.telemetry) == 0 { // which may be kept
			in.room = came
		}
		if len(in.Messages) > 0 {
			l.cfg.Received(p.ID, in)
		} else {
			in.Free()
		}
		l.sayAgain(p, b.missing)
		if len(b.telemetry) > 0 {
			l.cfg.Telemetry(p.ID, b.telemetry)
		}
	}
}

// notice leaves out of a batch what a fault has, and asks the peer for what is missing.
func (l *Links) notice(g *gaps, p *peer, b batch) []failover.Message {
	if b.first == 0 {
		return b.messages
	}
	now := clock.Now()
	came := b.messages[:0]
	for i, m := range b.messages {
		if !l.Stands() || !l.lostInward(p.ID) {
			g.came(b.first+uint64(i), now)
			came = append(came, m)
		}
	}
	if len(g.missing) > 0 {
		if list := g.due(now); len(list) > 0 && !l.fateOf(p.ID).Lost {
			l.count.missed.Add(uint64(len(list)))
			p.out.ask(list)
			p.out.flush()
			l.cfg.Missed(p.ID)
		}
	}
	return came
}

// sayAgain says to the peer what it misses, as far as it is kept, and as faults let it.
func (l *Links) sayAgain(p *peer, missing []uint64) {
	if len(missing) == 0 || l.lostInward(p.ID) {
		return
	}
	l.cfg.Missed(p.ID)
	for _, number := range missing {
		fate := l.fateOf(p.ID)
		if fate.Lost {
			continue
		}
		var due clock.Instant
		if fate.Late > 0 {
			due = clock.Now().Add(fate.Late)
		}
		if p.out.say(number, due) {
			l.count.repaired.Add(1)
		}
	}
	p.out.flush()
}

// countMalformed counts what could not be read. That a connection ended is not of that kind.
func (l *Links) countMalformed(err error) {
	if errors.Is(err, errMalformed) {
		l.count.malformed.Add(1)
	}
}
