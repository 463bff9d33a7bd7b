package cluster

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// fill takes size bytes of memory from the kernel, in pages of the usual size as the runtime's are, and touches each: it is
// resident then, and the kernel has to free it when the process dies. Nobody gives it back before.
func fill(size int64) ([]byte, error) {
	if size == 0 {
		return nil, nil
	}
	memory, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("taking %d bytes of ballast: %w", size, err)
	}
	_ = unix.Madvise(memory, unix.MADV_NOHUGEPAGE) // a kernel without huge pages refuses it
	for i := 0; i < len(memory); i += unix.Getpagesize() {
		memory[i] = 1
	}
	return memory, nil
}
