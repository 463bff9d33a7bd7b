package main

import (
	"math"
	"strconv"
	"strings"
)

// How values with a unit are spelled on the command line, and so in scenarios and requests.

// byteUnits are the units of a number of bytes, no one behind another that it ends with.
var byteUnits = []struct {
	name  string
	bytes float64
}{
	{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"kB", 1e3}, {"B", 1},
}

// bytesIn reads a number of whole bytes behind which its unit stands, such as 512B, 64KB or 1.5MiB; false where it is none.
func bytesIn(text string) (bytes float64, ok bool) {
	for _, unit := range byteUnits {
		number, found := strings.CutSuffix(text, unit.name)
		if !found {
			continue
		}
		number = strings.TrimSpace(number)
		n, err := strconv.ParseFloat(number, 64)
		bytes = n * unit.bytes
		return bytes, err == nil && strings.Trim(number, "0123456789.") == "" && bytes == math.Trunc(bytes)
	}
	return 0, false
}

// shareIn reads a share, 20% or 0.2; false where it is no number, or below 0.
func shareIn(text string) (share float64, ok bool) {
	number, percent := strings.CutSuffix(text, "%")
	share, err := strconv.ParseFloat(number, 64)
	if percent {
		share /= 100
	}
	return share, err == nil && share >= 0 && !math.IsInf(share, 0)
}
