package control

import (
	"context"
	"fmt"
	"os"
	"time"
)

// A script breaks a node for a while that it renews: where the script dies, the node is healed.
func Example() {
	dir, err := os.MkdirTemp("", "cluster")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	// The lab's side. In cmd/fracture the lab is a real one.
	server := New(Config{Dir: dir}, &bench{standing: map[string]bool{}})
	ctx, end := context.WithCancel(context.Background())
	if _, err := server.Listen(ctx); err != nil {
		panic(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()

	// The script's.
	client, err := Dial(dir)
	if err != nil {
		panic(err)
	}
	defer client.Close()
	fault, err := client.Inject(ctx, "kill", map[string]any{"node": "n1"}, time.Minute)
	if err != nil {
		panic(err)
	}
	fmt.Println(fault.ID, fault.What, fault.Whom)
	if _, err := client.Renew(ctx, fault.ID, time.Minute); err != nil {
		panic(err)
	}
	all, err := client.HealAll(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Println(len(all.Healed), "healed")

	end()
	fmt.Println(<-ended)
	// Output:
	// f1 kill [n1]
	// 1 healed
	// <nil>
}
