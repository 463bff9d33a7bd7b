package meter

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"fracture/work"
)

// ErrUncheckable: nobody can say what the results of a stream must be: its function is not known or takes no such parameters,
// or its tasks are others in each frame and too much to be computed again. Leave the stream out.
var ErrUncheckable = errors.New("results that cannot be checked")

// castagnoli is the polynomial of CRC-32C, for which processors have an instruction.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checker tells right answers from wrong ones. A function gives the same bytes on every node, so who receives a result can
// know what it must be. Each result of a quick function is computed again. Of any other the task of a tile must be the same
// in every frame; it was computed once, when the checker was made, and results are compared with its CRC-32C: one pass over
// the result, and never the same where a single bit differs, or several within 32 of each other.
//
// One goroutine uses it. A nil Checker calls nothing wrong.
type Checker struct {
	streams       []checked
	input, output []byte // of the task that is computed again
}

// checked is a stream whose right answers are known.
type checked struct {
	id       work.StreamID
	function work.Function
	params   []byte
	tiles    uint32
	sums     []uint32 // of the right answer, by tile; nil: each is computed again
}

// NewChecker makes a checker of the results of streams, by the functions that nodes compute them with. It takes as long as
// one frame of each stream. Its error is [ErrUncheckable].
func NewChecker(functions []work.Function, streams ...*work.Stream) (*Checker, error) {
	c := &Checker{}
	for _, s := range streams {
		i := slices.IndexFunc(functions, func(f work.Function) bool { return f.Name() == s.Function })
		if i < 0 {
			return nil, fmt.Errorf("%w: stream %x: unknown function %q", ErrUncheckable, uint64(s.ID), s.Function)
		}
		known := checked{id: s.ID, function: functions[i], params: s.Params, tiles: s.Tiles}
		if quick, ok := known.function.(work.Quick); !ok || !quick.Quick() {
			if err := c.learn(&known); err != nil {
				return nil, fmt.Errorf("%w: stream %x: %w", ErrUncheckable, uint64(s.ID), err)
			}
		}
		c.streams = append(c.streams, known)
	}
	return c, nil
}

// errMoves is why a stream that is not quick cannot be checked.
var errMoves = errors.New("its tasks are others in each frame")

// learn computes every tile of a stream once.
func (c *Checker) learn(s *checked) error {
	for tile := range s.tiles {
		later, err := s.function.Split(s.params, 1, tile, s.tiles, nil)
		if err != nil {
			return err
		}
		if err := c.compute(s, work.TaskID{Tile: tile}); err != nil {
			return err
		}
		if !bytes.Equal(c.input, later) {
			return errMoves
		}
		s.sums = append(s.sums, crc32.Checksum(c.output, castagnoli))
	}
	return nil
}

// compute leaves in output what a task must give.
func (c *Checker) compute(s *checked, task work.TaskID) (err error) {
	if c.input, err = s.function.Split(s.params, task.Frame, task.Tile, s.tiles, c.input[:0]); err != nil {
		return err
	}
	c.output, err = s.function.Run(c.input, c.output[:0])
	return err
}

// Wrong reports whether a result is another than its task's function gives. Of streams that it was not told of, and of
// tiles that a stream does not have, it calls nothing wrong.
func (c *Checker) Wrong(task work.TaskID, result []byte) bool {
	if c == nil {
		return false
	}
	i := slices.IndexFunc(c.streams, func(s checked) bool { return s.id == task.Stream })
	if i < 0 || task.Tile >= c.streams[i].tiles {
		return false
	}
	s := &c.streams[i]
	if s.sums != nil {
		return crc32.Checksum(result, castagnoli) != s.sums[task.Tile]
	}
	return c.compute(s, task) != nil || !bytes.Equal(result, c.output)
}
