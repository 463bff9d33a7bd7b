package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"fracture/chaos/meter"
)

// oursName is the name of our own row.
const oursName = "fracture"

// measureOurs runs `fracture run` for each fault that it knows, on the same machine, in the same hour, and returns its
// reports. Its load is idle, for the peers' workers do not compute either.
func measureOurs(ctx context.Context, o options, say io.Writer) (reports []meter.Report, err error) {
	binary := o.fracture
	if binary == "" {
		binary = defaultBinary()
	}
	help, err := exec.CommandContext(ctx, binary, "run", "--help").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w; `make build` makes it", binary, err)
	}
	for _, fault := range o.faults {
		args := []string{"run", "--role", "owner", "--load", "idle", "--json", "--trials", fmt.Sprint(o.trials),
			"--controls", fmt.Sprint(o.controls), "--calm", o.calm.String(), "--seed", fmt.Sprint(o.seed)}
		switch {
		case bytes.Contains(help, []byte("--fault")):
			args = append(args, "--fault", string(fault))
		case fault != meter.Kill:
			return reports, fmt.Errorf("this build of fracture run knows no --fault %s", fault)
		}
		_, _ = fmt.Fprintf(say, "%s: %s\n", oursName, strings.Join(args, " "))
		r, err := runOurs(ctx, binary, args, say)
		if err != nil {
			return reports, err
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// runOurs runs the program and reads its report. A verdict is no error: only that there is no report is one.
func runOurs(ctx context.Context, binary string, args []string, say io.Writer) (r meter.Report, err error) {
	cmd := exec.CommandContext(ctx, binary, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, say
	// An interrupt ends it in order: it then prints what it has, and leaves no node. It does not outlive this process
	// either, whose thread must therefore stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 20 * time.Second
	runErr := cmd.Run()
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return r, errors.Join(fmt.Errorf("reading the report of %s: %w", binary, err), runErr)
	}
	return r, nil
}
