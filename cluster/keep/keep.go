// Package keep decides what of the results is kept: what the original's viewers read.
//
// A stream's tiles are written under "i=1", "i=2" and so on, the newest of each at the writer's own pace. The tiles of a
// requested picture are gathered by every holder of its stream and written by the one that leads, so the picture is kept
// also when that one dies. A picture with a failed tile is none: nothing of it is written, and its stream is over once the
// requester has been told. All happens behind the path: the node's loop hands over and goes on.
//
// Pictures are bounded where they are promised: a request is accepted only while the writer has room for its picture
// ([Keeper.Reserve]), and every picture that this node holds, led here or stood by for, has its place there from the first
// tile until the store has it or another node answers for it.
package keep

import (
	"errors"
	"sync"

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

	mu      sync.Mutex // guards streams and rooms
	streams map[work.StreamID]*kept
	rooms   map[work.StreamID]*store.Room // of requests whose streams this node does not hold, or not yet
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
	room    *store.Room // of a finite stream: the place of its picture
	tiles   []*newest   // of a stream without end, by tile
	failed  bool        // a tile of a finite stream failed: there will be no picture
	handed  bool        // the writer has it, or there is nothing to write and that was said
}

// New makes a keeper that writes by writer.
func New(writer *store.Writer) (*Keeper, error) {
	original, err := store.NewOriginal()
	if err != nil {
		return nil, err
	}
	return &Keeper{
		writer: writer, original: original, saved: func(work.StreamID) {},
		streams: make(map[work.StreamID]*kept), rooms: make(map[work.StreamID]*store.Room),
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
			if s.room = k.rooms[stream.ID]; s.room == nil {
				s.room = k.writer.Take(sizeOf(stream))
			}
			delete(k.rooms, stream.ID)
		} else {
			s.tiles = make([]*newest, stream.Tiles)
		}
		k.streams[stream.ID] = s
	}
	if !leads {
		k.leave(s)
	}
	s.leads = leads
	k.handOver(stream.ID, s)
}

// Reserve keeps room for the picture of a stream that is about to be submitted here. The error is store.ErrFull, with its
// figures, where there is none: then nothing may be promised. Release gives the room back unless the stream is held here by
// then; it is called once it is known who leads the stream, or that nobody does.
func (k *Keeper) Reserve(stream *work.Stream) (release func(), err error) {
	id := stream.ID
	if stream.Function != (fractal.Function{}).Name() || stream.Frames == 0 {
		return func() {}, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.streams[id] != nil || k.rooms[id] != nil {
		return func() {}, nil // it has its place
	}
	room, err := k.writer.Reserve(sizeOf(stream))
	if err != nil {
		return nil, err
	}
	k.rooms[id] = room
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.rooms[id] == room {
			delete(k.rooms, id)
			room.Release()
		}
	}, nil
}

// sizeOf is what a picture's results take, in bytes: a number of four bytes a sample.
func sizeOf(stream *work.Stream) int64 {
	p, err := fractal.DecodeParams(stream.Params)
	if err != nil {
		return 0 // it cannot be computed either
	}
	side := int64(p.Supersample)
	return int64(p.View.Width) * int64(p.View.Height) * side * side * 4
}

// Forget lets go of a stream that this node holds no longer.
func (k *Keeper) Forget(id work.StreamID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.streams[id]
	if s == nil {
		return
	}
	if s.room != nil {
		s.room.Release() // which does nothing where the writer has the picture
	}
	k.leave(s)
	delete(k.streams, id)
}

// leave lets go of what was written of a stream without end: what is newer is another's to write, also after the store has
// lost everything. The caller holds mu.
func (k *Keeper) leave(s *kept) {
	for tile, n := range s.tiles {
		if n != nil {
			k.writer.Leave(store.TileKey(uint32(tile)))
		}
	}
}

// Kept calls each with the results of a picture that this node has, for one that asks for them after they came. The results
// stay as they are. It is called with the keeper's lock held: it must neither wait nor call the keeper.
func (k *Keeper) Kept(id work.StreamID, each func(tile uint32, result []byte)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s := k.streams[id]; s != nil {
		for tile, result := range s.results {
			if result != nil {
				each(uint32(tile), result)
			}
		}
	}
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
		s.results[tile] = append([]byte{}, m.Payload...)
		s.missing--
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
	err := s.room.Put(k.original.Image(s.params, s.results), func(err error) {
		if !errors.Is(err, store.ErrUnsaved) { // what cannot be encoded today cannot be tomorrow: the writer has counted it
			k.saved(id)
		}
	})
	s.handed = err == nil // else the writer has ended, and this node ends
}
