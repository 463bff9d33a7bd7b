package sim

import (
	"fracture/cluster/failover"
	"fracture/work"
)

// parcel is a message on its way, or in a worker's or writer's hands, with everything it points to: what a machine hands
// out is valid only until its next Step.
type parcel struct {
	message failover.Message
	from    failover.NodeID
	conn    uint32 // the connection that carries it
	stream  work.Stream
	payload [32]byte
	params  [16]byte
	free    int32 // the next free one, while this one is
}

// parcels hands out parcels and takes them back. Zero is no parcel.
type parcels struct {
	list []parcel
	free int32
}

func (ps *parcels) reset() { ps.list, ps.free = ps.list[:0], 0 }

// keep copies a message into a parcel.
func (ps *parcels) keep(m *failover.Message) int32 {
	i := ps.free
	if i != 0 {
		ps.free = ps.list[i-1].free
	} else {
		if len(ps.list) < cap(ps.list) {
			ps.list = ps.list[:len(ps.list)+1]
		} else {
			ps.list = append(ps.list, parcel{})
		}
		i = int32(len(ps.list))
	}
	p := &ps.list[i-1]
	p.message, p.from, p.conn, p.free = *m, 0, 0, 0
	p.own()
	return i
}

// again copies a parcel.
func (ps *parcels) again(i int32) int32 {
	from, conn := ps.at(i).from, ps.at(i).conn
	j := ps.keep(&ps.at(i).message)
	p := ps.at(j)
	p.own()
	p.from, p.conn = from, conn
	return j
}

// own makes the parcel's message point to nothing but the parcel.
func (p *parcel) own() {
	m := &p.message
	if m.Payload != nil {
		m.Payload = append(p.payload[:0], m.Payload...)
	}
	if m.Stream != nil {
		p.stream = *m.Stream
		p.stream.Params = append(p.params[:0], m.Stream.Params...)
		m.Stream = &p.stream
	}
}

func (ps *parcels) at(i int32) *parcel { return &ps.list[i-1] }

// drop takes a parcel back.
func (ps *parcels) drop(i int32) {
	if i == 0 {
		return
	}
	p := ps.at(i)
	p.message = failover.Message{}
	p.free = ps.free
	ps.free = i
}
