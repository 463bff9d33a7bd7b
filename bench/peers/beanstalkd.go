package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"fracture/chaos/meter"
)

// beanstalkd is a queue of jobs. A job that a worker has reserved goes back to the queue when the worker's connection
// closes, or when its time to run is over, of which one second is the smallest. The server is not broken: there is one.
//
// Some jobs of a frozen worker never come back: 1.12 forgets the time to run of jobs that it hands to a connection that
// waits for one (pull request 334 of beanstalkd tells of it). Polling instead of waiting, touching each job, a second
// command in the same packet and a longer time to run made it rarer and did not end it, so ours waits, as all do.
func beanstalkd() peer {
	return peer{
		name: "beanstalkd", victim: "worker",
		programs: []program{{"beanstalkd", "beanstalkd"}},
		faults: []terms{
			{fault: meter.Kill, signal: "the closed connection gives its jobs back", window: time.Second, grace: 4 * time.Second},
			{fault: meter.Freeze, signal: "time to run of 1 s, which 1.12 forgets of some jobs", window: 2 * time.Second, grace: 3 * time.Second},
		},
		open: openBeanstalkd,
	}
}

// The tubes, and who is at them.
const (
	tubeWork         = "work"
	tubeDone         = "done"
	beanstalkWorkers = 2
	reservers        = 16 // connections of a worker, each with one job at a time; one worker alone must keep up
)

// beanstalkSystem produces on one connection and receives on another.
type beanstalkSystem struct {
	mu                 sync.Mutex // guards producer: the load and the runner speak on it
	producer, receiver *beanstalkConn
	received           sync.WaitGroup
}

func openBeanstalkd(ctx context.Context, s *stand, done func(frame uint64)) (system, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	address := loopback(ports[0])
	if err := s.serve(ctx, "server", address, "beanstalkd", "-l", "127.0.0.1", "-p", strconv.Itoa(ports[0])); err != nil {
		return nil, err
	}
	for i := range beanstalkWorkers {
		if err := s.startWorker(i, "beanstalkd", address); err != nil {
			return nil, err
		}
	}
	b := &beanstalkSystem{}
	if b.producer, err = dialBeanstalk(address, tubeDone, tubeWork); err != nil {
		return nil, err
	}
	if b.receiver, err = dialBeanstalk(address, tubeDone, tubeWork); err != nil {
		_ = b.producer.Close()
		return nil, err
	}
	b.received.Go(func() {
		_ = b.receiver.each(func(body string) error {
			if frame, err := strconv.ParseUint(body, 10, 64); err == nil {
				done(frame)
			}
			return nil
		})
	})
	return b, nil
}

func (b *beanstalkSystem) ask(frame uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = b.producer.put(strconv.FormatUint(frame, 10)) // what was not put is lost, and counted so
}

// missing counts the connections that reserve, which the server calls workers: ours, and the receiver's.
func (b *beanstalkSystem) missing(context.Context) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	stats, err := b.producer.stats()
	if err != nil {
		return err.Error()
	}
	want := beanstalkWorkers*reservers + 1
	if !strings.Contains(stats, fmt.Sprintf("\ncurrent-workers: %d\n", want)) {
		return fmt.Sprintf("not all of %d connections reserve", want)
	}
	return ""
}

func (b *beanstalkSystem) victim(context.Context) (name, held string, err error) {
	return anyWorker(beanstalkWorkers, "workers")
}

func (b *beanstalkSystem) close() {
	_ = b.producer.Close()
	_ = b.receiver.Close()
	b.received.Wait()
}

// serveBeanstalkd is a worker: each of its connections takes a job, works, puts the result, and deletes the job.
func serveBeanstalkd(address string) error {
	failed := make(chan error, reservers)
	for range reservers {
		conn, err := dialBeanstalk(address, tubeWork, tubeDone)
		if err != nil {
			return err
		}
		go func() {
			failed <- conn.each(func(body string) error {
				toil()
				return conn.put(body)
			})
		}()
	}
	return <-failed
}

// beanstalkConn speaks the few words of beanstalkd's protocol (doc/protocol.txt of its source) that are needed here.
type beanstalkConn struct {
	net.Conn
	in *bufio.Reader
}

// dialBeanstalk connects and chooses the tubes to take from and to put to.
func dialBeanstalk(address, from, to string) (*beanstalkConn, error) {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return nil, err
	}
	c := &beanstalkConn{Conn: conn, in: bufio.NewReader(conn)}
	for _, words := range []string{"watch " + from, "ignore default", "use " + to} {
		if _, err := c.say(words); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	return c, nil
}

// say sends one command and returns the first line of the answer.
func (c *beanstalkConn) say(words string) (string, error) {
	if _, err := io.WriteString(c, words+"\r\n"); err != nil {
		return "", err
	}
	line, err := c.in.ReadString('\n')
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(line), nil
}

// put makes a job with one second to run.
func (c *beanstalkConn) put(body string) error {
	answer, err := c.say(fmt.Sprintf("put 1 0 1 %d\r\n%s", len(body), body))
	if err == nil && !strings.HasPrefix(answer, "INSERTED ") {
		err = fmt.Errorf("put: %s", answer)
	}
	return err
}

// each takes job after job, hands its body on, and deletes it where that went well. It ends with the connection.
func (c *beanstalkConn) each(do func(body string) error) error {
	for {
		id, body, err := c.take()
		if err != nil {
			return err
		}
		if err := do(body); err != nil {
			return err
		}
		if _, err := c.say(fmt.Sprintf("delete %d", id)); err != nil { // NOT_FOUND where it was given back: it runs twice
			return err
		}
	}
}

// take waits for a job.
func (c *beanstalkConn) take() (id uint64, body string, err error) {
	answer, err := c.say("reserve")
	if err != nil {
		return 0, "", err
	}
	var size int
	if _, err := fmt.Sscanf(answer, "RESERVED %d %d", &id, &size); err != nil {
		return 0, "", fmt.Errorf("reserve: %s", answer)
	}
	body, err = c.body(size)
	return id, body, err
}

// stats are the server's own, a line each.
func (c *beanstalkConn) stats() (string, error) {
	answer, err := c.say("stats")
	if err != nil {
		return "", err
	}
	var size int
	if _, err := fmt.Sscanf(answer, "OK %d", &size); err != nil {
		return "", fmt.Errorf("stats: %s", answer)
	}
	return c.body(size)
}

// body reads what follows a first line that gave its size.
func (c *beanstalkConn) body(size int) (string, error) {
	bytes := make([]byte, size+len("\r\n"))
	if _, err := io.ReadFull(c.in, bytes); err != nil {
		return "", err
	}
	return string(bytes[:size]), nil
}
