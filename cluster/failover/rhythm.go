package failover

import "time"

// rhythm learns how long something usually takes, for the sake of noticing when it takes too long. It remembers the
// longest case of late: a longer one replaces it at once, shorter ones let it fade by 1/fading each, so some seven hundred
// ordinary cases after an outlier, which is two seconds of beats, the outlier is half forgotten.
//
// A peak, not a mean and deviation (Jacobson 1988), because the costs are lopsided: a takeover too early disturbs a
// healthy cluster just when it is busy, one too late costs a few milliseconds once.
type rhythm struct{ peak time.Duration }

// fading is how slowly an outlier is forgotten, in ordinary cases.
const fading = 1024

// observe learns one case, none counted longer than ceiling: one freeze of a minute must not deafen the next hour.
func (r *rhythm) observe(d, ceiling time.Duration) {
	d = min(d, ceiling)
	if d >= r.peak {
		r.peak = d
		return
	}
	r.peak -= (r.peak - d) / fading
}
