package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Where we write a peer's worker it is this very program, started as `peers worker KIND …`.

// workerWord is the first argument of a worker.
const workerWord = "worker"

// workerBytes is what each worker of ours holds resident, as a node of fracture does: the kernel frees memory before it
// closes sockets, so a process with less dies faster.
const workerBytes = 30 << 20

func workerName(i int) string { return fmt.Sprintf("worker-%d", i+1) }

// startWorker starts the i-th worker of a kind.
func (s *stand) startWorker(i int, kind string, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program's file: %w", err)
	}
	return s.start(workerName(i), append([]string{self, workerWord, kind}, args...)...)
}

// anyWorker is the victim where all of n workers hold the same role.
func anyWorker(n int, what string) (name, held string, err error) {
	return workerName(rand.IntN(n)), fmt.Sprintf("1 of %d %s", n, what), nil
}

// serve is the whole life of a worker; it returns only where it cannot work.
func serve(kind string, args []string) error {
	kinds := map[string]struct {
		args int
		run  func(args []string) error
	}{
		"beanstalkd": {1, func(a []string) error { return serveBeanstalkd(a[0]) }},
		"haproxy":    {1, func(a []string) error { return serveHTTP(a[0]) }},
		"asynq":      {2, func(a []string) error { return serveAsynq(a[0], a[1]) }},
		"memberlist": {3, func(a []string) error { return serveGossip(a[0], a[1], a[2]) }},
	}
	k, ok := kinds[kind]
	if !ok || len(args) != k.args {
		return fmt.Errorf("worker %s %v: this is not how the measurement starts its workers", kind, args)
	}
	if err := putOnWeight(workerBytes); err != nil {
		return err
	}
	return k.run(args)
}

// putOnWeight makes this process hold so many bytes resident, where it does not by itself. The memory is not the
// runtime's, whose collector would otherwise let the heap grow along with it.
func putOnWeight(bytes int64) error {
	lacking := bytes - resident(os.Getpid())
	if lacking <= 0 {
		return nil
	}
	weight, err := unix.Mmap(-1, 0, int(lacking), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return fmt.Errorf("holding memory: %w", err)
	}
	for i := 0; i < len(weight); i += os.Getpagesize() {
		weight[i] = 1
	}
	return nil
}

// toil is the work of a worker of ours.
func toil() { time.Sleep(workTime) }
