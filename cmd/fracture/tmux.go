package main

import (
	"context"
	"errors"
)

func runInTmux(ctx context.Context, f labFlags) error { return errors.New("tmux") }
