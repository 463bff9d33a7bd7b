package chaos

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// goodOrder has something of everything that can stand.
func goodOrder() Order {
	return Order{ID: 7, Lease: Lease(time.Second), Stand: []Standing{
		{Rule: 1, Site: Link, Fault: Fault{Kind: Cut}},
		{Rule: 2, Site: Beat, Fault: Fault{Kind: Loss, Share: 0.2}, Peer: "n2", Inward: true},
		{Rule: 3, Site: Link, Fault: Fault{Kind: Reset}, Peer: "n2"},
		{Rule: 4, Site: Link, Fault: Fault{Kind: Delay, Share: 1, By: time.Millisecond}},
		{Rule: 5, Site: Work, Fault: Fault{Kind: Slow, Times: 10}},
		{Rule: 6, Site: Work, Fault: Fault{Kind: Wrong, Share: 0.5}},
		{Rule: 7, Site: Gossip, Fault: Fault{Kind: Cut}},
		{Rule: 8, Site: Work, Fault: Fault{Kind: Fail, Terms: `2*off->5%return("boom")`}},
		{Rule: 9, Site: Link, Fault: Fault{Kind: Delay, Share: 1, By: 20 * time.Millisecond, Jitter: 5 * time.Millisecond, Distribution: Pareto}},
		{Rule: 10, Site: Beat, Fault: Fault{Kind: Loss, Share: 1, Every: 100, Burst: 3}},
		{Rule: 11, Site: Link, Fault: Fault{Kind: Corrupt, Share: 0.5, Every: 7, Burst: 1}},
		{Rule: 12, Site: Link, Fault: Fault{Kind: Bandwidth, Rate: 64_000}},
		{Rule: 13, Site: Link, Fault: Fault{Kind: Slicer, Size: 100, Vary: 20, By: time.Millisecond}, Inward: true},
		{Rule: 14, Site: Link, Fault: Fault{Kind: LimitData, Bytes: 1 << 20}},
		{Rule: 15, Site: Link, Fault: Fault{Kind: SlowClose, By: time.Second}},
		{Rule: 16, Site: Link, Fault: Fault{Kind: Blackhole, Timeout: time.Second}, Peer: "n2"},
		{Rule: 17, Site: Beat, Fault: Fault{Kind: Blackhole}, Peer: "n2"},
		{Rule: 18, Site: Link, Fault: Fault{Kind: Reset, Timeout: time.Second}},
		{Rule: 19, Site: Store, Fault: Fault{Kind: Deny, Share: 1, Refusal: OutOfMemory}},
		{Rule: 20, Site: Store, Fault: Fault{Kind: Delay, Share: 1, By: time.Millisecond, Writes: true}},
		{Rule: 21, Site: Loop, Fault: Fault{Kind: Wedge}},
		{Rule: 22, Site: Loop, Fault: Fault{Kind: Skew, By: -50 * time.Millisecond}},
		{Rule: 23, Site: Loop, Fault: Fault{Kind: Jump, By: time.Second}},
		{Rule: 24, Site: Loop, Fault: Fault{Kind: Strobe, By: 50 * time.Millisecond, Period: 10 * time.Millisecond}},
		{Rule: 25, Site: Resource, Fault: Fault{Kind: Stress, Cores: 2}},
		{Rule: 26, Site: Resource, Fault: Fault{Kind: Ballast, Bytes: 64 << 20}},
		{Rule: 27, Site: Resource, Fault: Fault{Kind: GC, Rate: 200_000_000}},
	}}
}

func TestOrder_isReadAsItWasWritten(t *testing.T) {
	for _, want := range []Order{goodOrder(), {}, {ID: 3}} {
		text, err := want.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseOrder(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is read as %+v, %v; want %+v", text, got, err, want)
		}
	}
}

func TestOrder_refusesWhatNoNodeCanObey(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                "",
		"no object":              "[]",
		"two orders":             `{"id":1}{"id":2}`,
		"an unknown field":       `{"id":1,"until":"1s"}`,
		"an unknown kind":        `{"id":1,"lease":"1s","stand":[{"site":"link","fault":{"kind":"melt"}}]}`,
		"an unknown site":        `{"id":1,"lease":"1s","stand":[{"site":"roof","fault":{"kind":"cut"}}]}`,
		"faults without a lease": `{"id":1,"stand":[{"site":"link","fault":{"kind":"cut"}}]}`,
		"a lease for ever":       `{"id":1,"lease":"2.1s"}`,
		"a lease before now":     `{"id":1,"lease":"-1s"}`,
		"a killed process":       `{"id":1,"lease":"1s","stand":[{"site":"process","fault":{"kind":"kill"}}]}`,
		"a store to start again": `{"id":1,"lease":"1s","stand":[{"site":"store","fault":{"kind":"restart"}}]}`,
		"an unknown refusal":     `{"id":1,"lease":"1s","stand":[{"site":"store","fault":{"kind":"deny","share":1,"refusal":"mood"}}]}`,
		"a refusal of a cut":     `{"id":1,"lease":"1s","stand":[{"site":"store","fault":{"kind":"cut","refusal":"oom"}}]}`,
		"writes to a link":       `{"id":1,"lease":"1s","stand":[{"site":"link","fault":{"kind":"delay","share":1,"by_ns":1,"writes":true}}]}`,
		"slow gossip":            `{"id":1,"lease":"1s","stand":[{"site":"gossip","fault":{"kind":"slow","times":2}}]}`,
		"a delay of an hour":     `{"id":1,"lease":"1s","stand":[{"site":"link","fault":{"kind":"delay","share":1,"by_ns":3600000000000}}]}`,
		"a jitter of an hour":    `{"id":1,"lease":"1s","stand":[{"site":"link","fault":{"kind":"delay","share":1,"by_ns":1,"jitter_ns":3600000000000}}]}`,
		"an unknown jitter":      `{"id":1,"lease":"1s","stand":[{"site":"link","fault":{"kind":"delay","share":1,"by_ns":1,"jitter_ns":1,"distribution":"zipf"}}]}`,
		"beats of a bandwidth":   `{"id":1,"lease":"1s","stand":[{"site":"beat","fault":{"kind":"bandwidth","rate":1000}}]}`,
		"terms of nothing":       `{"id":1,"lease":"1s","stand":[{"site":"work","fault":{"kind":"fail","terms":"melt"}}]}`,
		"inward work":            `{"id":1,"lease":"1s","stand":[{"site":"work","inward":true,"fault":{"kind":"slow","times":2}}]}`,
		"a loss of nothing":      `{"id":1,"lease":"1s","stand":[{"site":"link","fault":{"kind":"loss"}}]}`,
		"a very long name":       `{"id":1,"lease":"1s","stand":[{"site":"link","peer":"` + strings.Repeat("n", 33) + `","fault":{"kind":"cut"}}]}`,
		"a very long order":      `{"id":1}` + strings.Repeat(" ", MaxOrderBytes),
	} {
		if o, err := ParseOrder([]byte(text)); !errors.Is(err, ErrBadOrder) {
			t.Errorf("%s is read as %+v, %v; want ErrBadOrder", name, o, err)
		}
	}
	many := goodOrder()
	many.Stand = make([]Standing, MaxStanding+1)
	if _, err := many.Append(nil); !errors.Is(err, ErrBadOrder) {
		t.Errorf("Append of %d faults = %v, want ErrBadOrder", len(many.Stand), err)
	}
}

func TestStanding_saysWhatStandsWhere(t *testing.T) {
	want := []string{"cut at link to all", "loss of 20 % at beat from n2", "reset at link to n2", "delay of 100 % by 1ms at link to all",
		"slow by 10 at work", "wrong of 50 % at work", "cut at gossip",
		`fail as 2*off->5%return("boom") at work`,
		"delay of 100 % by 20ms ± 5ms, pareto at link to all", "loss of 100 % in bursts of 3 in 100 at beat to all",
		"corrupt of 50 % of one in 7 at link to all", "bandwidth of 64000 B/s at link to all",
		"slicer into 100 ± 20 B, 1ms apart at link from all", "limit_data after 1048576 B at link to all",
		"slow_close by 1s at link to all", "blackhole after 1s at link to n2", "blackhole at beat to n2", "reset after 1s at link to all",
		"deny of 100 % as oom at store", "delay of 100 % of writes by 1ms at store",
		"wedge at loop", "skew by -50ms at loop", "jump by 1s at loop", "strobe by 50ms each 10ms at loop",
		"stress of 2 cores at resource", "ballast of 67108864 B at resource", "gc of 200000000 B/s at resource"}
	for i, s := range goodOrder().Stand {
		if got := s.String(); got != want[i] {
			t.Errorf("String = %q, want %q", got, want[i])
		}
	}
}

func TestOrder_renewsWhatIsTheSame(t *testing.T) {
	later := goodOrder()
	later.ID, later.Lease = 8, Lease(time.Millisecond)
	if !later.Same(goodOrder()) {
		t.Error("an order with another lease is not the same")
	}
	later.Stand[1].Peer = "n3"
	if later.Same(goodOrder()) || later.Same(Order{}) {
		t.Error("an order that asks for something else is the same")
	}
}

func FuzzParseOrder(f *testing.F) {
	text, err := goodOrder().Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"id":1,"lease":"1s","stand":[{"site":"link","fault":{"kind":"cut"}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := ParseOrder(text)
		if err != nil {
			return
		}
		again, err := o.Append(nil)
		if err != nil {
			t.Fatalf("%+v was read and cannot be written: %v", o, err)
		}
		if back, err := ParseOrder(again); err != nil || !back.Same(o) || back.Lease != o.Lease || back.ID != o.ID {
			t.Fatalf("%+v is written as %s and read as %+v, %v", o, again, back, err)
		}
	})
}

// Each ballast may be as large as any, and together they may not be larger.
func TestOrder_boundsTheBallastOfANode(t *testing.T) {
	o := Order{Lease: Lease(time.Second)}
	for i := range uint32(2) {
		o.Stand = append(o.Stand, Standing{Rule: i + 1, Site: Resource, Fault: Fault{Kind: Ballast, Bytes: MaxBallast / 2}})
	}
	if err := o.Check(); err != nil {
		t.Errorf("as much as there may be: %v", err)
	}
	o.Stand[1].Fault.Bytes++
	if err := o.Check(); !errors.Is(err, ErrBadOrder) || !strings.Contains(err.Error(), "of all that stand together: want at most 1073741824") {
		t.Errorf("a byte more: %v, want %v and the bound", err, ErrBadOrder)
	}
}
