package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fracture/chaos/scenario"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/telemetry"
	"fracture/tui"
)

// Where recordings are written, and who is told.

// errTooFew: a scenario's cluster has two nodes or more, so of one node nothing can be replayed. Start the lab with more.
var errTooFew = errors.New("a scenario needs two nodes or more, and this lab has one")

// newRecorder makes the recorder of a screen's own cluster, which runs where a file says so.
func newRecorder(cfg watchConfig, s *scene) *recorder {
	home := cfg.control.cfg
	r := &recorder{cluster: scenario.Cluster{Nodes: home.nodes, Zones: home.zones, NetNS: home.network != nil}, file: cfg.record, guard: func() telemetry.Stream {
		if list := s.promised(); len(list) > 0 {
			return list[0].Stream // the picture's
		}
		return telemetry.Stream{Strategy: cfg.options.Strategy, Factor: cfg.options.Factor}
	}}
	if cfg.record != "" {
		r.begin()
	}
	return r
}

// overhear notes how the picture is guarded from now on, whoever has asked for it, and what another than this lab has ordered a node.
func (s *scene) overhear(e *telemetry.Event) {
	if e.Verb == (failover.Effect{Kind: failover.Guard}).Verb() && e.Task.Stream == pictureStream {
		if g, ok := guardTold(e); ok {
			s.recorder.guarded(e.At, g)
		}
	}
	if e.Order != 0 && e.Verb == "fault" && e.Peer != screenName() {
		s.recorder.remark(e.At, "%s, ordered by %s, cannot be replayed; what the control API is asked for can", e.Text, e.Peer)
	}
}

// stateDir is where moments go that are kept, and recordings that nobody has named a file for: below XDG_STATE_HOME, or what stands for it.
func stateDir() (string, error) {
	if state := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "fracture"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no directory for recordings: %w; set XDG_STATE_HOME", err)
	}
	return filepath.Join(home, ".local", "state", "fracture"), nil
}

// freshFile is where a recording of that time goes.
func freshFile(began time.Time) (string, error) { return freshName("recorded", ".yaml", began) }

// freshName is where something of that time goes in the directory of the state: a name that nothing else has there.
func freshName(kind, ending string, at time.Time) (string, error) {
	dir, err := stateDir()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making the directory for it: %w", err)
	}
	for n := 1; ; n++ {
		name := filepath.Join(dir, kind+"-"+at.Format("20060102-150405"))
		if n > 1 {
			name += fmt.Sprintf("-%d", n)
		}
		if _, err := os.Lstat(name + ending); errors.Is(err, os.ErrNotExist) {
			return name + ending, nil
		} else if err != nil {
			return "", fmt.Errorf("naming it: %w", err)
		}
	}
}

// save ends a recording and writes it, whole or not at all. It answers with how to replay it; ok is false where none was under way.
func (r *recorder) save() (replay string, faults int, ok bool, err error) {
	text, faults, wall, ok := r.end()
	if !ok {
		return "", 0, false, nil
	}
	r.mu.Lock()
	file := r.file
	r.file = "" // the next one goes elsewhere
	r.mu.Unlock()
	if file == "" {
		if file, err = freshFile(wall); err != nil {
			return "", faults, true, err
		}
	}
	if err := writeWhole(file, text, 0o644); err != nil { // what was recorded is not lost with its place
		spare, none := freshFile(wall)
		if none == nil {
			none = writeWhole(spare, text, 0o644)
		}
		if none != nil {
			return "", faults, true, errors.Join(err, none)
		}
		return "", faults, true, fmt.Errorf("%w; it is in %s", err, spare)
	}
	return "fracture run " + shellWord(shortPath(file)), faults, true, nil
}

// shortPath is a path as a shell takes it: ~ for the home.
func shortPath(path string) string {
	home, err := os.UserHomeDir()
	if rest, ok := strings.CutPrefix(path, home+"/"); err == nil && ok && home != "" {
		return "~/" + rest
	}
	return path
}

// shellWord quotes a path for a shell, where it has to be.
func shellWord(path string) string {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("~/._-+,:@%", c)
	}
	if strings.IndexFunc(path, func(c rune) bool { return !plain(c) }) < 0 {
		return path
	}
	tilde := ""
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		tilde, path = "~/", rest
	}
	return tilde + "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// Record implements part of tui.Control: it begins a recording, or ends the one that is under way.
func (c labControl) Record(context.Context) (string, error) {
	r := c.recorder
	if c.home.cfg.nodes < 2 {
		return "", errTooFew
	}
	defer func() { c.scene.broker.Recording(r.state()) }()
	if r.begin() {
		c.tell("records what is done; R again ends it")
		return "recording; R again ends it", nil
	}
	replay, faults, ok, err := r.save()
	if err != nil || !ok {
		return "", err
	}
	c.tell(fmt.Sprintf("recorded %s; replay: %s", faultsText(faults), replay))
	c.scene.noteReplay(replay)
	return "recorded " + faultsText(faults) + ": " + replay, nil
}

func faultsText(n int) string {
	if n == 1 {
		return "1 fault"
	}
	return fmt.Sprintf("%d faults", n)
}

// tell tells the log of a recording.
func (c labControl) tell(text string) {
	c.scene.broker.Event(telemetry.Event{Trace: failover.Trace{At: clock.Now(), Node: "lab", Verb: recordVerb}, Text: text})
}

// recordVerb is that of news of a recording.
const recordVerb = "record"

// noteReplay keeps how a recording is replayed, to be told when the screen has gone.
func (s *scene) noteReplay(replay string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replays = append(s.replays, replay)
}

// keepRecording writes the recording that is under way when the screen ends, and tells where all of them are.
func (s *scene) keepRecording(o tui.Options) error {
	replay, _, ok, err := s.recorder.save()
	if ok && err == nil {
		s.noteReplay(replay)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, replay := range s.replays {
		if o.JSON {
			_ = json.NewEncoder(o.Out).Encode(map[string]any{"kind": "recording", "at": time.Now(), "replay": replay}) // as below
		} else {
			_, _ = fmt.Fprintln(o.Out, "recorded; replay: "+replay) // it is written, whoever reads of it
		}
	}
	if err != nil {
		return fmt.Errorf("the recording was not kept: %w", err)
	}
	return nil
}
