// Package work is the vocabulary of what the cluster computes: streams, tasks and functions.
//
// A stream is a workload with a schedule: its frame k is due at start + k·period, and each frame is split into a fixed
// number of tiles. One tile of one frame is a task. A request is a stream of a single frame. The package holds values
// only; it knows nothing of nodes, time or networks.
package work

import (
	"fmt"
	"time"
)

// StreamID names a stream, chosen by whoever submits it; submitting the same id again is the same submit.
type StreamID uint64

// TaskID names one call of a function: one tile of one frame of a stream.
type TaskID struct {
	Stream StreamID
	Frame  uint64
	Tile   uint32
}

// String prints the whole task as stream/frame.tile, the stream in hexadecimal. The trace is shorter: it shows 16 bits of
// the stream, and the splitter's role as *.
func (t TaskID) String() string { return fmt.Sprintf("%x/%d.%d", uint64(t.Stream), t.Frame, t.Tile) }

// Stream is what is submitted: which function, over what, how often, and how well guarded. It is a value; whoever holds
// it can derive every task of every frame.
type Stream struct {
	ID       StreamID
	Function string        // name of a registered [Function]
	Params   []byte        // the function's own parameters, as its Split reads them
	Tiles    uint32        // tasks per frame, at least 1
	Period   time.Duration // between two frames; ignored when Frames is 1
	Frames   uint64        // how many frames; 0 means without end
	Strategy Strategy
	Factor   uint8    // copies of each task, the owner's included
	Revision Revision // of Params
	From     uint64   // the first frame that has Params of this Revision; those before have others
}

// Revision numbers what a stream's function is told while the stream runs: 0 is what it was submitted with, and a higher one
// takes the place of a lower one. It is a count and, in its low bits, who asked, so that no two who ask share one.
type Revision uint64

// Count is how many revisions there were up to this one, as far as who asked for it knew.
func (r Revision) Count() uint32 { return uint32(r >> 32) }

// Function is named code that splits a stream's frame into tasks and runs a task. Both are pure: the same bytes in give
// the same bytes out on every node, so that a result does not depend on who computed it.
type Function interface {
	// Name is the function's name and version, such as "fractal/1".
	Name() string
	// Split appends to buf the input of one tile of a frame.
	Split(params []byte, frame uint64, tile, tiles uint32, buf []byte) ([]byte, error)
	// Run appends to buf the output for an input made by Split.
	Run(input, buf []byte) ([]byte, error)
}

// Quick marks a function whose Run takes less than handing it to a worker would: it is run where it is decided.
type Quick interface{ Quick() bool }
