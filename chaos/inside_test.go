package chaos

import (
	"testing"
	"time"
)

func TestFault_shiftsAClock(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		fault             Fault
		stood, by, jumpIn time.Duration
	}{
		{Fault{Kind: Skew, By: -50 * ms}, 0, -50 * ms, 0},
		{Fault{Kind: Skew, By: -50 * ms}, time.Hour, -50 * ms, 0},
		{Fault{Kind: Jump, By: 50 * ms}, 0, 50 * ms, 0},
		{Fault{Kind: Jump, By: 50 * ms}, 100 * ms, 40 * ms, 0},
		{Fault{Kind: Jump, By: 50 * ms}, time.Hour, 0, 0},
		{Fault{Kind: Jump, By: -50 * ms}, 100 * ms, -40 * ms, 0},
		{Fault{Kind: Jump, By: -50 * ms}, time.Second, 0, 0},
		{Fault{Kind: Strobe, By: 50 * ms, Period: 10 * ms}, 0, 50 * ms, 10 * ms},
		{Fault{Kind: Strobe, By: 50 * ms, Period: 10 * ms}, 9 * ms, 50 * ms, ms},
		{Fault{Kind: Strobe, By: 50 * ms, Period: 10 * ms}, 10 * ms, 0, 10 * ms},
		{Fault{Kind: Strobe, By: 50 * ms, Period: 10 * ms}, 25 * ms, 50 * ms, 5 * ms},
		{Fault{Kind: Delay, Share: 1, By: 50 * ms}, 0, 0, 0},
	} {
		if by, jumps := tt.fault.Shift(tt.stood); by != tt.by || jumps != tt.jumpIn {
			t.Errorf("%v after %v: the clock is off by %v and jumps in %v, want %v and %v", tt.fault, tt.stood, by, jumps, tt.by, tt.jumpIn)
		}
	}
}
