package chaos

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"testing"
	"time"

	"fracture/clock"
)

var link = Spot{Site: Link, From: 1, To: 2}

func TestDraw_dependsOnEachArgumentAndNothingElse(t *testing.T) {
	base := Draw(1, link, 3, 4)
	if again := Draw(1, link, 3, 4); again != base {
		t.Fatalf("the same draw twice = %x and %x", base, again)
	}
	others := []Luck{
		Draw(2, link, 3, 4),
		Draw(1, Spot{Site: Beat, From: 1, To: 2}, 3, 4),
		Draw(1, Spot{Site: Link, From: 2, To: 1}, 3, 4),
		Draw(1, link, 4, 4),
		Draw(1, link, 3, 5),
		base.Next(),
	}
	for i, other := range others {
		if other == base {
			t.Errorf("draw %d does not differ from the first", i)
		}
	}
}

func TestDraw_isUniformAndUncorrelated(t *testing.T) {
	const n, cells = 64_000, 64
	var byNth, byFrom [cells]int
	for i := range uint64(n) {
		byNth[Draw(7, link, 1, i).Below(cells)]++
		byFrom[Draw(7, Spot{Site: Process, From: uint32(i)}, 1, 0).Below(cells)]++
	}
	for name, counts := range map[string][cells]int{"nth": byNth, "from": byFrom} {
		var chi float64
		for _, c := range counts {
			d := float64(c) - n/cells
			chi += d * d / (n / cells)
		}
		// 63 degrees of freedom: 63 expected, beyond 120 once in 10^5.
		if chi > 120 {
			t.Errorf("chi² over %s = %.0f, want about 63", name, chi)
		}
	}
}

func TestLuck_staysInItsRange(t *testing.T) {
	edges := []Luck{0, 1, math.MaxUint64}
	for i := range uint64(1000) {
		edges = append(edges, Draw(1, link, 0, i))
	}
	span := Span{Min: time.Millisecond, Max: 3 * time.Millisecond}
	for _, l := range edges {
		if s := l.Share(); s < 0 || s >= 1 {
			t.Errorf("%x.Share() = %v, want [0, 1)", uint64(l), s)
		}
		if d := l.Within(span); d < span.Min || d > span.Max {
			t.Errorf("%x.Within(%v) = %v", uint64(l), span, d)
		}
		if l.Hits(0) || !l.Hits(1) {
			t.Errorf("%x: chance 0 hits or chance 1 misses", uint64(l))
		}
	}
	if d := Luck(math.MaxUint64).Within(Span{Min: 5}); d != 5 {
		t.Errorf("Within of a span without length = %v, want its beginning", d)
	}
}

func TestRule_strikesTheSameWhateverOthersDo(t *testing.T) {
	rule := Rule{
		ID: 9, Site: Link, Fault: Fault{Kind: Cut}, Odds: 1, Times: 3,
		Wait: Span{10 * time.Millisecond, 20 * time.Millisecond}, Last: Span{time.Millisecond, 2 * time.Millisecond},
	}
	replay := func() (all []Strike) {
		var from clock.Instant
		for nth := uint64(0); ; nth++ {
			s, ok := rule.Strike(5, link, nth, from)
			if !ok {
				return all
			}
			all, from = append(all, s), s.Until
		}
	}
	first, second := replay(), replay()
	if len(first) != rule.Times || fmt.Sprint(first) != fmt.Sprint(second) {
		t.Fatalf("strikes = %v, then %v; want %d and the same", first, second, rule.Times)
	}
	var end clock.Instant
	for _, s := range first {
		wait, last := s.At.Sub(end), s.Until.Sub(s.At)
		if wait < rule.Wait.Min || wait > rule.Wait.Max || last < rule.Last.Min || last > rule.Last.Max {
			t.Errorf("strike %v waits %v and lasts %v", s, wait, last)
		}
		end = s.Until
	}
}

func TestRule_concernsItsShareOfSpots(t *testing.T) {
	rule := Rule{ID: 1, Site: Process, Fault: Fault{Kind: Kill}, Odds: 0.25, Times: 1}
	hit := 0
	for n := range uint32(4000) {
		if _, ok := rule.Strike(3, Spot{Site: Process, From: n}, 0, 0); ok {
			hit++
		}
	}
	if hit < 880 || hit > 1120 {
		t.Errorf("odds of 0.25 concern %d of 4000 spots", hit)
	}
	if _, ok := rule.Strike(3, link, 0, 0); ok {
		t.Error("a rule for processes strikes a link")
	}
}

func TestRule_checksWhatItIsTold(t *testing.T) {
	good := Rule{ID: 1, Site: Link, Fault: Fault{Kind: Loss, Share: 0.1}, Odds: 1, Times: 1}
	if err := good.Check(); err != nil {
		t.Fatalf("Check of a good rule = %v", err)
	}
	bad := map[string]func(*Rule){
		"a killed link":        func(r *Rule) { r.Fault = Fault{Kind: Kill} },
		"odds above one":       func(r *Rule) { r.Odds = 1.1 },
		"odds that are none":   func(r *Rule) { r.Odds = math.NaN() },
		"a backward wait":      func(r *Rule) { r.Wait = Span{2, 1} },
		"a negative time":      func(r *Rule) { r.Last = Span{-2, 1} },
		"a storm":              func(r *Rule) { r.Times = 0 },
		"no share":             func(r *Rule) { r.Fault.Share = 0 },
		"a share that is none": func(r *Rule) { r.Fault.Share = math.NaN() },
		"a delay by nothing":   func(r *Rule) { r.Fault = Fault{Kind: Delay, Share: 1} },
		"no kind":              func(r *Rule) { r.Fault = Fault{} },
		"a slow link":          func(r *Rule) { r.Fault = Fault{Kind: Slow, Times: 2} },
		"late gossip":          func(r *Rule) { r.Site, r.Fault = Gossip, Fault{Kind: Delay, Share: 1, By: 1} },
		"a slow that is none":  func(r *Rule) { r.Site, r.Fault = Work, Fault{Kind: Slow, Times: 1} },
		"slow without end":     func(r *Rule) { r.Site, r.Fault = Work, Fault{Kind: Slow, Times: math.Inf(1)} },
		"a rate of nothing":    func(r *Rule) { r.Fault = Fault{Kind: Bandwidth, Rate: MinRate - 1} },
		"pieces of nothing":    func(r *Rule) { r.Fault = Fault{Kind: Slicer} },
		"pieces below nothing": func(r *Rule) { r.Fault = Fault{Kind: Slicer, Size: 10, Vary: 10} },
		"a pause before now":   func(r *Rule) { r.Fault = Fault{Kind: Slicer, Size: 10, By: -1} },
		"no limit":             func(r *Rule) { r.Fault = Fault{Kind: LimitData} },
		"a prompt slow close":  func(r *Rule) { r.Fault = Fault{Kind: SlowClose} },
		"a timeout in between": func(r *Rule) { r.Fault = Fault{Kind: Blackhole, Timeout: -1} },
		"a jitter below none":  func(r *Rule) { r.Fault = Fault{Kind: Delay, Share: 1, By: 2, Jitter: -1} },
		"normal without any":   func(r *Rule) { r.Fault = Fault{Kind: Delay, Share: 1, By: 2, Distribution: Normal} },
		"spread by none known": func(r *Rule) { r.Fault = Fault{Kind: Delay, Share: 1, By: 2, Jitter: 1, Distribution: 9} },
		"a burst too long":     func(r *Rule) { r.Fault.Every, r.Fault.Burst = 3, 4 },
		"a burst of nothing":   func(r *Rule) { r.Fault.Burst = 4 },
		"one in far too many":  func(r *Rule) { r.Fault.Every = maxEvery + 1 },
		"a loss with a jitter": func(r *Rule) { r.Fault.Jitter = 1 },
		"a loss with a rate":   func(r *Rule) { r.Fault.Rate = 1000 },
		"a loss in pieces":     func(r *Rule) { r.Fault.Size = 1 },
		"a loss up to a limit": func(r *Rule) { r.Fault.Bytes = 1 },
		"a loss in time":       func(r *Rule) { r.Fault.Timeout = 1 },
		"every seventh cut":    func(r *Rule) { r.Fault = Fault{Kind: Cut, Every: 7} },
		"a wedged link":        func(r *Rule) { r.Fault = Fault{Kind: Wedge} },
		"a wedge by something": func(r *Rule) { r.Site, r.Fault = Loop, Fault{Kind: Wedge, By: 1} },
		"a skew by nothing":    func(r *Rule) { r.Site, r.Fault = Loop, Fault{Kind: Skew} },
		"a jump of an hour":    func(r *Rule) { r.Site, r.Fault = Loop, Fault{Kind: Jump, By: -time.Hour} },
		"a jump with a period": func(r *Rule) { r.Site, r.Fault = Loop, Fault{Kind: Jump, By: 1, Period: MinPeriod} },
		"a strobe too fast":    func(r *Rule) { r.Site, r.Fault = Loop, Fault{Kind: Strobe, By: 1, Period: MinPeriod - 1} },
		"stress of nothing":    func(r *Rule) { r.Site, r.Fault = Resource, Fault{Kind: Stress} },
		"stress of too much":   func(r *Rule) { r.Site, r.Fault = Resource, Fault{Kind: Stress, Cores: MaxCores + 1} },
		"a loss of cores":      func(r *Rule) { r.Fault.Cores = 1 },
		"ballast of nothing":   func(r *Rule) { r.Site, r.Fault = Resource, Fault{Kind: Ballast} },
		"ballast of too much":  func(r *Rule) { r.Site, r.Fault = Resource, Fault{Kind: Ballast, Bytes: MaxBallast + 1} },
		"too little garbage":   func(r *Rule) { r.Site, r.Fault = Resource, Fault{Kind: GC, Rate: MinRate - 1} },
		"wrong for nobody":     func(r *Rule) { r.Site, r.Fault = Work, Fault{Kind: Wrong} },
	}
	for name, spoil := range bad {
		r := good
		spoil(&r)
		if err := r.Check(); !errors.Is(err, ErrBadFault) {
			t.Errorf("Check of %s = %v, want ErrBadFault", name, err)
		}
	}
}

func TestFault_touchesItsShare(t *testing.T) {
	const n = 4000
	for _, k := range []Kind{Loss, Delay, Duplicate, Reorder, Deny, Corrupt} {
		f, touched := Fault{Kind: k, Share: 0.25, By: time.Millisecond}, 0
		for i := range uint64(n) {
			fate := f.Touch(i, Draw(1, link, 1, i))
			if fate != (Fate{}) {
				touched++
			}
			if fate.Late > f.By || fate.Again > f.By {
				t.Fatalf("%v by %v: fate %+v", k, f.By, fate)
			}
		}
		if touched < 880 || touched > 1120 {
			t.Errorf("%v with a share of 0.25 touches %d of %d", k, touched, n)
		}
	}
	if fate := (Fault{Kind: Cut}).Touch(0, math.MaxUint64); !fate.Lost {
		t.Errorf("a cut leaves a message %+v", fate)
	}
}

func TestFault_touchesTheLastOfEachSoMany(t *testing.T) {
	for modifiers, want := range map[string]string{
		"every(3)":        "..x..x..x..x",
		"burst(2,5)":      "...xx...xx..",
		"100%":            "xxxxxxxxxxxx",
		"100% burst(1,6)": ".....x.....x",
	} {
		f, err := Fault{Kind: Loss}.Of(modifiers)
		if err != nil || f.Check() != nil {
			t.Errorf("%s: %v, %v", modifiers, err, f.Check())
		}
		got := ""
		for nth := range uint64(len(want)) {
			if f.Touch(nth, Draw(1, link, 1, nth)).Lost {
				got += "x"
			} else {
				got += "."
			}
		}
		if got != want {
			t.Errorf("of messages lost by %s: %s, want %s", modifiers, got, want)
		}
	}
	for _, modifiers := range []string{"", "few", "3*", "5%every(2)off", "burst(3,2)", "0%", "every(0)", "5%5%"} {
		if f, err := (Fault{Kind: Loss}).Of(modifiers); !errors.Is(err, ErrBadTerms) {
			t.Errorf("%q is read as %v, %v; want ErrBadTerms", modifiers, f, err)
		}
	}
}

func TestFault_slowIsSoManyTimesAsLong(t *testing.T) {
	slow := Fault{Kind: Slow, Times: 10}
	if got := slow.Stretch(2 * time.Millisecond); got != 18*time.Millisecond {
		t.Errorf("Stretch of 2ms, ten times as slow = %v, want 18ms more", got)
	}
	if got := (Fault{Kind: Cut}).Stretch(time.Second); got != 0 {
		t.Errorf("a cut stretches a task by %v", got)
	}
	if fate := slow.Touch(0, 0); fate != (Fate{}) {
		t.Errorf("a slow node's message meets %+v", fate)
	}
}

func TestFault_wrongFlipsOneBitOfItsShare(t *testing.T) {
	const n = 4000
	wrong, spoiled := Fault{Kind: Wrong, Share: 0.25}, 0
	for i := range uint64(n) {
		answer := make([]byte, 5)
		struck := wrong.Spoil(Draw(1, Spot{Site: Work, From: 1}, 1, i), answer)
		flipped := 0
		for _, b := range answer {
			flipped += bits.OnesCount8(b)
		}
		if struck != (flipped == 1) || flipped > 1 {
			t.Fatalf("Spoil = %v, and %d bits differ", struck, flipped)
		}
		if struck {
			spoiled++
		}
	}
	if spoiled < 880 || spoiled > 1120 {
		t.Errorf("wrong with a share of 0.25 spoils %d of %d", spoiled, n)
	}
	if (Fault{Kind: Wrong, Share: 1}).Spoil(0, nil) {
		t.Error("an answer of no bytes was spoiled")
	}
}

func TestFate_addsUp(t *testing.T) {
	got := Fate{Late: 1, Twice: true, Again: 2}.And(Fate{Late: 3, Passed: true})
	if want := (Fate{Late: 4, Passed: true, Twice: true, Again: 2}); got != want {
		t.Errorf("And = %+v, want %+v", got, want)
	}
	for _, pair := range [][2]Fate{{{Denied: true}, {}}, {{}, {Denied: true}}} {
		if !pair[0].And(pair[1]).Denied {
			t.Errorf("%+v and %+v: nobody is denied anything", pair[0], pair[1])
		}
	}
	full := Fate{Denied: true, Refusal: DiskFull}
	for _, pair := range [][2]Fate{{full, {}}, {{}, full}, {full, {Denied: true}}} {
		if got := pair[0].And(pair[1]).Refusal; got != DiskFull {
			t.Errorf("%+v and %+v: denied for %v, want the first that denies", pair[0], pair[1], got)
		}
	}
}

func TestNames_areDistinct(t *testing.T) {
	seen := map[string]bool{}
	note := func(s string) {
		if seen[s] {
			t.Errorf("%q names two things", s)
		}
		seen[s] = true
	}
	for _, s := range Sites {
		note(s.String())
		if len(s.Doors()) == 0 {
			t.Errorf("%v has no door", s)
		}
	}
	for _, k := range Kinds {
		note(k.String())
		healer := k.HealedBy()
		for _, s := range Sites {
			if healer != 0 && s.Admits(k) != s.Admits(healer) {
				t.Errorf("%v admits %v and not %v, which heals it", s, k, healer)
			}
		}
	}
}

func ExampleDraw() {
	spot := Spot{Site: Link, From: 1, To: 2}
	for nth := range uint64(3) {
		fmt.Printf("%.3f\n", Draw(1, spot, 1, nth).Share())
	}
	// Output:
	// 0.486
	// 0.194
	// 0.333
}

func BenchmarkDraw(b *testing.B) {
	var sum Luck
	for i := range b.N {
		sum ^= Draw(1, link, 1, uint64(i))
	}
	if sum == 1 {
		b.Log(sum)
	}
}
