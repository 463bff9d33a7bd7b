package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// A lab that is killed cannot remove its directory, and the keys in it. Whoever outlives it does.

// SweepAfter waits until the lab that made a cluster directory has ended, and removes the directory then, if the lab has not.
// It is for a process beside the lab, in a session of its own: what ends the lab is not to end that, too.
func SweepAfter(ctx context.Context, path string) error { return sweepAfter(ctx, baseDir(), path) }

// How often, and for how long, sweeping is tried: what is left of the nodes may write for a moment yet.
const (
	sweepAgain = 100 * time.Millisecond
	sweepTries = 50
)

func sweepAfter(ctx context.Context, base, path string) error {
	owner, err := ownerOf(filepath.Base(path))
	if err != nil || filepath.Dir(path) != base {
		return fmt.Errorf("%s: not a cluster directory below %s", path, base)
	}
	if err := WatchParent(ctx, owner.String()); !errors.Is(err, ErrOrphaned) {
		return err
	}
	for range sweepTries {
		endOrphans(filepath.Join(path, pidsDir))
		if err = (Dir{Path: path}).Remove(); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(sweepAgain):
		}
	}
	return err
}

// Leftovers lists the cluster directories of this user whose labs are dead. Where nobody swept behind a lab that was killed
// its keys lie there until [OpenDir] makes the next one.
func Leftovers() ([]string, error) { return leftoversIn(baseDir()) }

func leftoversIn(base string) ([]string, error) {
	entries, err := os.ReadDir(base)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var left []string
	for _, entry := range entries {
		if lab, err := ownerOf(entry.Name()); err == nil && !lab.Alive() {
			left = append(left, filepath.Join(base, entry.Name()))
		}
	}
	return left, err
}

// sweep removes the cluster directories whose labs are dead.
func sweep(base string) error {
	left, err := leftoversIn(base)
	if err != nil {
		return err
	}
	for _, path := range left {
		endOrphans(filepath.Join(path, pidsDir))
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// endOrphans kills what a dead lab noted as its children and the kernel did not end with it.
func endOrphans(pids string) {
	entries, _ := os.ReadDir(pids) // a lab that died early noted nothing
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(pids, entry.Name()))
		if err != nil {
			continue
		}
		orphan, err := ParseProc(string(text))
		if err != nil {
			continue
		}
		_ = orphan.Signal(syscall.SIGKILL) // ErrGone is what we hope for
	}
}
