package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"time"

	"fracture/cluster/failover"
)

// A beat is a packet of fixed size, big endian:
//
//	 0  magic "fB", version, flags     4
//	 4  hash of the cluster's label    4
//	 8  from, to                       4 + 4
//	16  incarnation of from            8
//	24  sequence number                8
//	32  interval in microseconds       4
//	36  HMAC-SHA256 of the above,
//	    its first 16 bytes            16
const (
	beatBytes   = signedBytes + macBytes
	signedBytes = 36
	macBytes    = 16

	beatMagic   = 0x6642
	beatVersion = 1

	flagHeard   = 1 << 0 // the sender hears the receiver
	flagLeaving = 1 << 1 // the sender drains
)

var (
	// errForeign: not a beat of this version, or of another cluster.
	errForeign = errors.New("not a beat of this cluster")
	// errForged: it was not made with the cluster's key.
	errForged = errors.New("a forged beat")
)

// beat is what a packet says.
type beat struct {
	from, to       failover.NodeID
	incarnation    uint64
	seq            uint64
	interval       time.Duration // whole microseconds
	heard, leaving bool
}

// seal makes and checks packets of one cluster. It belongs to one goroutine and allocates nothing after it is made.
type seal struct {
	mac   hash.Hash
	label uint32
	sum   [sha256.Size]byte
}

func newSeal(c *Credentials) *seal {
	h := sha256.Sum256([]byte(c.Label))
	return &seal{mac: hmac.New(sha256.New, c.Beat[:]), label: binary.BigEndian.Uint32(h[:])}
}

// put writes b's packet.
func (s *seal) put(p *[beatBytes]byte, b beat) {
	binary.BigEndian.PutUint16(p[0:], beatMagic)
	p[2], p[3] = beatVersion, 0
	if b.heard {
		p[3] |= flagHeard
	}
	if b.leaving {
		p[3] |= flagLeaving
	}
	binary.BigEndian.PutUint32(p[4:], s.label)
	binary.BigEndian.PutUint32(p[8:], uint32(b.from))
	binary.BigEndian.PutUint32(p[12:], uint32(b.to))
	binary.BigEndian.PutUint64(p[16:], b.incarnation)
	binary.BigEndian.PutUint64(p[24:], b.seq)
	binary.BigEndian.PutUint32(p[32:], uint32(b.interval/time.Microsecond))
	copy(p[signedBytes:], s.sign(p[:signedBytes]))
}

// get reads a packet. What is not of this cluster is refused before anything is computed.
func (s *seal) get(p []byte) (beat, error) {
	if len(p) != beatBytes || binary.BigEndian.Uint16(p) != beatMagic || p[2] != beatVersion ||
		p[3]&^(flagHeard|flagLeaving) != 0 || binary.BigEndian.Uint32(p[4:]) != s.label {
		return beat{}, errForeign
	}
	if !hmac.Equal(s.sign(p[:signedBytes]), p[signedBytes:]) {
		return beat{}, errForged
	}
	return beat{
		from:        failover.NodeID(binary.BigEndian.Uint32(p[8:])),
		to:          failover.NodeID(binary.BigEndian.Uint32(p[12:])),
		incarnation: binary.BigEndian.Uint64(p[16:]),
		seq:         binary.BigEndian.Uint64(p[24:]),
		interval:    time.Duration(binary.BigEndian.Uint32(p[32:])) * time.Microsecond,
		heard:       p[3]&flagHeard != 0,
		leaving:     p[3]&flagLeaving != 0,
	}, nil
}

func (s *seal) sign(p []byte) []byte {
	s.mac.Reset()
	s.mac.Write(p)
	return s.mac.Sum(s.sum[:0])[:macBytes]
}
