package main

import (
	"context"
	_ "embed"
	"fmt"
	"net/netip"
	"os/exec"
	"strconv"
	"time"

	"fracture/chaos/meter"
)

// erlang is a pair of BEAM nodes. The standby monitors the active one's process (erlang:monitor/2) and takes over when it
// is told that the process is down: at once where the connection of the two nodes closes, after net_ticktime where it
// only falls silent. net_ticktime is a number of whole seconds.
func erlang() peer {
	return peer{
		name: "erlang", victim: "worker",
		programs: []program{{"erl", "erlang-base"}, {"erlc", "erlang-base"}, {"epmd", "erlang-base"}},
		faults: []terms{
			{fault: meter.Kill, signal: "the closed connection: DOWN, noconnection", window: time.Second, grace: 4 * time.Second},
			{fault: meter.Freeze, signal: "net_ticktime of 1 s, the smallest there is", window: 2 * time.Second, grace: 4 * time.Second},
		},
		open: openErlang,
	}
}

const beamNodes = 2

//go:embed standby.erl
var standbySource string

func openErlang(ctx context.Context, s *stand, done func(frame uint64)) (system, error) {
	ports, err := freePorts(1 + beamNodes)
	if err != nil {
		return nil, err
	}
	source, err := s.write("standby.erl", standbySource)
	if err != nil {
		return nil, err
	}
	if out, err := exec.CommandContext(ctx, "erlc", "-o", s.dir.Path, source).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("erlc: %w: %s", err, out)
	}
	// The nodes find each other by a daemon of their own, which listens on loopback alone and dies with this process.
	mapper := strconv.Itoa(ports[beamNodes])
	if err := s.serve(ctx, "epmd", loopback(ports[beamNodes]), "epmd", "-port", mapper, "-address", "127.0.0.1"); err != nil {
		return nil, err
	}
	var workers []pairWorker
	for i := range beamNodes {
		w := pairWorker{workerName(i), netip.MustParseAddrPort(loopback(ports[i]))}
		err := s.start(w.name, "ERL_EPMD_PORT="+mapper, "HOME="+s.dir.Path, "erl", "-noinput", "-start_epmd", "false", "-pa", s.dir.Path,
			"-name", w.name+"@127.0.0.1", "-setcookie", fmt.Sprintf("peers-%d", ports[0]),
			"-kernel", "inet_dist_use_interface", "{127,0,0,1}", "net_ticktime", "1",
			"-run", "standby", "start", strconv.Itoa(ports[i]), workerName((i+1)%beamNodes)+"@127.0.0.1")
		if err != nil {
			return nil, err
		}
		workers = append(workers, w)
		// Who starts alone is active; the next must find it so.
		err = s.until(ctx, w.name, func() error {
			if role := askRole(ctx, w.address); role != fmt.Sprintf("active %d", i+1) && role != fmt.Sprintf("standby %d", i+1) {
				return fmt.Errorf("%s: %w", role, errNotYet)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return newPair(workers, 6*time.Second, done)
}
