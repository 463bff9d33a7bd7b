package store

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"fracture/chaos"
)

// Standing is a fault that stands between this client and its store, as if the store had it.
//
//	Kill    connections break, and are refused
//	Freeze  connections stand, and nothing is answered until it is healed
//	Cut     what is sent never comes there, and nobody is connected
//	Delay   replies come late; where it is of Writes, only those to writes
//	Loss    replies never come; what was asked is done
//	Deny    writes are answered with an error, that of its Refusal, and not done
type Standing struct {
	Seed  uint64 // of its luck: another at each node
	Rule  uint32 // tells its draws from those of other rules
	Fault chaos.Fault
}

// SetFaults replaces the faults that stand between this client and its store; none heal them. What stood before counts on.
func (c *Client) SetFaults(faults ...Standing) error {
	var before []*standing
	if now := c.faults.Load(); now != nil {
		before = slices.Clone(now.standing)
	}
	p := &plan{healed: make(chan struct{})}
	for _, f := range faults {
		if err := f.Fault.Check(); err != nil {
			return err
		}
		kind := f.Fault.Kind
		if !chaos.Store.Admits(kind) || kind == chaos.Restart || kind == chaos.Thaw {
			return fmt.Errorf("%w: %v cannot stand at %v", chaos.ErrBadFault, kind, chaos.Store)
		}
		s := &standing{Standing: f}
		if i := slices.IndexFunc(before, func(s *standing) bool { return s.Standing == f }); i >= 0 {
			s = before[i] // and counts on
			before = slices.Delete(before, i, i+1)
		}
		p.standing = append(p.standing, s)
		p.dead = p.dead || kind == chaos.Kill
		p.still = p.still || kind == chaos.Freeze
		p.cut = p.cut || kind == chaos.Cut
	}
	if len(faults) == 0 {
		p = nil
	}
	if before := c.faults.Swap(p); before != nil {
		close(before.healed)
	}
	if p != nil && p.dead {
		c.breakAll()
	}
	return nil
}

// Flush takes all that is there out of the store, of every database: FLUSHALL. On a Cluster it is that of one node. Only who
// started the store is to do so.
func (c *Client) Flush(ctx context.Context) error {
	if err := c.rdb.FlushAll(ctx).Err(); err != nil {
		return fmt.Errorf("emptying %s: %w", c.shown, c.clean(err))
	}
	return nil
}

// Flush takes all that is there out of the store.
func (e *Embedded) Flush() { e.redis.FlushAll() }

// Restart breaks every connection, as those of a process break that is ended and started again, and takes out all that is
// there where it is to come up empty.
func (e *Embedded) Restart(empty bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if empty {
		e.redis.FlushAll()
	}
	for g := range e.open {
		_ = g.Conn.Close()
	}
}

// plan is the faults that stand before a store. No plan is a nil pointer, and costs one branch.
type plan struct {
	standing         []*standing
	dead, still, cut bool
	healed           chan struct{} // closed when another plan, or none, takes its place
}

type standing struct {
	Standing
	asked atomic.Uint64
}

// fate is what becomes of one command, of which part is the beginning, and of its reply.
func (p *plan) fate(part []byte) chaos.Fate {
	var fate chaos.Fate
	for _, s := range p.standing {
		if s.Fault.Writes && !writes(part) {
			continue
		}
		nth := s.asked.Add(1) - 1
		luck := chaos.Draw(s.Seed, chaos.Spot{Site: chaos.Store}, s.Rule, nth)
		fate = fate.And(s.Fault.Touch(nth, luck))
	}
	return fate
}

// connect says whether a connection can be made under the plan; under a cut one it is awaited for as long as any.
func (p *plan) connect(ctx context.Context) error {
	if p.dead {
		return fmt.Errorf("%v: %w", chaos.Kill, os.NewSyscallError("connect", syscall.ECONNREFUSED))
	}
	if !p.cut {
		return nil
	}
	timer := time.NewTimer(dialTimeout)
	defer timer.Stop()
	select {
	case <-p.healed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return fmt.Errorf("%v: %w", chaos.Cut, os.ErrDeadlineExceeded)
	}
}

// exchange is one command and its reply on a connection under faults. It belongs to who speaks on the connection.
type exchange struct {
	fate   chaos.Fate
	denied bool // the command goes nowhere, and reply is its answer
	reply  []byte
}

// denial is what a Redis says to a write, to the letter.
func denial(r chaos.Refusal) []byte {
	switch r {
	case chaos.ReadOnly:
		return []byte("-READONLY You can't write against a read only replica.\r\n")
	case chaos.OutOfMemory:
		return []byte("-OOM command not allowed when used memory > 'maxmemory'.\r\n")
	case chaos.DiskFull:
		return []byte("-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. " +
			"Commands that may modify the data set are disabled, because this instance is configured to report errors during writes " +
			"if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.\r\n")
	case chaos.NoReplicas:
		return []byte("-NOREPLICAS Not enough good replicas to write.\r\n")
	}
	return []byte("-ERR no write is taken\r\n")
}

// writeFaulty sends a part of a command as its fate has it; first says that it is the first part.
func (t *tap) writeFaulty(p *plan, part []byte, first bool) (int, error) {
	if first {
		t.exchange = exchange{fate: p.fate(part)}
		if fate := t.exchange.fate; fate.Denied && (writes(part) || fate.Refusal == chaos.DiskFull && commandOf(part) == "ping") {
			t.exchange.denied, t.exchange.reply = true, denial(fate.Refusal)
		}
	}
	switch {
	case p.dead:
		return 0, t.broken("write")
	case t.exchange.denied, p.cut:
		return len(part), nil
	case p.still:
		if err := t.stand(p, &t.writeBy, 0); err != nil {
			return 0, err
		}
	}
	return t.Conn.Write(part)
}

// readFaulty reads a reply, or what there is in its place.
func (t *tap) readFaulty(p *plan, buf []byte) (int, error) {
	if p != nil && p.dead {
		return 0, t.broken("read")
	}
	if p != nil && p.still {
		if err := t.stand(p, &t.readBy, 0); err != nil {
			return 0, err
		}
	}
	if late := t.exchange.fate.Late; late > 0 {
		t.exchange.fate.Late = 0
		if err := t.stand(nil, &t.readBy, late); err != nil {
			return 0, err
		}
	}
	if len(t.exchange.reply) > 0 {
		n := copy(buf, t.exchange.reply)
		t.exchange.reply = t.exchange.reply[n:]
		return n, nil
	}
	if t.exchange.fate.Lost {
		for { // until the reader's patience is over, or the connection
			if _, err := t.Conn.Read(buf); err != nil {
				return 0, err
			}
		}
	}
	return t.Conn.Read(buf)
}

// stand waits until a plan is healed, or for a while, but no longer than the deadline that is kept at by.
func (t *tap) stand(p *plan, by *time.Time, d time.Duration) error {
	var healed, over <-chan time.Time
	var end chan struct{}
	if p != nil {
		end = p.healed
	} else {
		timer := time.NewTimer(d)
		defer timer.Stop()
		healed = timer.C
	}
	t.mu.Lock()
	deadline := *by
	t.mu.Unlock()
	if !deadline.IsZero() {
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-end:
		return nil
	case <-healed:
		return nil
	case <-over:
		return os.ErrDeadlineExceeded
	case <-t.closed:
		return net.ErrClosed
	}
}

// broken closes a connection as the host of a dead process does.
func (t *tap) broken(deed string) error {
	_ = t.Close()
	return os.NewSyscallError(deed, syscall.ECONNRESET)
}

// commandOf is the name of a command of which part is the beginning.
func commandOf(part []byte) string {
	fields := bytes.SplitN(part, []byte("\r\n"), 4) // *3, $3, set and the rest
	if len(fields) < 3 {
		return ""
	}
	return string(bytes.ToLower(fields[2]))
}

// writes reports whether a command, of which part is the beginning, changes the store: one of those that a client sends.
func writes(part []byte) bool {
	switch commandOf(part) {
	case "set", "mset", "setnx", "msetnx":
		return true
	}
	return false
}
