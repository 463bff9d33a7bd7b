package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Errors of a report's directory. The text names the path; name another one.
var (
	ErrFile    = errors.New("is a file: name a directory, or a file that ends in .json for the one object alone")
	ErrForeign = errors.New("is no part of a report: name a new or an empty directory, or one that holds a report")
	ErrClosed  = errors.New("cannot be written")
)

// draft is how the directory begins in which a report is put together, inside the one that it is for: so it lies on the same
// file system, and nothing beside that one is touched.
const draft = ".report-"

// Check tells, before anything is measured, whether [Write] will be able to write a report to a directory. It leaves nothing
// behind.
func Check(dir string) error {
	found := dir
	for { // the nearest that there is
		info, err := os.Stat(found)
		if err == nil && !info.IsDir() {
			return fmt.Errorf("%s %w", found, ErrFile)
		}
		if err == nil {
			break
		}
		above := filepath.Dir(found)
		if above != found && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)) {
			found = above
			continue
		}
		return fmt.Errorf("%s %w: %w", dir, ErrClosed, reason(err))
	}
	if found == dir {
		if err := onlyReport(dir); err != nil {
			return err
		}
	}
	probe, err := os.MkdirTemp(found, draft)
	if err != nil {
		return fmt.Errorf("%s %w: %s: %w", dir, ErrClosed, found, reason(err))
	}
	return os.Remove(probe)
}

// reason is what the system said, without the path.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// onlyReport refuses a directory that holds what no report does.
func onlyReport(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("%s %w: %w", dir, ErrClosed, reason(err))
	}
	for _, e := range entries {
		if e.IsDir() != strings.HasPrefix(e.Name(), draft) || !e.IsDir() && !slices.Contains(names, e.Name()) {
			return fmt.Errorf("%s in %s %w", e.Name(), dir, ErrForeign)
		}
	}
	return nil
}

// Write puts a report into a directory, which it makes where there is none (0755). One that is there is replaced: all files are
// written beside it first, in full, and then take their places; report.json is the last to. What the new report does not have is
// removed, and so are drafts that someone left who was killed.
func Write(dir string, files []File) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("%s %w: %w", dir, ErrClosed, reason(err))
	}
	if err := onlyReport(dir); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(escape(dir), draft+"*"))
	if err != nil {
		return err
	}
	for _, leftover := range old {
		if err := os.RemoveAll(leftover); err != nil {
			return err
		}
	}
	fresh, err := os.MkdirTemp(dir, draft)
	if err != nil {
		return fmt.Errorf("%s %w: %w", dir, ErrClosed, reason(err))
	}
	defer func() { err = errors.Join(err, os.RemoveAll(fresh)) }()
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(fresh, f.Name), f.Content, 0o644); err != nil {
			return err
		}
	}
	for _, name := range names {
		if slices.ContainsFunc(files, func(f File) bool { return f.Name == name }) {
			err = os.Rename(filepath.Join(fresh, name), filepath.Join(dir, name))
		} else if err = os.Remove(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// escape makes a pattern that matches a path alone.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
