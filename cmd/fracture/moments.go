package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"fracture/render"
	"fracture/tui"
)

// keeper writes moments of a screen.
type keeper struct{}

// Keep implements part of tui.Control: a directory of its own for each moment, whole or not at all.
func (keeper) Keep(_ context.Context, m *tui.Moment) (told string, err error) {
	dir, err := freshName("moment", "", m.At)
	if err != nil {
		return "", err
	}
	files := map[string][]byte{"screen.ansi": []byte(m.ANSI), "screen.txt": []byte(m.Text), "moment.json": m.State}
	screen, err := m.Shot()
	if err != nil {
		return "", err
	}
	for name, pic := range map[string]*render.Picture{"screen.png": screen, "picture.png": m.Picture} {
		if pic == nil {
			continue
		}
		if files[name], err = render.EncodePNG(pic); err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
	}
	draft, err := os.MkdirTemp(filepath.Dir(dir), ".moment-*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(draft))
		}
	}()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(draft, name), content, 0o600); err != nil {
			return "", err
		}
	}
	for err = os.Rename(draft, dir); errors.Is(err, os.ErrExist); err = os.Rename(draft, dir) { // another was kept in this second
		if dir, err = freshName("moment", "", m.At); err != nil {
			return "", err
		}
	}
	return "kept in " + shortPath(dir), err
}
