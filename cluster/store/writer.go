package store

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"fracture/clock"
)

var (
	// ErrFull: as many images wait for the store as the bound allows; refuse the request and ask for it again later.
	ErrFull = errors.New("too many pictures wait for the store")
	// ErrClosed: the writer has ended; nothing more will be written.
	ErrClosed = errors.New("the store's writer has ended")
	// ErrUnsaved: the writer ended before the store took these images; start with the same store and ask for them again.
	ErrUnsaved = errors.New("pictures not saved")
)

// WriterConfig is what a writer is told at its making. Zero fields take the defaults given with them.
type WriterConfig struct {
	Interval   time.Duration // between two writes of one key by Put; 500 ms, the original's rhythm
	MaxKeys    int           // keys that Put may hold; the values of further keys are dropped and counted; 512
	MaxImages  int           // images that wait at once; 16
	MaxBytes   int64         // and their size together, in bytes; 64 MiB
	Attempt    time.Duration // bound of one write; 5 s
	Backoff    time.Duration // before the store is asked again after a failure, doubled each time; 50 ms
	MaxBackoff time.Duration // up to this; 1 s
	Flush      time.Duration // bound of the last writes when the writer ends; 2 s
	Look       time.Duration // after so long without a write the store is asked whether it is there, and, written to or not, whether it has what was written; 2 s
	MaxAgain   int           // size of the last image, encoded, up to which it is kept to be written again, in bytes; 4 MiB
}

// Counters say what a writer has done and what it still holds.
type Counters struct {
	Keys      int    // keys whose newest value waits
	Images    int    // images that wait, reserved room included
	Bytes     int64  // their size
	Written   uint64 // values and images written
	Again     uint64 // of these, values and images that had been written before to a store that may have lost them
	Coalesced uint64 // values given up for a newer one of the same key
	Dropped   uint64 // values dropped because MaxKeys was reached or the writer has ended
	Refused   uint64 // images refused with ErrFull
	Failures  uint64 // writes, questions and encodings that failed
	Down      bool   // the last word from the store was a failure
}

// Writer brings results to the store, behind the path. Put and PutDurable take a lock and a place in a bounded table,
// never the store's time; [Writer.Run] does the writing. While the store is away everything stays where it is, and is
// made good when the store answers again.
//
// A store that the connection was lost to is not trusted to be what it was: it may have been started again, empty, or be a
// replica that has not heard the last. So with each new connection the newest of every key is written again, and the last
// image where there is none. That also mends what a write of before, whose reply never came, may do after later ones.
//
// A store may be emptied on a connection that stands. So every Look it is asked which of the keys that were written are
// there, and what is not is written again.
type Writer struct {
	client *Client
	cfg    WriterConfig
	wake   chan struct{} // of one place: there may be something to do

	mu      sync.Mutex // guards all below
	slots   map[string]*slot
	images  []*durable // waiting, oldest first
	held    int        // images with a place: waiting, being written, or reserved
	bytes   int64      // their size
	dirty   int        // slots with a value to be written
	count   Counters
	closing bool // Run is ending: the interval no longer holds
	closed  bool // Run has ended

	// Below: Run's own.
	streams bool // whose turn it is: a value of a stream, or an image
	backoff time.Duration
	retryAt clock.Instant // the store is not asked before
	unsure  bool          // an attempt failed since the last write: it may yet be carried out
	dials   uint64        // connections that the client had made at the last word of the store
	lookAt  clock.Instant // when to ask a store that nothing is written to; 0: nothing was ever
	image   []Entry       // the last image, where it is small enough
	lost    bool          // it may be missing in the store
	checkAt clock.Instant // when to ask which of the keys are there; 0: nothing was ever written
}

// slot is the newest value of one key. It stays, empty, until its interval is over.
type slot struct {
	key    string
	encode func() ([]byte, error) // nil when there is nothing to write
	last   func() ([]byte, error) // makes what was written; nil where it is not to be written again
	again  bool                   // encode is what was written before
	left   bool                   // another writer's by now: see Leave
	due    clock.Instant
}

// durable is an image that waits until it is saved.
type durable struct {
	size    int64
	encode  func() ([]Entry, error)
	entries []Entry // what encode made: a store that cannot take it is not worth making it anew
	saved   func(error)
}

// NewWriter makes a writer to a store; it writes while [Writer.Run] runs.
func NewWriter(client *Client, cfg WriterConfig) *Writer {
	fill(&cfg.Interval, 500*time.Millisecond)
	fill(&cfg.MaxKeys, 512)
	fill(&cfg.MaxImages, 16)
	fill(&cfg.MaxBytes, 64<<20)
	fill(&cfg.Attempt, 5*time.Second)
	fill(&cfg.Backoff, 50*time.Millisecond)
	fill(&cfg.MaxBackoff, time.Second)
	fill(&cfg.Flush, 2*time.Second)
	fill(&cfg.Look, 2*time.Second)
	fill(&cfg.MaxAgain, 4<<20)
	return &Writer{client: client, cfg: cfg, wake: make(chan struct{}, 1), slots: make(map[string]*slot)}
}

func fill[T comparable](field *T, value T) {
	var unset T
	if *field == unset {
		*field = value
	}
}

// Put asks for key to hold the value that encode makes. A newer value takes the place of one not yet written, and a key
// is written once per Interval at most, so encode runs only for what is written, later and on Run's goroutine. What it
// refers to must stay as it is. Put never waits for the store.
func (w *Writer) Put(key string, encode func() ([]byte, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.slot(key)
	if s == nil {
		w.count.Dropped++
		return
	}
	if s.encode != nil {
		w.count.Coalesced++
	} else {
		w.dirty++
		w.signal()
	}
	s.encode, s.again, s.left = encode, false, false
}

// Leave tells that another writer puts values of key from now on: what waits is written, but nothing is written again.
func (w *Writer) Leave(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.slots[key]
	if s == nil {
		return
	}
	s.left, s.last = true, nil
	if s.again {
		s.encode, s.again = nil, false
		w.dirty--
	}
}

// slot is the place of key, or nil where the table is full of values that wait.
func (w *Writer) slot(key string) *slot {
	if w.closed {
		return nil
	}
	if s := w.slots[key]; s != nil {
		return s
	}
	now := clock.Now()
	if len(w.slots) >= w.cfg.MaxKeys {
		for k, s := range w.slots {
			if s.encode == nil && s.due <= now {
				delete(w.slots, k)
			}
		}
	}
	if len(w.slots) >= w.cfg.MaxKeys {
		return nil
	}
	s := &slot{key: key, due: now}
	w.slots[key] = s
	return s
}

// signal tells Run that there is something to do.
func (w *Writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Room is a place among the images that wait for the store, kept for one that is still being computed.
type Room struct {
	writer *Writer
	size   int64
	used   bool // guarded by writer.mu
}

// Reserve keeps room for an image of sizeBytes, so that a request is accepted only when its picture can be held until it
// is stored. The error is [ErrFull] or [ErrClosed]. Room that is not used must be released.
func (w *Writer) Reserve(sizeBytes int64) (*Room, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, ErrClosed
	}
	if w.held >= w.cfg.MaxImages || w.bytes+sizeBytes > w.cfg.MaxBytes {
		w.count.Refused++
		return nil, fmt.Errorf("%w: %d of %d, %d KiB of %d; try again when the store has caught up",
			ErrFull, w.held, w.cfg.MaxImages, w.bytes>>10, w.cfg.MaxBytes>>10)
	}
	return w.occupy(sizeBytes), nil
}

// Take keeps room for an image of sizeBytes whether there is any or not: for one that was promised elsewhere and is held
// here. It counts against the bound, so that this node promises no more until there is room again.
func (w *Writer) Take(sizeBytes int64) *Room {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.occupy(sizeBytes)
}

// occupy gives an image its place. The caller holds mu.
func (w *Writer) occupy(size int64) *Room {
	w.held++
	w.bytes += size
	return &Room{writer: w, size: size}
}

// Release gives the room back; after Put, or a second time, it does nothing.
func (r *Room) Release() {
	w := r.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	if !r.used {
		r.used = true
		w.vacate(r.size)
	}
}

// Put uses the room for an image as [Writer.PutDurable] does. A second use is [ErrClosed].
func (r *Room) Put(encode func() ([]Entry, error), saved func(error)) error {
	w := r.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.used || w.closed {
		return ErrClosed
	}
	r.used = true
	w.images = append(w.images, &durable{size: r.size, encode: encode, saved: saved})
	w.signal()
	return nil
}

// PutDurable asks for an image that is never given up for another: it waits until the store has taken all that encode
// makes. Then saved is called, once, from Run's goroutine, which it must not hold up: with nil, or with the reason why it
// will never be saved (it cannot be encoded, or the writer ended: [ErrUnsaved]). The error is [ErrFull] or [ErrClosed],
// and then saved is not called. sizeBytes is what the image holds of memory until it is saved.
func (w *Writer) PutDurable(sizeBytes int64, encode func() ([]Entry, error), saved func(error)) error {
	room, err := w.Reserve(sizeBytes)
	if err != nil {
		return err
	}
	return room.Put(encode, saved)
}

// vacate takes an image's place back. The caller holds mu.
func (w *Writer) vacate(size int64) {
	w.held--
	w.bytes -= size
}

// Counters reports what the writer has done and what it holds.
func (w *Writer) Counters() Counters {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.count
	c.Keys, c.Images, c.Bytes = w.dirty, w.held, w.bytes
	return c
}
