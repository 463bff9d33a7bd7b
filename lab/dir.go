package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ErrUnsafeDir: the directory of all clusters belongs to somebody else or is open to others; remove it, or set
// XDG_RUNTIME_DIR to a directory of your own.
var ErrUnsafeDir = errors.New("unsafe directory")

// Dir is a cluster directory: keys, logs and pids of one lab, for its user alone (0700).
type Dir struct{ Path string }

// OpenDir makes a cluster directory for this process, below XDG_RUNTIME_DIR or else the directory for temporary files,
// and removes those whose labs are dead, ending what is left of their nodes.
func OpenDir() (Dir, error) { return openDirIn(baseDir()) }

// baseDir holds the directories of all clusters of this user.
func baseDir() string {
	if runtime := os.Getenv("XDG_RUNTIME_DIR"); runtime != "" {
		return filepath.Join(runtime, "fracture")
	}
	return filepath.Join(os.TempDir(), "fracture-"+strconv.Itoa(os.Getuid()))
}

// Owner is the lab that made the directory.
func (d Dir) Owner() (Proc, error) { return ownerOf(filepath.Base(d.Path)) }

// ownerOf is the lab that made a directory of that name: names begin with its Proc.
func ownerOf(name string) (Proc, error) {
	proc, _, _ := strings.Cut(name, "-")
	return ParseProc(proc)
}

// openAttempts bounds the tries against another lab that ends at the same moment and removes the empty base.
const openAttempts = 3

func openDirIn(base string) (dir Dir, err error) {
	for range openAttempts {
		if dir, err = tryDirIn(base); !errors.Is(err, os.ErrNotExist) {
			break
		}
	}
	return dir, err
}

func tryDirIn(base string) (Dir, error) {
	if err := os.MkdirAll(base, 0o700); err != nil {
		return Dir{}, fmt.Errorf("making the directory of clusters: %w", err)
	}
	info, err := os.Lstat(base)
	if err != nil {
		return Dir{}, fmt.Errorf("looking at the directory of clusters: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(owner.Uid) != os.Getuid() || info.Mode().Perm()&0o077 != 0 {
		return Dir{}, fmt.Errorf("%w: %s must be a directory of uid %d with mode 0700", ErrUnsafeDir, base, os.Getuid())
	}
	if err := sweep(base); err != nil {
		return Dir{}, fmt.Errorf("removing what dead labs left: %w", err)
	}
	path, err := os.MkdirTemp(base, Self().String()+"-*")
	if err != nil {
		return Dir{}, fmt.Errorf("making the cluster directory: %w", err)
	}
	return Dir{Path: path}, nil
}

// Remove deletes the directory with all that is in it.
func (d Dir) Remove() error {
	if err := os.RemoveAll(d.Path); err != nil {
		return fmt.Errorf("removing the cluster directory: %w", err)
	}
	_ = os.Remove(filepath.Dir(d.Path)) // refused where another lab has its directory there, too
	return nil
}
