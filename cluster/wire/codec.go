package wire

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"

	"fracture/cluster/failover"
)

// method is where wire.proto's service answers.
const (
	service = "fracture.wire.Link"
	method  = "Exchange"
)

// frame is one encoded batch, as gRPC carries it.
type frame struct {
	b      []byte
	buffer mem.Buffer // what b lies in, where it came; nil where it is to be sent
}

// codec hands frames to gRPC as they are: they were encoded when they were queued.
type codec struct{}

// Name says protobuf, which the bytes are.
func (codec) Name() string { return "proto" }

// Marshal copies the frame into one of gRPC's buffers, so that its own can be used again.
func (codec) Marshal(v any) (mem.BufferSlice, error) {
	f, ok := v.(*frame)
	if !ok {
		return nil, fmt.Errorf("sending a %T, not a frame", v)
	}
	return mem.BufferSlice{mem.Copy(f.b, mem.DefaultBufferPool())}, nil
}

// Unmarshal takes what came in the buffer in which it came, where it came in one. It is the frame's until it is freed.
func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	f, ok := v.(*frame)
	if !ok {
		return fmt.Errorf("receiving into a %T, not a frame", v)
	}
	f.buffer = data.MaterializeToBuffer(mem.DefaultBufferPool())
	f.b = f.buffer.ReadOnlyData()
	return nil
}

// Incoming is what came from a peer at once. All that its messages point to is the receiver's until it frees it. Who keeps any of
// that for good does not: then it is left to the collector.
type Incoming struct {
	Messages []failover.Message // the list itself is used again when the receiver returns
	buffer   mem.Buffer         // nil where it is not to be used again
}

// Free gives the memory back for what comes next.
func (in Incoming) Free() {
	if in.buffer != nil {
		in.buffer.Free()
	}
}

// exchange describes the service's one method.
var exchange = grpc.StreamDesc{StreamName: method, ServerStreams: true, ClientStreams: true}

// describe binds the service to the function that answers a stream.
func describe(answer func(grpc.ServerStream) error) *grpc.ServiceDesc {
	d := exchange
	d.Handler = func(_ any, s grpc.ServerStream) error { return answer(s) }
	return &grpc.ServiceDesc{ServiceName: service, HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{d}}
}

// stream is either end of an exchange.
type stream interface {
	Context() context.Context
	SendMsg(m any) error
	RecvMsg(m any) error
}
