package report

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"fracture/chaos/meter"
)

// kills is a run of n kills whose downtimes are drawn from a seed, times a factor.
func kills(n int, seed uint64, factor float64) *Run {
	rng := rand.New(rand.NewPCG(seed, 0))
	return judged(trials(nil, n, meter.Owner, meter.Kill, 25<<20, func(int) time.Duration {
		return time.Duration(factor * (1 + rng.ExpFloat64()) * float64(2*ms))
	}), seed)
}

func judgements(c Comparison) map[string]Judgement {
	says := map[string]Judgement{}
	for _, f := range append(c.Figures, c.Counts...) {
		says[f.Row+" "+f.Figure] = f.Says
	}
	return says
}

func TestCompare_callsWhatIsSlowerARegression(t *testing.T) {
	c := Compare(kills(100, 1, 1), kills(100, 2, 1.8), Tolerance{Share: 0.2})
	says := judgements(c)
	if !c.Regression || says["owner kill downtime.p50"] != Worse || says["owner kill downtime.p90"] != Worse {
		t.Errorf("1.8 times as slow, 100 trials each: %v", says)
	}
	if c = Compare(kills(100, 2, 1.8), kills(100, 1, 1), Tolerance{Share: 0.2}); c.Regression {
		t.Errorf("what became faster is called a regression: %v", judgements(c))
	}
}

func TestCompare_findsATailThatGrew(t *testing.T) {
	long := kills(200, 2, 1)
	for i := range 14 { // every row but the longest stays
		long.Trials[i*14].Downtime = 60
	}
	says := judgements(Compare(kills(200, 1, 1), long, Tolerance{Share: 0.2}))
	if says["owner kill downtime.p50"] != Same || says["owner kill downtime.p99"] != Worse || says["owner kill downtime.max"] != Worse {
		t.Errorf("14 of 200 last 60 ms: %v", says)
	}
	one := kills(200, 2, 1)
	one.Trials[3].Downtime = 60
	if c := Compare(kills(200, 1, 1), one, Tolerance{Share: 0.2}); c.Regression || judgements(c)["owner kill downtime.max"] != Luck {
		t.Errorf("one of 200 lasts 60 ms: %v, want that it may be luck", judgements(c))
	}
}

func TestCompare_saysWhereNIsTooSmall(t *testing.T) {
	for n, want := range map[int]Judgement{5: TooFew, 6: Worse} {
		if says := judgements(Compare(kills(n, 1, 1), kills(n, 2, 90), Tolerance{Share: 0.2})); says["owner kill downtime.max"] != want {
			t.Errorf("%d trials each, ninety times as slow: %v, want %s", n, says, want)
		}
	}
	c := Compare(kills(3, 1, 1), kills(3, 2, 9), Tolerance{Share: 0.2})
	for name, says := range judgements(c) {
		if strings.Contains(name, "downtime") && says != TooFew {
			t.Errorf("%s of three trials each, nine times as slow: %s, want that n is too small", name, says)
		}
	}
	var b bytes.Buffer
	if err := c.WriteText(&b); err != nil || c.Regression || !strings.Contains(b.String(), "too few trials to tell") {
		t.Errorf("it says\n%s", b.String())
	}
}

// Two runs of the same thing are to be called different no more often than the doubt says.
func TestCompare_seldomCallsLuckARegression(t *testing.T) {
	const pairs = 600
	wrong := 0
	for seed := range uint64(pairs) {
		if Compare(kills(30, 2*seed, 1), kills(30, 2*seed+1, 1), Tolerance{}).Regression {
			wrong++
		}
	}
	if wrong > pairs/50 {
		t.Errorf("%d of %d pairs of equal runs are called regressions, want at most one in fifty (the doubt is one in a hundred)", wrong, pairs)
	}
}

func TestCompare_takesASingleLostResultForOne(t *testing.T) {
	bad := kills(30, 2, 1)
	bad.Totals.Lost = 1
	if c := Compare(kills(30, 1, 1), bad, Tolerance{Share: 0.2}); !c.Regression || judgements(c)["whole run lost"] != Worse {
		t.Errorf("a lost result where there was none: %v", judgements(c))
	}
	if c := Compare(bad, bad, Tolerance{Share: 0.2}); c.Regression {
		t.Errorf("a run against itself: %v", judgements(c))
	}
}

func TestCompare_notesWhatDiffers(t *testing.T) {
	other := sampleRun()
	other.Load, other.Cores = "full", 8
	c := Compare(kills(20, 1, 1), other, Tolerance{Share: 0.2})
	var b bytes.Buffer
	if err := c.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"splitter freeze: not in the baseline", "not the same load: half, and full", "not the same cores: 2, and 8"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, b.String())
		}
	}
	c.Baseline, c.Run = "out/was", "out/is"
	b.Reset()
	if err := c.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "compare.txt", b.Bytes())
}

func TestFisher_isWhatTheTablesSay(t *testing.T) {
	for _, c := range []struct {
		a, n, b, m int
		want       float64
	}{
		{0, 3, 3, 3, 1.0 / 20}, {0, 10, 10, 10, 1.0 / 184756}, {1, 4, 3, 4, 17.0 / 70}, {0, 5, 0, 5, 1}, {1, 12, 9, 12, 0.00137973}, {5, 5, 5, 5, 1},
	} {
		if got := fisher(c.a, c.n, c.b, c.m); math.Abs(got-c.want) > c.want/100 {
			t.Errorf("fisher(%d of %d, %d of %d) = %g, want %g", c.a, c.n, c.b, c.m, got, c.want)
		}
	}
}
