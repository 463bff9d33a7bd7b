// Package probe is the function that measures: a task so small that whatever it waits for is somebody else's doing.
//
// A probe stream runs beside the real one, one tile for each node, with a period short enough that no fault falls
// between two of its frames unseen.
package probe

import "encoding/binary"

// Name is the function's name and version.
const Name = "probe/1"

// Function answers each task with its own name: 12 bytes, frame and tile.
type Function struct{}

// Name implements work.Function.
func (Function) Name() string { return Name }

// Quick implements work.Quick.
func (Function) Quick() bool { return true }

// Split makes the input of a tile: its frame and its number, big endian.
func (Function) Split(_ []byte, frame uint64, tile, _ uint32, buf []byte) ([]byte, error) {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(buf, frame), tile), nil
}

// Run answers the input.
func (Function) Run(input, buf []byte) ([]byte, error) { return append(buf, input...), nil }
