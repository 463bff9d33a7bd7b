package sim

import (
	"testing"
	"time"

	"fracture/clock"
)

func TestSkewed_reachesIsTheFirstInstantThatShowsEnough(t *testing.T) {
	for _, c := range []skewed{{}, {offset: time.Hour}, {ppm: maxPPM}, {ppm: -maxPPM}, {offset: 3 * time.Hour, ppm: -137}} {
		for _, at := range []clock.Instant{0, 1, 7, 4_999, 5_000, 5_001, 1e9, 46e9 + 3} {
			shown := c.shows(at)
			for _, ask := range []clock.Instant{shown, shown + 1} {
				got := c.reaches(ask)
				if c.shows(got) < ask || got > 0 && c.shows(got-1) >= ask {
					t.Errorf("%+v: %d is reached at %d, where it shows %d", c, ask, got, c.shows(got))
				}
			}
		}
	}
}

// Instants of different processes mean nothing to each other: a world in which clocks are hours apart is the same to the
// byte as one in which they all show the same.
func TestWorld_offsetsOfClocksChangeNothing(t *testing.T) {
	same, apart := New(Config{skew: skewNone}), New(Config{skew: skewOffsets})
	for seed := range uint64(40) {
		a, b := same.Run(seed), apart.Run(seed)
		if a.Hash != b.Hash {
			t.Errorf("seed %d: trace %x with one time, %x with clocks hours apart", seed, a.Hash, b.Hash)
		}
	}
}
