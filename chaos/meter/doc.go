// Package meter measures, at the sink, how long the work stood still.
//
// A [Recorder] holds when each result of each stream arrived. After a fault it is asked for a [Reading]: the downtime as
// docs/BENCH.md defines it, and beside it two figures that are computed another way. A [Checker] tells whether a result is
// right. A [Log] holds what the nodes told of detections and promotions, for the timeline of the incident and for the
// takeovers that nobody needed. A [Watch] looks at the meter itself and at the machine. A [Trial] joins them, and a [Report] sums trials up,
// judges them against budgets, and prints.
//
// Everything that computes is told the time; only Watch.Run reads a clock. What the package does not do: it breaks
// nothing and starts nothing. Who carries the trials out gives it values.
package meter
