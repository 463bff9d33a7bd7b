package toxiproxy_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"fracture/chaos/toxiproxy"
)

// A server is driven by HTTP, as a client library of Toxiproxy does it.
func ExampleServer() {
	server := toxiproxy.New(toxiproxy.Config{Address: "127.0.0.1:0", Seed: 7})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	address, err := server.Listen(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, call := range []struct{ path, body string }{
		{"/proxies", `{"name":"db","listen":"127.0.0.1:26379","upstream":"127.0.0.1:6379","enabled":false}`},
		{"/proxies/db/toxics", `{"type":"latency","attributes":{"latency":100}}`},
		{"/proxies/db/toxics", `{"type":"latency"}`},
	} {
		reply, err := client.Post(fmt.Sprintf("http://%v%s", address, call.path), "application/json", strings.NewReader(call.body))
		if err != nil {
			fmt.Println(err)
			break
		}
		text, _ := io.ReadAll(reply.Body)
		_ = reply.Body.Close()
		fmt.Println(reply.StatusCode, strings.TrimSpace(string(text)))
	}
	cancel()
	fmt.Println(<-ended)
	// Output:
	// 201 {"name":"db","listen":"127.0.0.1:26379","upstream":"127.0.0.1:6379","enabled":false,"toxics":[]}
	// 200 {"attributes":{"latency":100,"jitter":0},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}
	// 409 {"error":"toxic already exists","status":409}
	// <nil>
}
