package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// canWrite tells, before anything is measured, whether [writeWhole] will be able to write a file that a flag names; there is
// nothing to write where it names none.
func canWrite(flag, path string) error {
	if path == "" {
		return nil
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		if info.IsDir() {
			return fmt.Errorf("%s %s is a directory: name a file in it", flag, path)
		}
		return nil // a device or a pipe, written as it stands
	}
	probe, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	var reason *fs.PathError
	if errors.As(err, &reason) {
		return fmt.Errorf("%s %s cannot be written: %s: %w", flag, path, filepath.Dir(path), reason.Err)
	}
	if err != nil {
		return fmt.Errorf("%s %s cannot be written: %w", flag, path, err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// drawUp writes a file that a flag names, as write has it; there is nothing to write where it names none.
func drawUp(path string, write func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return fmt.Errorf("draw up %s: %w", path, err)
	}
	return writeWhole(path, b.Bytes(), 0o644)
}

// writeWhole writes a file that is either there as a whole or as it was before: into a neighbour first, then renamed. What is
// there and no file, such as /dev/stderr, is written as it stands.
func writeWhole(path string, content []byte, mode os.FileMode) (err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return os.WriteFile(path, content, mode)
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(mode), file.Close())
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
