package toxiproxy

import (
	"fmt"
	"math"
	"time"
)

// The streams that a toxic may stand in.
const (
	Upstream   = "upstream"   // what the client says to the server
	Downstream = "downstream" // what the server says to the client
)

// Toxic is what goes wrong with one stream of a proxy.
type Toxic struct {
	Attributes Attributes `json:"attributes"`
	Name       string     `json:"name"`     // <type>_<stream> where nothing is said
	Type       string     `json:"type"`     // one of Types
	Stream     string     `json:"stream"`   // Upstream or Downstream
	Toxicity   float32    `json:"toxicity"` // the share of the connections that have it, 0 to 1; of a link, of its messages
}

// Attributes are what the toxic of a type is told: a pointer to one of the structs of this package that bear the types'
// names. They do not change; an update makes new ones.
type Attributes interface {
	// fits says which carriers the toxic can stand in.
	fits() carrier
	// check says what is wrong with the values, in the words of a reply; nil where nothing is.
	check() error
	// meet takes a piece that has come to the stage at now, and holds what becomes of it.
	meet(s *stage, p piece, now time.Time)
	// release takes the next piece that goes on at now. Where there is none yet it says when to ask again; the zero
	// time where only a piece or a change can make a difference.
	release(s *stage, now time.Time) (p piece, ok bool, again time.Time)
}

// carrier is what a toxic works on: byte streams, datagrams, links of a cluster.
type carrier uint8

const (
	bytesOf carrier = 1 << iota
	datagrams
	links
)

// The attributes of Toxiproxy's own types.
type (
	// Latency delays what passes by Latency, give or take Jitter, both in milliseconds. Bytes stay in order; datagrams pass
	// each other.
	Latency struct {
		Latency int64 `json:"latency"`
		Jitter  int64 `json:"jitter"`
	}
	// Bandwidth lets Rate kilobytes of 1000 bytes pass in a second; nothing at 0.
	Bandwidth struct {
		Rate int64 `json:"rate"`
	}
	// SlowClose holds the end of the stream back for Delay milliseconds.
	SlowClose struct {
		Delay int64 `json:"delay"`
	}
	// Timeout drops all data, and closes the connection when Timeout milliseconds have passed since the last; at 0 only
	// when it is removed.
	Timeout struct {
		Timeout int64 `json:"timeout"`
	}
	// ResetPeer resets the connection Timeout milliseconds after the first data.
	ResetPeer struct {
		Timeout int64 `json:"timeout"`
	}
	// Slicer cuts data into parts of AverageSize bytes, give or take SizeVariation, and waits Delay microseconds behind each.
	Slicer struct {
		AverageSize   int64 `json:"average_size"`
		SizeVariation int64 `json:"size_variation"`
		Delay         int64 `json:"delay"`
	}
	// LimitData closes the connection when Bytes have passed.
	LimitData struct {
		Bytes int64 `json:"bytes"`
	}
)

// The attributes of the types beside them.
type (
	// NthCall resets the connection of each N-th piece of data, counted over all connections that have the toxic.
	NthCall struct {
		N int64 `json:"n"`
	}
	// Corrupt flips one bit of a piece of data, with a probability.
	Corrupt struct {
		Probability float64 `json:"probability"`
	}
	// PacketLoss loses a datagram, with a probability.
	PacketLoss struct {
		Probability float64 `json:"probability"`
	}
	// Duplicate has a datagram arrive twice, with a probability.
	Duplicate struct {
		Probability float64 `json:"probability"`
	}
	// Reorder holds a datagram back for Delay milliseconds (10 where it is 0), with a probability; those behind it pass.
	Reorder struct {
		Probability float64 `json:"probability"`
		Delay       int64   `json:"delay"`
	}
)

// Types are the types of toxics: Toxiproxy's own, then those beside them.
var Types = []string{
	"latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data",
	"nth_call", "corrupt", "packet_loss", "duplicate", "reorder",
}

// newAttributes are those of a type with nothing said; nil where there is no such type.
func newAttributes(kind string) Attributes {
	switch kind {
	case "latency":
		return &Latency{}
	case "bandwidth":
		return &Bandwidth{}
	case "slow_close":
		return &SlowClose{}
	case "timeout":
		return &Timeout{}
	case "reset_peer":
		return &ResetPeer{}
	case "slicer":
		return &Slicer{}
	case "limit_data":
		return &LimitData{}
	case "nth_call":
		return &NthCall{}
	case "corrupt":
		return &Corrupt{}
	case "packet_loss":
		return &PacketLoss{}
	case "duplicate":
		return &Duplicate{}
	case "reorder":
		return &Reorder{}
	}
	return nil
}

func (*Latency) fits() carrier    { return bytesOf | datagrams | links }
func (*Bandwidth) fits() carrier  { return bytesOf | links }
func (*SlowClose) fits() carrier  { return bytesOf | links }
func (*Timeout) fits() carrier    { return bytesOf | links }
func (*ResetPeer) fits() carrier  { return bytesOf | links }
func (*Slicer) fits() carrier     { return bytesOf | links }
func (*LimitData) fits() carrier  { return bytesOf | links }
func (*NthCall) fits() carrier    { return bytesOf | links }
func (*Corrupt) fits() carrier    { return bytesOf | datagrams | links }
func (*PacketLoss) fits() carrier { return datagrams | links }
func (*Duplicate) fits() carrier  { return datagrams | links }
func (*Reorder) fits() carrier    { return datagrams | links }

// What Toxiproxy takes, we take: any number. What is below nothing is nothing.
func (*Latency) check() error   { return nil }
func (*Bandwidth) check() error { return nil }
func (*SlowClose) check() error { return nil }
func (*Timeout) check() error   { return nil }
func (*ResetPeer) check() error { return nil }
func (*Slicer) check() error    { return nil }
func (*LimitData) check() error { return nil }

func (a *NthCall) check() error {
	if a.N < 1 {
		return fmt.Errorf("n %d: want a whole number from 1", a.N)
	}
	return nil
}

func (a *Corrupt) check() error    { return checkProbability(a.Probability) }
func (a *PacketLoss) check() error { return checkProbability(a.Probability) }
func (a *Duplicate) check() error  { return checkProbability(a.Probability) }
func (a *Reorder) check() error    { return checkProbability(a.Probability) }

func checkProbability(p float64) error {
	if !(p >= 0 && p <= 1) {
		return fmt.Errorf("probability %v: want 0 to 1", p)
	}
	return nil
}

// millis is n milliseconds, from nothing to as long as a duration can be.
func millis(n int64) time.Duration {
	return time.Duration(min(max(n, 0), math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
}
