package store

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

var (
	// ErrExposed: others may enter the socket's directory; choose another, or take their rights away (chmod 700).
	ErrExposed = errors.New("others may enter the directory of the store's socket")
	// ErrInUse: another store answers at the socket; choose another path, or end that store.
	ErrInUse = errors.New("another store has this socket")
	// ErrPath: no socket can be made at this path; choose another.
	ErrPath = errors.New("no path for a socket")
)

// maxSocketPath is what the kernel allows the path of a unix socket, in bytes, less its closing zero (unix(7): 108 on
// Linux, 104 elsewhere).
const maxSocketPath = 103

// Listen makes the unix socket by which others on this host reach an [Embedded] store: mode 0600, in a directory of mode
// 0700, made where it does not exist. A socket that a killed store left behind is replaced. The socket's file goes when
// the listener is closed.
func Listen(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("%w: %s is longer than %d bytes", ErrPath, path, maxSocketPath)
	}
	if err := privateDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("making the store's socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("guarding the store's socket: %w", err), listener.Close())
	}
	return listener, nil
}

func privateDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making the directory of the store's socket: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("looking at the directory of the store's socket: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%w: %s is no directory", ErrPath, dir)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%w: %s has mode %04o, want 0700", ErrExposed, dir, info.Mode().Perm())
	}
	return nil
}

// removeStale makes way for a socket at path, where there is one that nobody answers at.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for the store's socket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%w: %s is there, and is no socket", ErrPath, path)
	}
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		_ = conn.Close()
		return fmt.Errorf("%w: %s", ErrInUse, path)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("removing the store's old socket: %w", err)
	}
	return nil
}
