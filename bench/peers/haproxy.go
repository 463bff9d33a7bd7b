package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"fracture/chaos/meter"
)

// haproxy shares requests out among two HTTP servers, tuned for a quick takeover: servers are checked every 5 ms and
// watched at their work, and a request that fails is tried again at the other one. The proxy is not broken: there is one.
func haproxy() peer {
	return peer{
		name: "haproxy", victim: "worker",
		programs: []program{{"haproxy", "haproxy"}},
		faults: []terms{
			{fault: meter.Kill, signal: "the reset or refused connection; the request is tried again at the other", window: time.Second, grace: 4 * time.Second},
			{fault: meter.Freeze, signal: "timeout server and timeout check, " + haproxyTimeout.String() + " each", window: time.Second, grace: 4 * time.Second},
		},
		open: openHAProxy,
	}
}

const (
	haproxyWorkers = 2
	// haproxyTimeout is six times what the work takes. A shorter one would take healthy servers out of service on a machine
	// that is busy, and then there is nobody left.
	haproxyTimeout = 25 * time.Millisecond
)

// haproxyConfig has the ports of the front, the statistics and the two servers to be filled in, and the timeout in ms.
// observe layer7 sees a server that does not answer in time; layer4, which sees refused connections alone, would leave a
// frozen one to the checks.
const haproxyConfig = `global
	maxconn 4096
defaults
	mode http
	timeout client 10s
	timeout connect %[5]dms
	timeout server %[5]dms
	timeout queue %[5]dms
	timeout check %[5]dms
	retries 3
	option redispatch 1
	retry-on all-retryable-errors
frontend front
	bind 127.0.0.1:%[1]d
	default_backend workers
frontend statistics
	bind 127.0.0.1:%[2]d
	stats enable
	stats uri /
backend workers
	balance roundrobin
	option httpchk GET /health
	default-server check inter 5ms fall 1 rise 2 observe layer7 error-limit 1 on-error mark-down
	server worker-1 127.0.0.1:%[3]d
	server worker-2 127.0.0.1:%[4]d
`

type haproxySystem struct {
	*caller
	client     *http.Client
	front      string
	statistics string
}

func openHAProxy(ctx context.Context, s *stand, done func(frame uint64)) (system, error) {
	ports, err := freePorts(2 + haproxyWorkers)
	if err != nil {
		return nil, err
	}
	config, err := s.write("haproxy.cfg", fmt.Sprintf(haproxyConfig, ports[0], ports[1], ports[2], ports[3], haproxyTimeout.Milliseconds()))
	if err != nil {
		return nil, err
	}
	for i := range haproxyWorkers {
		address := loopback(ports[2+i])
		if err := s.startWorker(i, "haproxy", address); err != nil {
			return nil, err
		}
		if err := s.answers(ctx, workerName(i), address); err != nil {
			return nil, err
		}
	}
	if err := s.serve(ctx, "proxy", loopback(ports[0]), "haproxy", "-db", "-f", config); err != nil {
		return nil, err
	}
	h := &haproxySystem{
		client:     &http.Client{Transport: &http.Transport{MaxIdleConns: callSlots, MaxIdleConnsPerHost: callSlots}},
		front:      "http://" + loopback(ports[0]) + "/work",
		statistics: "http://" + loopback(ports[1]) + "/;csv",
	}
	h.caller = newCaller(ctx, &caller{try: h.try, done: done, attempt: time.Second, patience: 5 * time.Second})
	return h, nil
}

// try is one request. What the proxy could not get answered (502, 503, 504) is an error, to be asked again.
func (h *haproxySystem) try(ctx context.Context, _ uint64) error {
	_, err := h.get(ctx, h.front)
	return err
}

func (h *haproxySystem) get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := h.client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, response.Status)
	}
	return string(body), err
}

// missing reads the proxy's statistics: field 1 names a server, field 17 says how it is.
func (h *haproxySystem) missing(ctx context.Context) string {
	text, err := h.get(ctx, h.statistics)
	if err != nil {
		return err.Error()
	}
	table, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		return err.Error()
	}
	up := 0
	for _, line := range table {
		if len(line) > 17 && strings.HasPrefix(line[1], "worker-") && line[17] == "UP" {
			up++
		}
	}
	if up < haproxyWorkers {
		return fmt.Sprintf("%d of %d servers are up", up, haproxyWorkers)
	}
	return ""
}

func (h *haproxySystem) victim(context.Context) (name, held string, err error) {
	return anyWorker(haproxyWorkers, "servers")
}

func (h *haproxySystem) close() {
	h.caller.close()
	h.client.CloseIdleConnections()
}

// serveHTTP is a worker: it answers checks at once, and everything else when the work is done.
func serveHTTP(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/work", func(w http.ResponseWriter, _ *http.Request) {
		toil()
		w.Header().Set("Content-Length", strconv.Itoa(len("done")))
		_, _ = io.WriteString(w, "done")
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(listener)
}
