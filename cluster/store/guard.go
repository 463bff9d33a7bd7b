package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// guard stands between a client and miniredis, which trusts its clients: there a header of a few bytes allocates
// gigabytes, an empty command ends the process, and a client that does not read its reply holds up all others. The guard
// lets in whole, well-formed commands of bounded size, and takes replies without delay.
//
// Between calls: queued is the sum of queue; miniredis alone calls Read, drain alone writes to the connection.
type guard struct {
	net.Conn
	cfg EmbeddedConfig

	in      *bufio.Reader
	command bytes.Buffer // a whole command, on its way to miniredis

	mu     sync.Mutex // guards queue, queued, closed
	queue  [][]byte   // replies, on their way to the client
	queued int        // bytes
	closed bool       // no more replies; what is queued still goes out
	wake   chan struct{}
}

const (
	maxArgs     = 1 << 14     // arguments of one command
	headerBytes = 32          // of a line that announces a length
	keepBytes   = 64 << 10    // of the buffer kept between two commands
	lastWords   = time.Second // for the replies that wait when a connection is to end
)

// errProtocol: what the client sent is no command that the guard lets in.
var errProtocol = errors.New("protocol error")

// errSlow: the client does not read its replies.
var errSlow = errors.New("replies are not read")

func newGuard(conn net.Conn, cfg EmbeddedConfig) *guard {
	return &guard{Conn: conn, cfg: cfg, in: bufio.NewReader(conn), wake: make(chan struct{}, 1)}
}

// Read gives miniredis the next bytes of a command that has been read and checked as a whole.
func (g *guard) Read(p []byte) (int, error) {
	if g.command.Len() == 0 {
		if g.command.Cap() > keepBytes {
			g.command = bytes.Buffer{}
		}
		if err := g.readCommand(); err != nil {
			if errors.Is(err, errProtocol) {
				g.reply(fmt.Appendf(nil, "-ERR %v\r\n", err))
			}
			return 0, err
		}
	}
	return g.command.Read(p)
}

// readCommand reads an array of bulk strings. The memory it takes follows what has arrived, not what is announced.
func (g *guard) readCommand() error {
	g.command.Reset()
	if err := g.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	if _, err := g.in.Peek(1); err != nil {
		return err
	}
	if err := g.SetReadDeadline(time.Now().Add(g.cfg.Stall)); err != nil {
		return err
	}
	args, err := g.readHeader('*', maxArgs)
	if err != nil {
		return err
	}
	if args == 0 {
		return fmt.Errorf("%w: an empty command", errProtocol)
	}
	for range args {
		size, err := g.readHeader('$', g.cfg.MaxCommandBytes-g.command.Len())
		if err != nil {
			return err
		}
		if _, err := io.CopyN(&g.command, g.in, int64(size)+2); err != nil {
			return err
		}
		if !bytes.HasSuffix(g.command.Bytes(), []byte("\r\n")) {
			return fmt.Errorf("%w: an argument longer than announced", errProtocol)
		}
	}
	return nil
}

// readHeader reads a line of a kind and a length, 0 to limit.
func (g *guard) readHeader(kind byte, limit int) (int, error) {
	line, err := g.in.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		return 0, err
	}
	if err != nil || len(line) > headerBytes || len(line) < 4 || line[0] != kind || line[len(line)-2] != '\r' {
		return 0, fmt.Errorf("%w: expected %q and a length", errProtocol, kind)
	}
	n, err := strconv.ParseUint(string(line[1:len(line)-2]), 10, 31)
	if err != nil || int(n) > limit {
		return 0, fmt.Errorf("%w: a length above the bound", errProtocol)
	}
	g.command.Write(line)
	return int(n), nil
}

// Write takes a reply of miniredis and returns at once, so that a slow client holds up nobody. One that leaves more
// unread than the bound loses its connection.
func (g *guard) Write(p []byte) (int, error) {
	if !g.reply(bytes.Clone(p)) {
		return 0, errSlow
	}
	return len(p), nil
}

// reply queues bytes for the client, and reports whether the connection still stands.
func (g *guard) reply(p []byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	if g.queued+len(p) > g.cfg.MaxReplyBytes {
		g.queue, g.queued = nil, 0
		g.end()
		return false
	}
	g.queue, g.queued = append(g.queue, p), g.queued+len(p)
	g.signal()
	return true
}

// Close ends the connection once what is queued has gone out, within lastWords; drain does it.
func (g *guard) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.end()
	}
	return nil
}

// end takes no more replies. The caller holds mu.
func (g *guard) end() {
	g.closed = true
	g.deadline(lastWords)
	g.signal()
}

// deadline bounds the write under way, or the next. A connection that takes no deadline is gone, as the write will find.
func (g *guard) deadline(d time.Duration) { _ = g.SetWriteDeadline(time.Now().Add(d)) }

func (g *guard) signal() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// drain writes replies to the client until the guard is closed or the client is gone, and closes the connection.
func (g *guard) drain() {
	defer func() { _ = g.Conn.Close() }()
	for range g.wake {
		for {
			p, more := g.take()
			if p == nil {
				if !more {
					return
				}
				break
			}
			if _, err := g.Conn.Write(p); err != nil {
				_ = g.Close()
				return
			}
		}
	}
}

// take is the next reply, or nil, and whether there may be another.
func (g *guard) take() ([]byte, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) == 0 {
		g.queue = nil
		return nil, !g.closed
	}
	if !g.closed {
		g.deadline(g.cfg.Stall)
	}
	p := g.queue[0]
	g.queue[0] = nil
	g.queue, g.queued = g.queue[1:], g.queued-len(p)
	return p, true
}
