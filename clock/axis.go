package clock

import (
	"hash/fnv"
	"os"
)

// Axis names the axis that this process's instants lie on: two processes with the same one may compare their instants. It
// follows from the boot of the host and from the process's time namespace (time_namespaces(7)); 0 where the system does
// not tell the boot, and then no other process shares it.
func Axis() uint64 {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil || len(boot) == 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write(boot) // a hash never fails
	if space, err := os.Readlink("/proc/self/ns/time"); err == nil {
		_, _ = h.Write([]byte(space))
	}
	return max(h.Sum64(), 1)
}
