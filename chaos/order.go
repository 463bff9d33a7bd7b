package chaos

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Order is what a runner tells a node: these faults stand at you, until the lease is over. It replaces the runner's order
// before it, so an order without faults heals. Faults are leases because their runner may die.
type Order struct {
	ID    uint64     `json:"id"`              // chosen by the runner, and confirmed by the node
	Lease Lease      `json:"lease,omitempty"` // from when the node reads it; above 0 where faults stand, at most MaxLease
	Stand []Standing `json:"stand,omitempty"`
}

// Standing is a fault that stands at a node, or strikes once when the order comes; see Fault.Once.
type Standing struct {
	Seed   uint64 `json:"seed,omitempty"` // of the luck that it draws
	Rule   uint32 `json:"rule,omitempty"` // tells its draws from those of other rules
	Site   Site   `json:"site"`           // any but Process, whose faults no process can be told to have
	Fault  Fault  `json:"fault"`
	Peer   string `json:"peer,omitempty"`   // Link, Beat: the member at the other end, by name; none: every one
	Inward bool   `json:"inward,omitempty"` // Link, Beat: it strikes what comes, instead of what goes
}

// Lease is a time for which an order stands, written as "1.5s".
type Lease time.Duration

// The bounds of an order.
const (
	MaxLease      = 2 * time.Second // what stands longer is to be ordered again
	MaxStanding   = 64              // faults of one order
	MaxOrderBytes = 16 << 10        // its encoding
	MaxLate       = 2 * time.Second // how late a fault makes a message, so that what is late is soon over, too
	MaxTimeout    = time.Hour       // of a Reset or a Blackhole
	maxPeerBytes  = 32
)

// ErrBadOrder: the text is no order that a node can obey; the text says why. Nothing of it stands.
var ErrBadOrder = errors.New("bad order")

// ParseOrder reads what Append wrote, and nothing else: a field that it does not know is [ErrBadOrder], as is a fault that
// cannot stand where it says.
func ParseOrder(text []byte) (Order, error) {
	if len(text) > MaxOrderBytes {
		return Order{}, fmt.Errorf("%w: %d bytes are more than %d", ErrBadOrder, len(text), MaxOrderBytes)
	}
	var o Order
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		return Order{}, fmt.Errorf("%w: %w", ErrBadOrder, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Order{}, fmt.Errorf("%w: something follows it", ErrBadOrder)
	}
	return o, o.Check()
}

// Append appends the order as one JSON object. Its error is that of Check.
func (o Order) Append(buf []byte) ([]byte, error) {
	if err := o.Check(); err != nil {
		return buf, err
	}
	text, err := json.Marshal(o)
	if err == nil && len(text) > MaxOrderBytes {
		err = fmt.Errorf("%d bytes are more than %d", len(text), MaxOrderBytes)
	}
	if err != nil {
		return buf, fmt.Errorf("%w: %w", ErrBadOrder, err)
	}
	return append(buf, text...), nil
}

// Check tells whether a node can obey. Its error wraps [ErrBadOrder].
func (o Order) Check() error {
	lease := time.Duration(o.Lease)
	switch {
	case lease < 0 || lease > MaxLease || lease == 0 && len(o.Stand) > 0:
		return fmt.Errorf("%w: a lease of %v: want more than 0 and at most %v", ErrBadOrder, lease, MaxLease)
	case len(o.Stand) > MaxStanding:
		return fmt.Errorf("%w: %d faults are more than %d", ErrBadOrder, len(o.Stand), MaxStanding)
	}
	for _, s := range o.Stand {
		if err := s.check(); err != nil {
			return fmt.Errorf("%w: %w", ErrBadOrder, err)
		}
	}
	if ballast := o.Ballast(); ballast > MaxBallast {
		return fmt.Errorf("%w: %d bytes of ballast at one node, of all that stand together: want at most %d", ErrBadOrder, ballast, MaxBallast)
	}
	return nil
}

// Ballast is how many bytes of it the order asks for.
func (o Order) Ballast() (bytes uint64) {
	for _, s := range o.Stand {
		if s.Fault.Kind == Ballast {
			bytes += s.Fault.Bytes
		}
	}
	return bytes
}

func (s Standing) check() error {
	between := s.Site == Link || s.Site == Beat
	switch {
	case s.Site == Process || !s.Site.Admits(s.Fault.Kind) || s.Fault.Kind == Restart || s.Fault.Kind == Thaw:
		return fmt.Errorf("%w: %v cannot stand at %v", ErrBadFault, s.Fault.Kind, s.Site)
	case !between && (s.Peer != "" || s.Inward):
		return fmt.Errorf("%w: at %v there is no other end", ErrBadFault, s.Site)
	case s.Fault.By > MaxLate || s.Fault.Jitter > MaxLate:
		return fmt.Errorf("%w: %v by %v with a jitter of %v: each at most %v", ErrBadFault, s.Fault.Kind, s.Fault.By, s.Fault.Jitter, MaxLate)
	case s.Fault.Writes && s.Site != Store:
		return fmt.Errorf("%w: %v of writes at %v, and not at the store", ErrBadFault, s.Fault.Kind, s.Site)
	case len(s.Peer) > maxPeerBytes:
		return fmt.Errorf("%w: a peer's name of %d bytes", ErrBadFault, len(s.Peer))
	}
	return s.Fault.Check()
}

// Same reports whether two orders ask for the same, whatever their leases: the later renews the earlier.
func (o Order) Same(other Order) bool {
	if len(o.Stand) != len(other.Stand) {
		return false
	}
	for i := range o.Stand {
		if o.Stand[i] != other.Stand[i] {
			return false
		}
	}
	return true
}

// MarshalText writes the site as String does. Its error wraps [ErrBadFault].
func (s Site) MarshalText() ([]byte, error) { return named(s, Sites) }

// UnmarshalText reads what MarshalText wrote.
func (s *Site) UnmarshalText(text []byte) error { return lookUp(s, Sites, text) }

// MarshalText writes the kind as String does. Its error wraps [ErrBadFault].
func (k Kind) MarshalText() ([]byte, error) { return named(k, Kinds) }

// UnmarshalText reads what MarshalText wrote.
func (k *Kind) UnmarshalText(text []byte) error { return lookUp(k, Kinds, text) }

// MarshalText writes the lease as a duration.
func (l Lease) MarshalText() ([]byte, error) { return []byte(time.Duration(l).String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (l *Lease) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*l = Lease(d)
	return err
}

// word is something that has a name.
type word interface {
	comparable
	String() string
}

func named[W word](w W, all []W) ([]byte, error) {
	for _, known := range all {
		if known == w {
			return []byte(w.String()), nil
		}
	}
	return nil, fmt.Errorf("%w: %v is not one of %v", ErrBadFault, w, all)
}

func lookUp[W word](w *W, all []W, text []byte) error {
	for _, known := range all {
		if known.String() == string(text) {
			*w = known
			return nil
		}
	}
	return fmt.Errorf("%w: %q is not one of %v", ErrBadFault, text, all)
}
