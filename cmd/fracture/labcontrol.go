package main

import (
	"context"
	"errors"

	"fracture/clock"
	"fracture/control"
	"fracture/tui"
	"fracture/work"
)

// labControl is the control of a screen whose nodes are this process's own. What it does is recorded.
type labControl struct {
	home     *home
	guardian *guardian
	breaker  *breaker
	scene    *scene
	recorder *recorder
	monkey   *monkey
	*viewer
	healer
	keeper
}

// Monkey implements part of tui.Control.
func (c labControl) Monkey(_ context.Context, loose bool) error {
	c.monkey.let(loose)
	return nil
}

// Kill implements part of tui.Control: it ends a node as kill -9 does.
func (c labControl) Kill(ctx context.Context, node string, sure bool) error {
	return c.breakOne("kill", node, sure, func() error { return c.home.Kill(ctx, node) })
}

// Freeze implements part of tui.Control.
func (c labControl) Freeze(ctx context.Context, node string, sure bool) error {
	return c.breakOne("freeze", node, sure, func() error { return c.home.Freeze(ctx, node) })
}

// Inject implements part of tui.Control. What stands is listed, and recorded, as what a request has begun.
func (c labControl) Inject(ctx context.Context, arguments []string, sure bool) (tui.Heal, error) {
	if sure {
		arguments = append(arguments, "--"+control.YesBreakIt)
	}
	heal, err := c.scene.inject(ctx, arguments)
	if last := (*control.LastError)(nil); errors.As(err, &last) {
		return nil, &tui.Doubt{Why: last.Why}
	}
	return heal, err
}

// breakOne breaks a node, unless it is the last one and nobody is sure.
func (c labControl) breakOne(kind, node string, sure bool, do func() error) error {
	at := clock.Now()
	last := c.breaker.isLast(node)
	if last != nil && !sure {
		return &tui.Doubt{Why: last.Why}
	}
	err := do()
	if err == nil {
		c.recorder.key(at, kind, node, last != nil)
	}
	return err
}

// Thaw implements part of tui.Control.
func (c labControl) Thaw(ctx context.Context, node string) error {
	return c.mend("thaw", node, func() error { return c.home.Thaw(ctx, node) })
}

// Revive implements part of tui.Control.
func (c labControl) Revive(ctx context.Context, node string) error {
	return c.mend("start", node, func() error { return c.home.Revive(ctx, node) })
}

func (c labControl) mend(how, node string, do func() error) error {
	at := clock.Now()
	err := do()
	if err == nil {
		c.recorder.mended(at, how, node)
	}
	return err
}

// Guard implements part of tui.Control.
func (c labControl) Guard(ctx context.Context, strategy work.Strategy, factor uint8) (string, error) {
	told, err := c.guardian.Guard(ctx, strategy, factor)
	if err == nil {
		c.recorder.guarded(clock.Now(), guardOf(strategy, int(factor)))
	}
	return told, err
}
