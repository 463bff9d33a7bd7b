package main

import (
	"fracture/chaos/meter"
	"fracture/clock"
)

// When what was taken over after a fault was sent and came: the same stages as `fracture run` tells of its trials.

// overlook takes in what nodes told of takeovers since the last look.
func (s *scene) overlook() {
	traces, dropped := s.traces.Take(s.unused)
	for _, t := range traces {
		s.log.Observe(t)
	}
	s.log.Missed(dropped - s.untraced)
	s.unused, s.untraced = traces, dropped
}

// lay lays the course of an incident out, as far as it was seen: nothing of it where nobody knows when the fault was.
func (s *scene) lay(i *incident) {
	if i.guessed() {
		return
	}
	line := s.log.Timeline(s.rec, i.of, i.At, i.At, i.span.Horizon())
	after := func(at clock.Instant, known float64) float64 {
		if at == 0 {
			return known
		}
		return meter.Millis(at.Sub(i.At))
	}
	if line.Signal != 0 {
		i.Signal = line.Signal
	}
	i.Noticed = after(line.Noticed, i.Noticed)
	i.Sent, i.Delivered = after(line.FirstResult, i.Sent), after(line.Delivered, i.Delivered)
}
