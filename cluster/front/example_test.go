package front_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"fracture/cluster/failover"
	"fracture/cluster/front"
	"fracture/work"
)

// lonely is a cluster of one node.
type lonely struct{}

func (lonely) Request(_ context.Context, stream work.Stream) (<-chan front.Result, error) {
	return nil, front.Refusal{Reason: failover.TooFewNodes, Have: 1, Need: uint32(stream.Factor)}
}

func Example() {
	door, err := front.New(front.Config{Address: "127.0.0.1:0"}, lonely{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	addr, err := door.Listen(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	ended := make(chan error)
	go func() { ended <- door.Run(ctx) }()

	r, _ := http.NewRequest("POST", "http://"+addr.String()+"/calc_fractal", strings.NewReader("1000,800,-1.2,0.35,-1.0,0.2"))
	r.Host = "demo.edgeless-project.eu"
	r.Close = true
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	var why [64]byte
	n, _ := reply.Body.Read(why[:])
	_ = reply.Body.Close()
	fmt.Println(reply.StatusCode, string(why[:n]))
	stop()
	fmt.Println(<-ended)
	// Output:
	// 503 too few live nodes for the factor: have 1, need 2
	// <nil>
}
