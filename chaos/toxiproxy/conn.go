package toxiproxy

import (
	"context"
	"errors"
	"net"
	"sync"

	"golang.org/x/sync/errgroup"
)

// way is the direction of a flow, and the index of its toxics.
type way int

const (
	up   way = iota // from the client to the server
	down            // from the server to the client
)

func wayOf(stream string) way {
	if stream == Upstream {
		return up
	}
	return down
}

// conn is one connection through a proxy, or one client of a proxy of datagrams.
type conn struct {
	nth   uint64
	flows [2]*flow // by way
}

// carry runs a TCP connection until both sides have said their last, either broke off, a toxic ended it, or ctx. Then both
// sockets are closed: by a reset where somebody was reset.
func (c *conn) carry(ctx context.Context, client, server *net.TCPConn) {
	group, ctx := errgroup.WithContext(ctx)
	var once sync.Once
	shut := func(cause error) {
		once.Do(func() {
			for _, socket := range []*net.TCPConn{client, server} {
				if errors.Is(cause, errReset) {
					_ = socket.SetLinger(0)
				}
				_ = socket.Close()
			}
		})
	}
	watch := make(chan struct{})
	context.AfterFunc(ctx, func() { // at the latest when Wait has returned
		defer close(watch)
		shut(context.Cause(ctx))
	})
	for way, ends := range [2][2]*net.TCPConn{up: {client, server}, down: {server, client}} {
		f := c.flows[way]
		group.Go(func() error { return f.read(ctx, ends[0]) })
		group.Go(func() error { return f.run(ctx) })
		group.Go(func() error { return f.write(ctx, ends[1]) })
	}
	shut(group.Wait())
	<-watch
}
