package wire

//go:generate ./generate.sh

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"

	"fracture/cluster/failover"
	"fracture/work"
)

// Bounds of what one side may say. A message beyond them, or one that does not fit ([failover.Message.Fits]), is refused
// by [Links.Send], and by the receiver, who counts it.
const (
	MaxTelemetryBytes = 64 << 10              // one telemetry item
	maxNameBytes      = failover.MaxNameBytes // a process's name
	frameBytes        = 32 << 10              // a batch is closed at this size, unless a single message is larger
	maxFrameBytes     = failover.MaxPayloadBytes + failover.MaxParamsBytes + frameBytes
)

// Field numbers of wire.proto.
const (
	batchHello, batchMessages, batchTelemetry, batchFirst, batchMissing = 1, 2, 3, 4, 5

	helloName, helloIncarnation, helloID, helloSink = 1, 2, 3, 4

	messageKind, messageReason, messageFailed                = 1, 2, 3
	messageStream, messageFrame, messageTile                 = 4, 5, 6
	messageTerm, messageTry, messageRank                     = 7, 8, 9
	messageHolders, messageSplitters                         = 10, 11
	messageHave, messageNeed, messageRan                     = 12, 13, 14
	messageSpec, messagePayload, messageFunction             = 15, 16, 17
	messageBegan, messageClock, messageStrategy, messageBy   = 18, 19, 20, 21
	messageRevision                                          = 22
	streamID, streamFunction, streamParams, streamTiles      = 1, 2, 3, 4
	streamPeriod, streamFrames, streamStrategy, streamFactor = 5, 6, 7, 8
	streamRevision, streamFrom                               = 9, 10
)

// appendMessage appends m as one entry of Batch.messages. What m points to is copied.
func appendMessage(b []byte, m *failover.Message) []byte {
	b = protowire.AppendTag(b, batchMessages, protowire.BytesType)
	b, start := openLength(b)
	b = appendVarint(b, messageKind, uint64(m.Kind))
	b = appendString(b, messageFunction, m.Function)
	b = appendVarint(b, messageReason, uint64(m.Reason))
	b = appendBool(b, messageFailed, m.Failed)
	b = appendFixed64(b, messageStream, uint64(m.Task.Stream))
	b = appendVarint(b, messageFrame, m.Task.Frame)
	b = appendVarint(b, messageTile, uint64(m.Task.Tile))
	b = appendFixed64(b, messageTerm, uint64(m.Epoch.Term))
	b = appendVarint(b, messageTry, uint64(m.Epoch.Try))
	b = appendVarint(b, messageRank, uint64(m.Epoch.Rank))
	b = appendHolders(b, messageHolders, m.Holders)
	b = appendHolders(b, messageSplitters, m.Splitters)
	b = appendVarint(b, messageHave, uint64(m.Have))
	b = appendVarint(b, messageNeed, uint64(m.Need))
	b = appendVarint(b, messageRan, uint64(m.Ran))
	b = appendFixed64(b, messageBegan, uint64(m.Began))
	b = appendFixed64(b, messageClock, m.Clock)
	b = appendVarint(b, messageStrategy, uint64(m.Strategy))
	b = appendFixed32(b, messageBy, uint32(m.Epoch.By))
	b = appendFixed64(b, messageRevision, uint64(m.Revision))
	if m.Stream != nil {
		b = appendStream(b, m.Stream)
	}
	b = appendBytes(b, messagePayload, m.Payload)
	return closeLength(b, start)
}

func appendStream(b []byte, s *work.Stream) []byte {
	b = protowire.AppendTag(b, messageSpec, protowire.BytesType)
	b, start := openLength(b)
	b = appendFixed64(b, streamID, uint64(s.ID))
	b = appendString(b, streamFunction, s.Function)
	b = appendBytes(b, streamParams, s.Params)
	b = appendVarint(b, streamTiles, uint64(s.Tiles))
	b = appendVarint(b, streamPeriod, uint64(s.Period))
	b = appendVarint(b, streamFrames, s.Frames)
	b = appendVarint(b, streamStrategy, uint64(s.Strategy))
	b = appendVarint(b, streamFactor, uint64(s.Factor))
	b = appendFixed64(b, streamRevision, uint64(s.Revision))
	b = appendVarint(b, streamFrom, s.From)
	return closeLength(b, start)
}

// appendHello appends Batch.hello, which greets as p.
func appendHello(b []byte, p Peer) []byte {
	b = protowire.AppendTag(b, batchHello, protowire.BytesType)
	b, start := openLength(b)
	b = appendString(b, helloName, p.Name)
	b = appendFixed64(b, helloIncarnation, p.Incarnation)
	b = appendFixed32(b, helloID, uint32(p.ID))
	b = appendBool(b, helloSink, p.Sink)
	return closeLength(b, start)
}

// appendTelemetry appends one item of Batch.telemetry.
func appendTelemetry(b, item []byte) []byte {
	b = protowire.AppendTag(b, batchTelemetry, protowire.BytesType)
	return protowire.AppendBytes(b, item)
}

// appendFirst appends Batch.first.
func appendFirst(b []byte, number uint64) []byte { return appendVarint(b, batchFirst, number) }

// appendAsks appends Batch.missing.
func appendAsks(b []byte, numbers []uint64) []byte {
	if len(numbers) == 0 {
		return b
	}
	b = protowire.AppendTag(b, batchMissing, protowire.BytesType)
	b, start := openLength(b)
	for _, n := range numbers {
		b = protowire.AppendVarint(b, n)
	}
	return closeLength(b, start)
}

// lengthBytes is how many bytes the length of a nested message takes. It is padded to always take as many, which a
// varint may be, so that the message need not be measured before it is written.
const lengthBytes = 4

func openLength(b []byte) (grown []byte, start int) {
	return append(b, 0, 0, 0, 0), len(b) + lengthBytes
}

func closeLength(b []byte, start int) []byte {
	n := uint32(len(b) - start)
	padded := n&0x7f | 0x80 | (n>>7&0x7f|0x80)<<8 | (n>>14&0x7f|0x80)<<16 | (n>>21&0x7f)<<24
	binary.LittleEndian.PutUint32(b[start-lengthBytes:], padded)
	return b
}

// The helpers below leave out a zero, as proto3 does.

func appendVarint(b []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func appendBool(b []byte, field protowire.Number, v bool) []byte {
	return appendVarint(b, field, protowire.EncodeBool(v))
}

func appendFixed32(b []byte, field protowire.Number, v uint32) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendFixed32(protowire.AppendTag(b, field, protowire.Fixed32Type), v)
}

func appendFixed64(b []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendFixed64(protowire.AppendTag(b, field, protowire.Fixed64Type), v)
}

func appendBytes(b []byte, field protowire.Number, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

func appendString(b []byte, field protowire.Number, v string) []byte {
	if v == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), v)
}

// appendHolders appends the holders up to the first that is nobody.
func appendHolders(b []byte, field protowire.Number, h failover.Holders) []byte {
	n := h.Len()
	if n == 0 {
		return b
	}
	b = protowire.AppendTag(b, field, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(4*n))
	for _, id := range h[:n] {
		b = protowire.AppendFixed32(b, uint32(id))
	}
	return b
}
