package store_test

import (
	"context"
	"fmt"

	"fracture/cluster/store"
)

// A value is put behind the path, and written when the writer comes to it.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	embedded := store.NewEmbedded(store.EmbeddedConfig{})
	ended := make(chan error)
	go func() { ended <- embedded.Run(ctx) }()

	client := embedded.Client()
	writer := store.NewWriter(client, store.WriterConfig{})
	writer.Put(store.TileKey(0), func() ([]byte, error) { return []byte("89504e47"), nil })
	due, now := context.WithCancel(ctx)
	now()
	if err := writer.Run(due); err != nil { // it has ended before it began, so it writes what is left
		fmt.Println(err)
	}

	value, err := client.Get(ctx, "i=1")
	fmt.Println(string(value), err)
	_ = client.Close()
	stop()
	<-ended
	// Output: 89504e47 <nil>
}

func ExampleRedact() {
	fmt.Println(store.Redact("redis://lab:s3cret@10.0.0.7:6379/1"))
	// Output: redis://xxxxx@10.0.0.7:6379/1
}
