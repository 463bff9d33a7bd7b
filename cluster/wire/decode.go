package wire

import (
	"errors"
	"math"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/work"
)

// errMalformed: the bytes are not what wire.proto says. They are refused and counted; the peer runs another version, or
// is not one of ours.
var errMalformed = errors.New("malformed batch")

// batch is what one frame held.
type batch struct {
	hello     Peer
	greets    bool // hello was there
	messages  []failover.Message
	telemetry [][]byte
	first     uint64   // the number of the first message; 0 where they have none
	missing   []uint64 // numbers that are to be said again
	refused   int      // messages and items that were malformed or beyond a bound
}

// decoder reads the frames of one link. It belongs to one goroutine.
type decoder struct {
	function string             // of the last message that named one: the next most likely names the same
	messages []failover.Message // what the last frame may have left in the room that is used again
}

// keptMessages bounds the list that is used again: most frames hold a few, and one of thousands is no reason to keep room for
// so many.
const keptMessages = 64

// batch reads a frame. The batch points into b, which must not be used again by others; its list of messages is good until the
// next frame is read. A malformed message is left out and counted in refused; an error means that the frame itself cannot be read
// past some point, and what came before that point is valid.
func (d *decoder) batch(b []byte) (batch, error) {
	out := batch{messages: d.list(countMessages(b))}
	for len(b) > 0 {
		f, rest, err := nextField(b)
		if err != nil {
			return out, err
		}
		b = rest
		if f.number == batchFirst {
			if f.kind != protowire.VarintType || f.value > maxNumber {
				return out, errMalformed
			}
			out.first = f.value
			continue
		}
		if f.kind != protowire.BytesType {
			continue
		}
		switch f.number {
		case batchHello:
			out.hello, err = decodeHello(f.bytes)
			out.greets = err == nil
		case batchMessages:
			var m failover.Message
			if m, err = d.message(f.bytes); err == nil {
				out.messages = append(out.messages, m)
			}
		case batchTelemetry:
			if len(f.bytes) > MaxTelemetryBytes {
				err = errMalformed
			} else {
				out.telemetry = append(out.telemetry, f.bytes)
			}
		case batchMissing:
			out.missing, err = decodeNumbers(f.bytes)
		}
		if err != nil {
			out.refused++
		}
	}
	return out, nil
}

// list is an empty list with room for n messages.
func (d *decoder) list(n int) []failover.Message {
	if n > keptMessages {
		return make([]failover.Message, 0, n)
	}
	if d.messages == nil {
		d.messages = make([]failover.Message, 0, keptMessages)
	}
	clear(d.messages) // what they pointed to may be collected
	d.messages = d.messages[:n]
	return d.messages[:0]
}

// maxNumber is beyond what any link reaches. Below it numbers can be added safely.
const maxNumber = 1 << 62

// decodeNumbers reads what a peer misses.
func decodeNumbers(b []byte) ([]uint64, error) {
	var list []uint64
	for len(b) > 0 {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 || len(list) >= maxMissing {
			return nil, errMalformed
		}
		list, b = append(list, v), b[n:]
	}
	return list, nil
}

// countMessages measures how many messages a frame holds, so that they are allocated at once.
func countMessages(b []byte) int {
	n := 0
	for len(b) > 0 {
		f, rest, err := nextField(b)
		if err != nil {
			return n
		}
		if f.number == batchMessages && f.kind == protowire.BytesType {
			n++
		}
		b = rest
	}
	return n
}

func (d *decoder) message(b []byte) (failover.Message, error) {
	var m failover.Message
	r := reader{}
	for len(b) > 0 {
		f, rest, err := nextField(b)
		if err != nil {
			return m, err
		}
		b = rest
		switch f.number {
		case messageKind:
			m.Kind = failover.MessageKind(r.varint(f, math.MaxUint8))
		case messageReason:
			m.Reason = failover.Reason(r.varint(f, math.MaxUint8))
		case messageFailed:
			m.Failed = r.varint(f, 1) == 1
		case messageStream:
			m.Task.Stream = work.StreamID(r.fixed64(f))
		case messageFrame:
			m.Task.Frame = r.varint(f, math.MaxUint64)
		case messageTile:
			m.Task.Tile = uint32(r.varint(f, math.MaxUint32))
		case messageTerm:
			m.Epoch.Term = failover.Term(r.fixed64(f))
		case messageTry:
			m.Epoch.Try = uint16(r.varint(f, math.MaxUint16))
		case messageRank:
			m.Epoch.Rank = uint8(r.varint(f, math.MaxUint8))
		case messageHolders:
			m.Holders = r.holders(f)
		case messageSplitters:
			m.Splitters = r.holders(f)
		case messageHave:
			m.Have = uint32(r.varint(f, math.MaxUint32))
		case messageNeed:
			m.Need = uint32(r.varint(f, math.MaxUint32))
		case messageRan:
			m.Ran = time.Duration(r.varint(f, math.MaxInt64))
		case messageBegan:
			m.Began = clock.Instant(r.fixed64(f))
		case messageClock:
			m.Clock = r.fixed64(f)
		case messageStrategy:
			m.Strategy = work.Strategy(r.varint(f, math.MaxUint8))
		case messageBy:
			m.Epoch.By = failover.NodeID(r.fixed32(f))
		case messageRevision:
			m.Revision = work.Revision(r.fixed64(f))
		case messageSpec:
			m.Stream = r.stream(f)
		case messageFunction:
			m.Function = r.name(f, d.function)
			d.function = m.Function
		case messagePayload:
			m.Payload = r.bytes(f, failover.MaxPayloadBytes)
		}
	}
	if r.bad || m.Kind == 0 {
		return failover.Message{}, errMalformed
	}
	return m, nil
}

func decodeHello(b []byte) (Peer, error) {
	var p Peer
	r := reader{}
	for len(b) > 0 {
		f, rest, err := nextField(b)
		if err != nil {
			return p, err
		}
		b = rest
		switch f.number {
		case helloName:
			p.Name = r.name(f, "")
		case helloIncarnation:
			p.Incarnation = r.fixed64(f)
		case helloID:
			p.ID = failover.NodeID(r.fixed32(f))
		case helloSink:
			p.Sink = r.varint(f, 1) == 1
		}
	}
	if r.bad || p.Name == "" {
		return Peer{}, errMalformed
	}
	return p, nil
}

// field is one field of a protobuf message, whose value is in number or in bytes.
type field struct {
	number protowire.Number
	kind   protowire.Type
	value  uint64
	bytes  []byte
}

// nextField takes the first field from b.
func nextField(b []byte) (f field, rest []byte, err error) {
	number, kind, n := protowire.ConsumeTag(b)
	if n < 0 {
		return f, nil, errMalformed
	}
	b = b[n:]
	f = field{number: number, kind: kind}
	switch kind {
	case protowire.VarintType:
		f.value, n = protowire.ConsumeVarint(b)
	case protowire.Fixed32Type:
		var v uint32
		v, n = protowire.ConsumeFixed32(b)
		f.value = uint64(v)
	case protowire.Fixed64Type:
		f.value, n = protowire.ConsumeFixed64(b)
	case protowire.BytesType:
		f.bytes, n = protowire.ConsumeBytes(b)
	default:
		n = -1 // groups are not ours
	}
	if n < 0 {
		return f, nil, errMalformed
	}
	return f, b[n:], nil
}

// reader takes values out of fields and remembers whether one was not what it should be.
type reader struct{ bad bool }

func (r *reader) varint(f field, highest uint64) uint64 {
	if f.kind != protowire.VarintType || f.value > highest {
		r.bad = true
		return 0
	}
	return f.value
}

func (r *reader) fixed64(f field) uint64 {
	r.bad = r.bad || f.kind != protowire.Fixed64Type
	return f.value
}

func (r *reader) fixed32(f field) uint32 {
	r.bad = r.bad || f.kind != protowire.Fixed32Type
	return uint32(f.value)
}

func (r *reader) bytes(f field, limit int) []byte {
	if f.kind != protowire.BytesType || len(f.bytes) > limit {
		r.bad = true
		return nil
	}
	// The capacity ends with the value: what follows belongs to the next message.
	return f.bytes[:len(f.bytes):len(f.bytes)]
}

// name reads a string, and gives back last where it is the same, which allocates nothing.
func (r *reader) name(f field, last string) string {
	b := r.bytes(f, failover.MaxNameBytes)
	if string(b) == last {
		return last
	}
	if !utf8.Valid(b) {
		r.bad = true
		return ""
	}
	return string(b)
}

func (r *reader) holders(f field) failover.Holders {
	var h failover.Holders
	b := r.bytes(f, 4*len(h))
	if len(b)%4 != 0 {
		r.bad = true
		return h
	}
	for i := 0; len(b) > 0; i++ {
		id, n := protowire.ConsumeFixed32(b)
		h[i], b = failover.NodeID(id), b[n:]
	}
	return h
}

func (r *reader) stream(f field) *work.Stream {
	s := &work.Stream{}
	b := r.bytes(f, failover.MaxParamsBytes+frameBytes)
	for len(b) > 0 {
		f, rest, err := nextField(b)
		if err != nil {
			r.bad = true
			return nil
		}
		b = rest
		switch f.number {
		case streamID:
			s.ID = work.StreamID(r.fixed64(f))
		case streamFunction:
			s.Function = r.name(f, "")
		case streamParams:
			s.Params = r.bytes(f, failover.MaxParamsBytes)
		case streamTiles:
			s.Tiles = uint32(r.varint(f, math.MaxUint32))
		case streamPeriod:
			s.Period = time.Duration(r.varint(f, math.MaxInt64))
		case streamFrames:
			s.Frames = r.varint(f, math.MaxUint64)
		case streamStrategy:
			s.Strategy = work.Strategy(r.varint(f, math.MaxUint8))
		case streamFactor:
			s.Factor = uint8(r.varint(f, math.MaxUint8))
		case streamRevision:
			s.Revision = work.Revision(r.fixed64(f))
		case streamFrom:
			s.From = r.varint(f, math.MaxUint64)
		}
	}
	return s
}
