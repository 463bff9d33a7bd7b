package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"
)

// Logs lie in the cluster directory, which as a rule is memory. They are bounded by losing their older half.

// LogBound is how long a log may grow, in bytes. One that is longer is cut when a child is started, and once a minute.
const LogBound = 1 << 20

// trimEvery is the time between two looks at how long the logs of the children are.
const trimEvery = time.Minute

// dropped stands where lines were cut off.
const dropped = "(earlier lines were dropped)\n"

// trimLog cuts a log of more than bound bytes down to its last half, from the beginning of a line. Whoever writes to it goes
// on at its end, for logs are opened to be appended to; what is written during the cut may be lost.
func trimLog(path string, bound int64) error {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && info.Size() <= bound {
		return nil
	}
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	rest := make([]byte, bound/2)
	n, err := file.ReadAt(rest, info.Size()-int64(len(rest)))
	if err == nil {
		rest = rest[:n]
		rest = rest[bytes.IndexByte(rest, '\n')+1:]
		err = file.Truncate(0)
	}
	if err == nil {
		_, err = file.Write(append([]byte(dropped), rest...))
	}
	return errors.Join(err, file.Close())
}

// Log is a file that this process logs to, bounded by [LogBound]. One goroutine at a time may write, as slog's handlers do.
type Log struct {
	path  string
	file  *os.File
	since int64 // bytes written since the bound was looked at
}

// OpenLog opens a log for appending; it is made where it does not exist.
func OpenLog(path string) (*Log, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening a log: %w", err)
	}
	return &Log{path: path, file: file}, nil
}

// Write implements io.Writer. The bound is passed by an eighth at most, or by one line.
func (l *Log) Write(line []byte) (int, error) {
	n, err := l.file.Write(line)
	if l.since += int64(n); err == nil && l.since > LogBound/8 {
		l.since = 0
		err = trimLog(l.path, LogBound)
	}
	return n, err
}

// Close implements io.Closer.
func (l *Log) Close() error { return l.file.Close() }
