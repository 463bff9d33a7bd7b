package wire

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"fracture/clock"
	"fracture/cluster/failover"
)

// Settings of gRPC, for latency and a small process. The windows are what a peer may send unread; they are not
// allocated before. gRPC shares write buffers between connections; TLS has read buffers of its own, so gRPC needs none.
const (
	streamWindowBytes = 256 << 10
	connWindowBytes   = 512 << 10
	writeBufferBytes  = 32 << 10
	maxHeaderBytes    = 4 << 10
)

func serverOptions(d *doorman) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.Creds(d),
		grpc.ForceServerCodecV2(codec{}),
		grpc.MaxRecvMsgSize(maxFrameBytes),
		grpc.MaxSendMsgSize(maxFrameBytes),
		grpc.MaxConcurrentStreams(1),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.ConnectionTimeout(greetTimeout),
		grpc.StaticStreamWindowSize(streamWindowBytes),
		grpc.StaticConnWindowSize(connWindowBytes),
		grpc.ReadBufferSize(0),
		grpc.WriteBufferSize(writeBufferBytes),
		grpc.WaitForHandlers(true),
	}
}

// dialOptions make a connection that calls broken when it breaks. gRPC would tell its streams only after it has tried to
// write a farewell.
func dialOptions(d *doorman, broken func()) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(d),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			var dialer net.Dialer
			c, err := dialer.DialContext(ctx, "tcp", addr)
			if err != nil {
				return nil, err
			}
			return newGate(c, broken), nil
		}),
		grpc.WithNoProxy(),
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableHealthCheck(),
		grpc.WithIdleTimeout(0),
		grpc.WithMaxHeaderListSize(maxHeaderBytes),
		grpc.WithStaticStreamWindowSize(streamWindowBytes),
		grpc.WithStaticConnWindowSize(connWindowBytes),
		grpc.WithReadBufferSize(0),
		grpc.WithWriteBufferSize(writeBufferBytes),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(codec{}),
			grpc.MaxCallRecvMsgSize(maxFrameBytes), grpc.MaxCallSendMsgSize(maxFrameBytes)),
	}
}

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
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	conn, err := grpc.NewClient("passthrough:///"+p.Addr, dialOptions(l.doorman(expect(l.tls, p.Name)), cancel)...)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	late := time.AfterFunc(greetTimeout, cancel)
	defer late.Stop()
	s, err := conn.NewStream(ctx, &exchange, "/"+service+"/"+method)
	if err != nil {
		return false
	}
	if err := s.SendMsg(&frame{b: encodeHello(l.cfg.Self)}); err != nil {
		return false
	}
	hello, err := l.greeted(s)
	if err != nil || !late.Stop() {
		return false
	}
	if hello.ID != p.ID {
		return false // another incarnation has the address by now
	}
	if !l.claim(ctx, p, cancel) {
		return false
	}
	defer l.release(p)
	l.carry(s, p)
	return true
}

// answer is the other end of callOnce: it runs for as long as the link stands.
func (l *Links) answer(s grpc.ServerStream) error {
	info, ok := grpcpeer.FromContext(s.Context())
	if !ok {
		return status.Error(codes.Unauthenticated, "no peer")
	}
	who, ok := info.AuthInfo.(admission)
	if !ok {
		return status.Error(codes.Unauthenticated, "no certificate")
	}
	hangUp := func() { _ = who.raw.Close() }
	late := time.AfterFunc(greetTimeout, hangUp)
	defer late.Stop()
	hello, err := l.greeted(s)
	if err == nil && hello.Name != who.name {
		l.count.strangers.Add(1)
		err = fmt.Errorf("%w: certified as %q, it says it is %q", errStranger, who.name, hello.Name)
	}
	if err != nil {
		return status.Error(codes.PermissionDenied, err.Error())
	}
	p, err := l.await(s.Context(), hello)
	if err != nil {
		return status.Error(codes.Unavailable, err.Error())
	}
	if !late.Stop() {
		return status.Error(codes.DeadlineExceeded, "hello came late")
	}
	defer context.AfterFunc(p.ctx, hangUp)()
	p.hangUp() // the peer has called anew, so what stands is broken
	if !l.claim(s.Context(), p, hangUp) {
		return status.Error(codes.Aborted, "ended before it began")
	}
	defer l.release(p)
	if err := s.SendMsg(&frame{b: encodeHello(l.cfg.Self)}); err != nil {
		return err
	}
	l.carry(s, p)
	return nil
}

// greeted reads the peer's first frame, which must be a hello whose id is that of its name and incarnation.
func (l *Links) greeted(s stream) (Peer, error) {
	var f frame
	if err := s.RecvMsg(&f); err != nil {
		l.countOversized(err)
		return Peer{}, err
	}
	b, err := new(decoder).batch(f.b)
	if err == nil && (!b.greets || b.refused > 0 || len(b.messages)+len(b.telemetry) > 0) {
		err = errMalformed
	}
	if err != nil {
		l.count.malformed.Add(1)
		return Peer{}, fmt.Errorf("reading a hello: %w", err)
	}
	if b.hello.ID != failover.Identify(b.hello.Name, b.hello.Incarnation) {
		l.count.strangers.Add(1)
		return Peer{}, fmt.Errorf("%w: its id is not that of its name and incarnation", errStranger)
	}
	return b.hello, nil
}

// await finds the peer that called, and gives gossip a while to tell of it.
func (l *Links) await(ctx context.Context, hello Peer) (*peer, error) {
	ctx, cancel := context.WithTimeout(ctx, knowTimeout)
	defer cancel()
	for {
		l.mu.Lock()
		p, known := l.peers[hello.ID], l.known
		l.mu.Unlock()
		if p != nil {
			if p.Dial || p.Name != hello.Name {
				return nil, fmt.Errorf("%w: it is this side that calls", errUnknown)
			}
			return p, nil
		}
		select {
		case <-known:
		case <-ctx.Done():
			return nil, errUnknown
		case <-l.base.Done():
			return nil, errUnknown
		}
	}
}

// hangUp ends the link that stands, if one does.
func (p *peer) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.end != nil {
		p.end()
	}
}

// claim waits until no link to p stands and takes its place, to be ended by end.
func (l *Links) claim(ctx context.Context, p *peer, end func()) bool {
	select {
	case p.linked <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	p.mu.Lock()
	p.end = end
	p.mu.Unlock()
	if ctx.Err() != nil {
		l.release(p)
		return false
	}
	return true
}

// release gives the place to the next link.
func (l *Links) release(p *peer) {
	p.mu.Lock()
	p.end = nil
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
func (l *Links) carry(s stream, p *peer) {
	if p.met {
		l.count.reconnects.Add(1)
	}
	p.met = true
	p.out.stand()
	l.cfg.Up(p.Peer)
	broken := make(chan struct{})
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		l.send(s, p, broken)
	}()
	l.receive(s, p)
	close(broken)
	messages, telemetry := p.out.fall()
	l.count.dropped.Add(uint64(messages))
	l.count.telemetryDropped.Add(uint64(telemetry))
	l.cfg.Down(p.Peer)
	<-sent
}

// send gives the queue's frames to the stream until the link is broken.
func (l *Links) send(s stream, p *peer, broken <-chan struct{}) {
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
		if err := s.SendMsg(&frame{b: f.b}); err != nil {
			// The receiving side learns of it too, and why does not matter.
			l.count.dropped.Add(uint64(f.messages))
			return
		}
		l.count.messagesOut.Add(uint64(f.messages))
		l.count.bytesOut.Add(uint64(len(f.b)))
		p.out.done(f.b)
	}
}

// receive reports what comes until the stream ends.
func (l *Links) receive(s stream, p *peer) {
	var d decoder
	var g gaps
	for {
		var f frame
		if err := s.RecvMsg(&f); err != nil {
			l.countOversized(err)
			return
		}
		b, err := d.batch(f.b)
		refused := b.refused
		if err != nil || b.greets {
			refused++
		}
		l.count.malformed.Add(uint64(refused))
		l.count.messagesIn.Add(uint64(len(b.messages)))
		l.count.bytesIn.Add(uint64(len(f.b)))
		in := Incoming{Messages: l.notice(&g, p, b)}
		if len(b.telemetry) == 0 { // which may be kept
			in.buffer = f.buffer
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
		if !l.lostInward(p.ID) {
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

// countOversized counts a frame beyond maxFrameBytes, which gRPC refuses by ending the stream.
func (l *Links) countOversized(err error) {
	if status.Code(err) == codes.ResourceExhausted {
		l.count.malformed.Add(1)
	}
}
