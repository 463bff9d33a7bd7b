package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"fracture/chaos"
)

// networkFlags are those of inject that say how messages and bytes fare.
type networkFlags struct {
	jitter       time.Duration
	distribution string
	rate         string
	size         string
	vary         string
	bytes        string
	timeout      time.Duration
}

// networkFlagNames are what they are called.
var networkFlagNames = []string{"jitter", "distribution", "rate", "size", "vary", "bytes", "timeout"}

func (n *networkFlags) register(flags *pflag.FlagSet) {
	flags.DurationVar(&n.jitter, "jitter", 0, "how far from --by")
	flags.StringVar(&n.distribution, "distribution", "", "of the jitter: uniform, normal, pareto; none: uniform")
	flags.StringVar(&n.rate, "rate", "", "how many bytes a second pass, or are garbage, such as 64KB/s")
	flags.StringVar(&n.size, "size", "", "of a piece on average, such as 100B or 1KiB")
	flags.StringVar(&n.vary, "vary", "", "by how much a piece is larger or smaller")
	flags.StringVar(&n.bytes, "bytes", "", "after how many a link closes, or how many are held, such as 1MiB")
	flags.DurationVar(&n.timeout, "timeout", 0, "how long a link stands: then it closes, or breaks")
}

// fault reads them into a fault.
func (n *networkFlags) fault(f chaos.Fault) (chaos.Fault, error) {
	f.Jitter, f.Timeout = n.jitter, n.timeout
	if n.distribution != "" {
		if err := f.Distribution.UnmarshalText([]byte(n.distribution)); err != nil {
			return f, fmt.Errorf("--distribution: %w", err)
		}
	}
	for _, flag := range []struct {
		name, text string
		into       *uint64
	}{{"rate", strings.TrimSuffix(n.rate, "/s"), &f.Rate}, {"size", n.size, &f.Size}, {"vary", n.vary, &f.Vary}, {"bytes", n.bytes, &f.Bytes}} {
		if flag.text == "" {
			continue
		}
		var err error
		if *flag.into, err = parseSize(flag.text); err != nil {
			return f, fmt.Errorf("--%s %w", flag.name, err)
		}
	}
	return f, nil
}

// parseSize reads a number of bytes, such as 512B, 64KB or 1.5MiB.
func parseSize(text string) (uint64, error) {
	if size, ok := bytesIn(text); ok && size >= 1 && size <= chaos.MaxBytes {
		return uint64(size), nil
	}
	return 0, fmt.Errorf("%q: want whole bytes with their unit, such as 512B, 64KB, 64KiB or 1MiB", text)
}

// parseShare reads 20% or 0.2, or which messages a fault concerns, such as every(7).
func parseShare(f chaos.Fault, text string) (chaos.Fault, error) {
	if strings.Contains(text, "(") {
		f, err := f.Of(text)
		if err != nil {
			return f, fmt.Errorf("--share: %w", err)
		}
		return f, nil
	}
	share, ok := shareIn(text)
	if !ok || share == 0 || share > 1 {
		return f, fmt.Errorf("--share %q: want a share above 0 and at most 1, such as 20%% or 0.2, or which, such as every(7)", text)
	}
	f.Share = share
	return f, nil
}
