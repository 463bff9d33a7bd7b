// Package keep decides what of the results is kept: what the original's viewers read.
//
// A stream's tiles are written under "i=1", "i=2" and so on, the newest of each at the writer's own pace. The tiles of a
// requested picture are gathered by every holder of its stream and written by the one that leads, so the picture is kept
// also when that one dies. A picture with a failed tile is none: nothing of it is written, and its stream is over once the
// requester has been told. All happens behind the path: the node's loop hands over and goes on.
package keep

import (
	"context"
	"errors"
	"sync"
	"time"

	"fracture/cluster/failover"
	"fracture/cluster/store"
	"fracture/work"
	"fracture/work/fractal"
)

// Keeper keeps the results of fractal streams. Its methods may be called from any goroutine.
type Keeper struct {
	writer   *store.Writer
	original *store.Original
	saved    func(work.StreamID)

	mu      sync.Mutex // guards streams
	streams map[work.StreamID]*kept
}

// newest is the newest result of one tile of a stream without end.
type newest struct {
	encode func() ([]byte, error) // made once: it reads what is newest when it is called

	mu      sync.Mutex // guards result
	result  []byte
	written []byte // the writer's own copy
}

func (n *newest) set(result []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.result = append(n.result[:0], result...)
}

func (n *newest) get() []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.written = append(n.written[:0], n.result...)
	return n.written
}

// kept is a stream at this node.
type kept struct {
	leads   bool
	finite  bool
	params  []byte
	results [][]byte // of a finite stream, by tile; nil where none has come
	missing int
	bytes   int64
	tiles   []*newest // of a stream without end, by tile
	failed  bool      // a tile of a finite stream failed: there will be no picture
	handed  bool      // the writer has it, or there is nothing to write and that was said
}

// New makes a keeper that writes by writer.
func New(writer *store.Writer) (*Keeper, error) {
	original, err := store.NewOriginal()
	if err != nil {
		return nil, err
	}
	return &Keeper{
		writer: writer, original: original, saved: func(work.StreamID) {}, streams: make(map[work.StreamID]*kept),
	}, nil
}

// Saved tells the keeper whom to call when everything of a finite stream that can be in the store is there. It is called
// before any other method. The call may come on any goroutine, with the keeper's lock held: it must neither wait nor call
// the keeper.
func (k *Keeper) Saved(call func(work.StreamID)) { k.saved = call }

// Lead tells that this node now leads stream, or that it holds it for another that does.
func (k *Keeper) Lead(stream *work.Stream, leads bool) {
	if stream.Function != (fractal.Function{}).Name() {
		if leads && stream.Frames != 0 {
			k.saved(stream.ID) // nothing of it is kept
		}
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.streams[stream.ID]
	if s == nil {
		s = &kept{finite: stream.Frames != 0, params: append([]byte(nil), stream.Params...)}
		if s.finite {
			s.results, s.missing = make([][]byte, stream.Tiles), int(stream.Tiles)
		} else {
			s.tiles = make([]*newest, stream.Tiles)
		}
		k.streams[stream.ID] = s
	}
	s.leads = leads
	k.handOver(stream.ID, s)
}

// Full is store.ErrFull, with its figures, while the writer has no room for another picture.
func (k *Keeper) Full() error {
	room, err := k.writer.Reserve(0)
	if err != nil {
		return err
	}
	room.Release()
	return nil
}

// Forget lets go of a stream that this node holds no longer.
func (k *Keeper) Forget(id work.StreamID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.streams, id)
}

// Keep takes the first result of a task; it copies what it wants.
func (k *Keeper) Keep(m *failover.Message) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.streams[m.Task.Stream]
	switch {
	case s == nil, !s.leads && !s.finite:
		return // a stream without end needs no second keeper: its next frame is near
	case m.Failed && s.finite:
		s.failed = true
		k.handOver(m.Task.Stream, s)
		return
	case m.Failed:
		return
	}
	if !s.finite {
		k.keepNewest(s, m)
		return
	}
	if tile := m.Task.Tile; int(tile) < len(s.results) && s.results[tile] == nil {
		result := append([]byte(nil), m.Payload...)
		s.results[tile] = result
		s.missing--
		s.bytes += int64(len(result))
	}
	k.handOver(m.Task.Stream, s)
}

// keepNewest gives the writer the newest result of a tile. The caller holds mu.
func (k *Keeper) keepNewest(s *kept, m *failover.Message) {
	tile := m.Task.Tile
	if int(tile) >= len(s.tiles) {
		return
	}
	n := s.tiles[tile]
	if n == nil {
		n = &newest{}
		n.encode = k.original.Tile(n.get)
		s.tiles[tile] = n
	}
	n.set(m.Payload)
	k.writer.Put(store.TileKey(tile), n.encode)
}

// handOver gives a finite stream's picture to the writer once it is whole, if this node leads. The caller holds mu.
func (k *Keeper) handOver(id work.StreamID, s *kept) {
	if !s.leads || !s.finite || s.handed {
		return
	}
	if s.failed {
		s.handed = true
		k.saved(id)
		return
	}
	if s.missing > 0 {
		return
	}
	err := k.writer.PutDurable(s.bytes, k.original.Image(s.params, s.results), func(err error) {
		if !errors.Is(err, store.ErrUnsaved) { // what cannot be encoded today cannot be tomorrow: the writer has counted it
			k.saved(id)
		}
	})
	s.handed = err == nil // full: Run tries again
}

// tryAgain is the time between two attempts to hand over pictures that the writer had no room for.
const tryAgain = 200 * time.Millisecond

// Run hands over what the writer had no room for, until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	ticker := time.NewTicker(tryAgain)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		k.mu.Lock()
		for id, s := range k.streams {
			k.handOver(id, s)
		}
		k.mu.Unlock()
	}
}
