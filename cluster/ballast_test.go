package cluster

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestFill_isResident(t *testing.T) {
	const size = 64 << 20 // far more than what else changes meanwhile
	before := residentBytes()
	memory, err := fill(size)
	if err != nil {
		t.Fatal(err)
	}
	if grown := residentBytes() - before; grown < size*3/4 {
		t.Errorf("the process grew by %d bytes, want the %d that were filled", grown, size)
	}
	if err := unix.Munmap(memory); err != nil {
		t.Fatal(err)
	}
	if memory, err := fill(0); err != nil || memory != nil {
		t.Errorf("fill(0) = %d bytes, %v; want none", len(memory), err)
	}
	if _, err := fill(1 << 62); err == nil {
		t.Error("fill of more than there is = nil, want an error")
	}
}
