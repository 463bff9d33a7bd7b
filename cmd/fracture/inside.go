package main

import (
	"time"

	"github.com/spf13/pflag"
)

// insideFlags are those of inject that say what goes wrong inside a node's process.
type insideFlags struct {
	period time.Duration
	cores  uint
}

// insideFlagNames are what they are called.
var insideFlagNames = []string{"period", "cores"}

func (i *insideFlags) register(flags *pflag.FlagSet) {
	flags.DurationVar(&i.period, "period", 0, "between two jumps of a clock")
	flags.UintVar(&i.cores, "cores", 0, "how many threads burn processor time")
}
