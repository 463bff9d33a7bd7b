package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const smaps = `00400000-0118a000 r-xp 00000000 fe:00 1234   /opt/my lab/fracture
Size:              13864 kB
Anonymous:             0 kB
0118a000-01f4b000 r--p 00d8a000 fe:00 1234   /opt/my lab/fracture
Anonymous:             4 kB
01f4b000-02045000 rw-p 01b4b000 fe:00 1234   /opt/my lab/fracture
Anonymous:             0 kB
02045000-042b4000 r--p 00000000 00:00 0
Anonymous:             0 kB
7f0000000000-7f0000100000 r--s 00000000 fe:00 1234   /opt/my lab/fracture
Anonymous:             0 kB
7f0000200000-7f0000300000 r--p 00000000 fe:00 9   /usr/lib/libc.so.6
Anonymous:             0 kB
7f0000400000-7f0000500000 r--p 00000000 fe:00 1234   /opt/my lab/fracture
Size:               1024 kB
Anonymous:             0 kB
VmFlags: rd mr mw me
`

func TestUntouched_findsWhatIsAsTheFileHasIt(t *testing.T) {
	got := untouched(bufio.NewScanner(strings.NewReader(smaps)), "/opt/my lab/fracture")
	want := []span{{0x400000, 0x118a000}, {0x7f0000400000, 0x7f0000500000}}
	if !slices.Equal(got, want) {
		t.Errorf("untouched = %#x, want %#x: what differs, may be written or shared, or is of no file or another, stays", got, want)
	}
}

// sumOf sums up what stands in this process's memory.
func sumOf(t *testing.T, s span) [sha256.Size]byte {
	t.Helper()
	memory, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = memory.Close() }()
	content := make([]byte, s.to-s.from)
	if _, err := memory.ReadAt(content, int64(s.from)); err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(content)
}

func TestUntouchedProgram_comesBackAsItWas(t *testing.T) {
	spans := untouchedProgram()
	if len(spans) == 0 {
		t.Fatal("nothing of this program is as its file has it")
	}
	for _, s := range spans {
		before := sumOf(t, s)
		if _, _, errno := unix.RawSyscall(unix.SYS_MADVISE, s.from, s.to-s.from, unix.MADV_DONTNEED); errno != 0 {
			t.Fatalf("dropping %#x: %v", s, errno)
		}
		if sumOf(t, s) != before {
			t.Errorf("what is at %#x changed by being dropped", s)
		}
	}
}

func TestStaySlim_endsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := staySlim(ctx); err != nil {
		t.Errorf("staySlim = %v, want nil", err)
	}
}
