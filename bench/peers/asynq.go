package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hibiken/asynq"
)

// asynqs is asynq, a queue of tasks in Redis, with two servers that work on them. A server extends the leases of what it
// works on; a survivor looks once a minute for leases that have been over for 30 s, and puts their tasks back. Neither
// the lease of 30 s nor the minute can be set, so a trial takes up to two. Redis is not broken: there is one.
func asynqs() peer {
	const signal = "the lease of 30 s, over for 30 s more, looked at once a minute"
	return peer{
		name: "asynq", victim: "worker",
		programs: []program{{"redis-server", "redis-server"}},
		modules:  []string{"github.com/hibiken/asynq"},
		faults:   killAndFreeze(terms{signal: signal, window: time.Second, grace: 3 * time.Minute, most: 3}),
		open:     openAsynq,
	}
}

const (
	asynqWorkers  = 2
	asynqTask     = "work"
	asynqAtOnce   = 32                    // tasks of a worker; one alone must keep up
	asynqWork     = 20 * time.Millisecond // that one takes: longer than the others', so that each of few trials hits some
	asynqRetries  = 10
	asynqLook     = 5 * time.Millisecond // for new tasks; a second by default
	asynqLookBack = time.Second          // for tasks to be tried again; five by default
)

// asynqSystem gets its answers by datagram, for asynq has no way back.
type asynqSystem struct {
	client    *asynq.Client
	inspector *asynq.Inspector
	socket    net.PacketConn
	received  sync.WaitGroup
}

func openAsynq(ctx context.Context, s *stand, done func(frame uint64)) (system, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	address := loopback(ports[0])
	if err := s.serve(ctx, "server", address, redisCommand(s.dir.Path, ports[0])...); err != nil {
		return nil, err
	}
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	redis := asynq.RedisClientOpt{Addr: address}
	a := &asynqSystem{client: asynq.NewClient(redis), inspector: asynq.NewInspector(redis), socket: socket}
	a.received.Go(func() { receiveFrames(socket, done) })
	for i := range asynqWorkers {
		if err := s.startWorker(i, "asynq", address, socket.LocalAddr().String()); err != nil {
			a.close()
			return nil, err
		}
	}
	return a, nil
}

// receiveFrames takes datagrams of one frame each until the socket is closed.
func receiveFrames(socket net.PacketConn, done func(frame uint64)) {
	packet := make([]byte, 8)
	for {
		n, _, err := socket.ReadFrom(packet)
		if err != nil {
			return
		}
		if n == len(packet) {
			done(binary.BigEndian.Uint64(packet))
		}
	}
}

func (a *asynqSystem) ask(frame uint64) {
	task := asynq.NewTask(asynqTask, binary.BigEndian.AppendUint64(nil, frame), asynq.MaxRetry(asynqRetries))
	_, _ = a.client.Enqueue(task) // what is not enqueued is lost, and counted so
}

// missing counts the servers that are known. One that died is known until its own word of itself has lapsed, so the
// process of each is looked for, too.
func (a *asynqSystem) missing(context.Context) string {
	servers, err := a.inspector.Servers()
	if err != nil {
		return err.Error()
	}
	living := 0
	for _, s := range servers {
		if resident(s.PID) > 0 {
			living++
		}
	}
	if living < asynqWorkers {
		return fmt.Sprintf("%d of %d servers work", living, asynqWorkers)
	}
	return ""
}

func (a *asynqSystem) victim(context.Context) (name, held string, err error) {
	return anyWorker(asynqWorkers, "servers")
}

func (a *asynqSystem) close() {
	_ = a.socket.Close()
	a.received.Wait()
	_ = a.client.Close()
	_ = a.inspector.Close()
}

// serveAsynq is a worker.
func serveAsynq(address, receiver string) error {
	conn, err := net.Dial("udp", receiver)
	if err != nil {
		return err
	}
	server := asynq.NewServer(asynq.RedisClientOpt{Addr: address}, asynq.Config{
		Concurrency: asynqAtOnce, TaskCheckInterval: asynqLook, DelayedTaskCheckInterval: asynqLookBack, LogLevel: asynq.FatalLevel,
		RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return 0 },
	})
	return server.Run(asynq.HandlerFunc(func(_ context.Context, task *asynq.Task) error {
		time.Sleep(asynqWork)
		_, err := conn.Write(task.Payload())
		return err
	}))
}
