package chaos

import "fmt"

// Refusal is the reason for which a store denies a write.
type Refusal uint8

// The refusals of a Redis.
const (
	// ReadOnly: it has become a replica.
	ReadOnly Refusal = iota
	// OutOfMemory: it holds as much as it may.
	OutOfMemory
	// DiskFull: it could not save what it holds, and takes nothing more; it answers a PING with that, too.
	DiskFull
	// NoReplicas: it has fewer replicas than it wants.
	NoReplicas
)

// Refusals lists every refusal by value.
var Refusals = []Refusal{ReadOnly, OutOfMemory, DiskFull, NoReplicas}

// String names the refusal as orders do.
func (r Refusal) String() string {
	switch r {
	case ReadOnly:
		return "readonly"
	case OutOfMemory:
		return "oom"
	case DiskFull:
		return "disk"
	case NoReplicas:
		return "noreplicas"
	}
	return fmt.Sprintf("refusal(%d)", uint8(r))
}

// MarshalText writes the refusal as String does. Its error wraps [ErrBadFault].
func (r Refusal) MarshalText() ([]byte, error) { return named(r, Refusals) }

// UnmarshalText reads what MarshalText wrote.
func (r *Refusal) UnmarshalText(text []byte) error { return lookUp(r, Refusals, text) }
