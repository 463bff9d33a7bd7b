package telemetry

import (
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Histogram keeps durations of a microsecond to a minute at three digits, in about 100 KiB however many there are. A
// longer one counts as a minute. One goroutine owns it.
type Histogram struct {
	hdr  *hdrhistogram.Histogram
	last time.Duration
}

// Summary is a histogram in the figures that a person reads, in ms.
type Summary struct {
	N    int64   `json:"n"`
	Last float64 `json:"last"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// Bin is one bar: how many values lie in [From, To).
type Bin struct {
	From, To time.Duration
	N        int64
}

// NewHistogram makes an empty histogram.
func NewHistogram() *Histogram {
	return &Histogram{hdr: hdrhistogram.New(1, time.Minute.Microseconds(), 3)}
}

// Record adds a duration.
func (h *Histogram) Record(d time.Duration) {
	h.last = d
	us := min(max(d.Microseconds(), 0), time.Minute.Microseconds())
	if err := h.hdr.RecordValue(us); err != nil {
		panic("telemetry: a value within the histogram's range was refused: " + err.Error())
	}
}

// Summary sums the histogram up; an empty one gives zeros.
func (h *Histogram) Summary() Summary {
	at := func(q float64) float64 { return float64(h.hdr.ValueAtQuantile(q)) / 1e3 }
	return Summary{
		N:    h.hdr.TotalCount(),
		Last: math.Round(float64(h.last)/1e3) / 1e3,
		P50:  at(50),
		P90:  at(90),
		P99:  at(99),
		Max:  float64(h.hdr.Max()) / 1e3,
	}
}

// Bins appends n bars whose bounds double from first: [0, first), [first, 2·first) and so on; the last takes the rest.
func (h *Histogram) Bins(first time.Duration, n int, buf []Bin) []Bin {
	if n < 1 || first <= 0 {
		return buf
	}
	begin := len(buf)
	from, to := time.Duration(0), first
	for range n {
		buf = append(buf, Bin{From: from, To: to})
		from, to = to, 2*to
	}
	bins := buf[begin:]
	bins[n-1].To = math.MaxInt64
	for _, bar := range h.hdr.Distribution() {
		if bar.Count == 0 {
			continue
		}
		value := time.Duration(bar.From) * time.Microsecond
		for i := range bins {
			if value < bins[i].To {
				bins[i].N += bar.Count
				break
			}
		}
	}
	return buf
}

// Reset empties the histogram.
func (h *Histogram) Reset() {
	h.hdr.Reset()
	h.last = 0
}
