package wire_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"fracture/cluster/failover"
	"fracture/cluster/wire"
)

// Two nodes of one cluster, linked: the one of the lower name calls.
func Example() {
	tmp, err := os.MkdirTemp("", "fracture")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	credentials, err := wire.Create(filepath.Join(tmp, "cluster"))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	node := func(name string, up func(wire.Peer), received func(failover.Message)) (*wire.Links, wire.Peer) {
		self := wire.Peer{ID: failover.Identify(name, 1), Name: name, Incarnation: 1}
		links, err := wire.Listen(wire.LinksConfig{
			Self: self, Credentials: credentials, Up: up, Down: func(wire.Peer) {},
			Received: func(_ failover.NodeID, in wire.Incoming) {
				for _, m := range in.Messages {
					received(m)
				}
				in.Free()
			},
			Telemetry: func(failover.NodeID, [][]byte) {},
		})
		if err != nil {
			panic(err)
		}
		running.Go(func() { _ = links.Run(ctx) })
		self.Addr = links.Addr()
		return links, self
	}
	linked, done := make(chan failover.NodeID, 1), make(chan struct{})
	a, n1 := node("n1", func(p wire.Peer) { linked <- p.ID }, func(failover.Message) {})
	b, n2 := node("n2", func(wire.Peer) {}, func(m failover.Message) {
		fmt.Printf("n2 received %q\n", m.Payload)
		close(done)
	})
	b.Connect(n1)
	n2.Dial = true
	a.Connect(n2)

	a.Send(<-linked, &failover.Message{Kind: failover.Place, Payload: []byte("a tile")})
	a.Flush()
	<-done
	cancel()
	running.Wait()
	// Output: n2 received "a tile"
}
