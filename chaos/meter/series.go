package meter

import (
	"math"
	"math/bits"
	"time"

	"fracture/clock"
)

// Series is how late the results of one stream were all through a run, in bins of equal length by when they were due. The
// slices are as long as each other.
type Series struct {
	Stream string    `json:"stream"`
	From   float64   `json:"from_ms"`  // where the first bin begins, since the run's start
	Width  float64   `json:"bin_ms"`   // of each bin
	Due    []uint32  `json:"due"`      // results that should have come
	Came   []uint32  `json:"came"`     // of those, the ones that did
	P50    []float64 `json:"p50_ms"`   // lateness of those, to an eighth of itself; 0 where none came
	Worst  []float64 `json:"worst_ms"` // lateness of the last of them, exact
}

// Bounds of the memory of a course: 2048 bins of 272 bytes for each stream, however long the run is.
const (
	courseBin  = 100 * time.Millisecond // until there are more bins than fit; then it doubles, as often as it must
	courseBins = 2048
	courseRank = 64 // classes of lateness: four to an octave, from 64 µs to 4 s
)

// course is what one stream's series is made of.
//
// Invariant: bin i is of the results due in [from + i·width, from + (i+1)·width), and there are at most courseBins.
type course struct {
	from  clock.Instant
	width time.Duration
	bins  []courseOf
}

// courseOf is one bin: how many results came, by the class of their lateness, and how late the last was.
type courseOf struct {
	worst time.Duration
	n     uint32
	late  [courseRank]uint32
}

// add takes in a result that was due and came so late. It costs a few ns, and allocates with a new bin alone.
func (c *course) add(due clock.Instant, late time.Duration) {
	if due < c.from {
		return
	}
	late = max(late, 0)
	i := int(due.Sub(c.from) / c.width)
	for i >= courseBins {
		c.fold()
		i /= 2
	}
	for len(c.bins) <= i {
		c.bins = append(c.bins, courseOf{})
	}
	b := &c.bins[i]
	b.n++
	b.late[lateClass(late)]++
	b.worst = max(b.worst, late)
}

// fold joins each two neighbours, which makes bins twice as long.
func (c *course) fold() {
	half := (len(c.bins) + 1) / 2
	for i := range half {
		b := c.bins[2*i]
		if 2*i+1 < len(c.bins) {
			b.join(&c.bins[2*i+1])
		}
		c.bins[i] = b
	}
	clear(c.bins[half:])
	c.bins = c.bins[:half]
	c.width *= 2
}

func (b *courseOf) join(other *courseOf) {
	b.n += other.n
	b.worst = max(b.worst, other.worst)
	for i, n := range other.late {
		b.late[i] += n
	}
}

// lateClass is the class of a lateness: its octave above 64 µs, and the quarter of that.
func lateClass(late time.Duration) int {
	units := uint64(late) >> 14 // of 16.4 µs: four of them are the first class's upper end
	if units < 4 {
		return 0
	}
	octave := bits.Len64(units) - 3 // 0 for 4 to 7
	quarter := int(units>>octave) & 3
	return min(4*octave+quarter+1, courseRank-1)
}

// middle is the middle of a class, by ratio.
func middle(class int) time.Duration {
	if class == 0 {
		return 1 << 15
	}
	octave, quarter := (class-1)/4, (class-1)%4
	low := float64(uint64(4+quarter) << octave << 14)
	return time.Duration(low * math.Sqrt(float64(5+quarter)/float64(4+quarter)))
}

// p50 is the middle of the class of the median.
func (b *courseOf) p50() time.Duration {
	left := (b.n + 1) / 2
	for class, n := range b.late {
		if n >= left && left > 0 {
			return min(middle(class), b.worst)
		}
		left -= n
	}
	return 0
}

// Series tells, stream by stream in the order of Open, how late results were from the first one expected until an instant,
// in a run that began at another. A stream of which nothing was due until then is left out.
func (r *Recorder) Series(began, until clock.Instant) (all []Series) {
	for _, f := range r.flows {
		c := &f.course
		s := Series{Stream: f.Name, From: Millis(c.from.Sub(began)), Width: Millis(c.width)}
		for i := 0; i < courseBins; i++ {
			begin := c.from.Add(time.Duration(i) * c.width)
			if begin > until {
				break
			}
			due := f.dueBy(min(begin.Add(c.width)-1, until)) - f.dueBy(begin-1)
			var b courseOf
			if i < len(c.bins) {
				b = c.bins[i]
			}
			s.Due = append(s.Due, uint32(min(due, math.MaxUint32)))
			s.Came = append(s.Came, uint32(min(due, uint64(b.n))))
			s.P50 = append(s.P50, math.Round(100*Millis(b.p50()))/100)
			s.Worst = append(s.Worst, math.Round(100*Millis(b.worst))/100)
		}
		if len(s.Due) > 0 {
			all = append(all, s)
		}
	}
	return all
}
