package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The errors of looking for a lab.
var (
	// ErrNoLab: no lab of this user runs here; start one, or name a cluster directory.
	ErrNoLab = errors.New("no running lab found; start one with `fracture lab`")
	// ErrManyLabs: several labs of this user run here; name the cluster directory of one. The text lists them.
	ErrManyLabs = errors.New("several labs run")
)

// FindDir is the cluster directory of the one lab of this user that runs on this host.
func FindDir() (Dir, error) {
	entries, err := os.ReadDir(baseDir())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return Dir{}, fmt.Errorf("looking for running labs: %w", err)
	}
	var found []string
	for _, entry := range entries {
		if owner, err := ownerOf(entry.Name()); err == nil && owner.Alive() {
			found = append(found, filepath.Join(baseDir(), entry.Name()))
		}
	}
	switch len(found) {
	case 0:
		return Dir{}, ErrNoLab
	case 1:
		return Dir{Path: found[0]}, nil
	}
	return Dir{}, fmt.Errorf("%w: %s", ErrManyLabs, strings.Join(found, ", "))
}
