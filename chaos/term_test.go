package chaos

import (
	"errors"
	"strings"
	"testing"
)

// acts are what a chain does to n tasks, in words.
func acts(t *testing.T, text string, n int) string {
	t.Helper()
	terms, err := ParseTerms(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	c := NewChain(terms)
	var words []string
	for nth := range n {
		words = append(words, spell(c.Next(Draw(1, Spot{Site: Work, From: 3}, 7, uint64(nth)))))
	}
	return strings.Join(words, " ")
}

func spell(a Act) string {
	switch a.Kind {
	case Off:
		return "-"
	case Return:
		return "return:" + a.Text
	case Panic:
		return "panic:" + a.Text
	case Sleep:
		return a.By.String()
	case Spoil:
		return "wrong"
	}
	return "?"
}

func TestTerms_actAsTheySay(t *testing.T) {
	for text, want := range map[string]string{
		`panic`:                            "panic:injected panic:injected panic:injected panic:injected panic:injected panic:injected",
		`panic("p")`:                       "panic:p panic:p panic:p panic:p panic:p panic:p",
		`every(3)return("boom")`:           "- - return:boom - - return:boom",
		`2*off->1*sleep(50)`:               "- - 50ms - - -",
		`1*sleep("1.5s")->wrong`:           "1.5s wrong wrong wrong wrong wrong",
		`burst(2,3) return("a \"b\" (c)")`: `- return:a "b" (c) return:a "b" (c) - return:a "b" (c) return:a "b" (c)`,
		`every(2) 2*wrong`:                 "- wrong - wrong - -",
		`100%off -> panic`:                 "- - - - - -",
		" every( 2 ) panic ( ) ":           "- panic: - panic: - panic:",
	} {
		if got := acts(t, text, 6); got != want {
			t.Errorf("%s does %q, want %q", text, got, want)
		}
	}
}

func TestTerms_aShareIsHeldAndDrawnTheSameAgain(t *testing.T) {
	const n = 20_000
	first := acts(t, `5%panic`, n)
	if first != acts(t, `5%panic`, n) {
		t.Fatal("the same seed, spot and rule have other acts")
	}
	if got := strings.Count(first, "panic"); got < n/20-150 || got > n/20+150 { // five standard deviations
		t.Errorf("5%% of %d tasks are %d", n, got)
	}
	both := acts(t, `50%panic->50%wrong`, n)
	if got := strings.Count(both, "wrong"); got < n/4-310 || got > n/4+310 {
		t.Errorf("half of the half of %d tasks are %d: the terms do not draw apart", n, got)
	}
}

func TestTerms_refuseWhatTheyAreNot(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "character 1: want a modifier, or one of off, return, panic, sleep, wrong",
		"melt":                    "character 1: want a modifier",
		"5%":                      "character 3: want a modifier, or one of",
		"5 panic":                 "character 1: want % or * behind 5",
		"0%panic":                 "above 0 and at most 100",
		"101%panic":               "above 0 and at most 100",
		"1.2.3%panic":             "above 0 and at most 100",
		"0*panic":                 "a whole number from 1",
		"1.5*panic":               "want *",
		"every(0)panic":           "a whole number from 1",
		"every(2panic":            "want )",
		"burst(4,3)panic":         "a burst of 4 in each 3",
		"burst(4)panic":           "want ,",
		"return":                  `want the error, such as ("boom")`,
		"return(boom)":            "want a text in quotes",
		`return("boom"`:           "want )",
		"sleep":                   "want how long",
		"sleep(0)":                "a whole number from 1",
		"sleep(10001)":            "more than 10s",
		`sleep("11s")`:            "at most 10s",
		`sleep("-1s")`:            "above 0",
		"every(2)burst(1,3)wrong": "character 9: of which so many is said twice",
		"2*5%3*wrong":             "character 5: how often is said twice",
		"5%6%wrong":               "the share is said twice",
		"panic panic":             "character 7: want -> and a further term",
		"panic->":                 "character 8: want a modifier",
		"99999999999999*panic":    "a whole number from 1",
		strings.Repeat("off->", maxTerms) + "off": "more than 16 terms",
		strings.Repeat("x", MaxTermsBytes+1):      "513 bytes are more than 512",
	} {
		if _, err := ParseTerms(text); !errors.Is(err, ErrBadTerms) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an ErrBadTerms with %q", text, err, want)
		}
	}
}

func FuzzParseTerms(f *testing.F) {
	for _, text := range []string{`5%return("boom")`, "every(7)panic", "2*off->1*sleep(50)", `burst(3,100) sleep("1.5s")->wrong`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		terms, err := ParseTerms(text)
		if err != nil {
			if !errors.Is(err, ErrBadTerms) || terms != nil {
				t.Fatalf("%v with %d terms", err, len(terms))
			}
			return
		}
		c := NewChain(terms)
		for nth := range 100 {
			if a := c.Next(Draw(1, Spot{}, 1, uint64(nth))); a.By < 0 || a.By > MaxSleep || a.Kind > Spoil {
				t.Fatalf("%q does %+v", text, a)
			}
		}
	})
}

func BenchmarkChain_next(b *testing.B) {
	terms, err := ParseTerms("2*off->every(7)panic->5%wrong")
	if err != nil {
		b.Fatal(err)
	}
	c, nth := NewChain(terms), uint64(0)
	for b.Loop() {
		c.Next(Draw(1, Spot{}, 1, nth))
		nth++
	}
}
