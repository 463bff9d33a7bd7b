package chaos

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Terms say what becomes of each of many tasks, as a chain: a task gets the act of the first term that allows it, and none
// where no term does. They are spelled as those of gofail (https://github.com/etcd-io/gofail, doc/design.md), and two
// modifiers more:
//
//	terms    = term { "->" term }
//	term     = { modifier } act
//	modifier = PERCENT "%" | COUNT "*" | "every(" N ")" | "burst(" COUNT "," N ")"
//	act      = "off" | "return" "(" TEXT ")" | "panic" [ "(" TEXT ")" ] | "sleep" "(" MILLISECONDS ")" | "wrong"
//
// A TEXT is quoted as in Go. MILLISECONDS may also be a duration in quotes, such as "1.5s". So 5%return("boom") has one task
// in twenty fail, every(7)panic each seventh panic, and 2*off->1*sleep(50) the third wait for 50 ms.
type Terms []Term

// Term is one act and whom it is for. All its modifiers, each said once at most, must allow a task.
type Term struct {
	Share float64 // the chance of each task; 1 where nothing is said
	Every uint64  // of each so many tasks that come to the term
	Burst uint64  // the last so many; 1 and 1 where nothing is said
	Times uint64  // how often it acts in all; 0 means without end
	Act   Act
}

// Act is what is done to one task. The zero Act leaves it alone.
type Act struct {
	Kind ActKind
	Text string        // Return: the error; Panic: what it is panicked with, which nobody reads
	By   time.Duration // Sleep
}

// ActKind says what an act does.
type ActKind uint8

// The kinds of act.
const (
	// Off does nothing.
	Off ActKind = iota
	// Return has the task fail with an error, and not run.
	Return
	// Panic has what runs it die before it answers, and be started again.
	Panic
	// Sleep has it take longer.
	Sleep
	// Spoil flips one bit of its answer.
	Spoil
)

// Bounds of terms.
const (
	MaxTermsBytes = 512              // their spelling
	MaxSleep      = 10 * time.Second // of one act
	maxTerms      = 16
	maxModifier   = 1_000_000_000
)

// ErrBadTerms: the text is no chain of terms; it says what is wrong where.
var ErrBadTerms = errors.New("bad terms")

// ParseTerms reads a chain. Its error wraps [ErrBadTerms].
func ParseTerms(text string) (Terms, error) {
	if len(text) > MaxTermsBytes {
		return nil, fmt.Errorf("%w: %d bytes are more than %d", ErrBadTerms, len(text), MaxTermsBytes)
	}
	p := termParser{text: text}
	var terms Terms
	for {
		t, err := p.term()
		if err != nil {
			return nil, err
		}
		terms = append(terms, t)
		p.blank()
		switch {
		case p.rest() == "":
			return terms, nil
		case len(terms) == maxTerms:
			return nil, p.wrong("more than %d terms", maxTerms)
		case !p.skip("->"):
			return nil, p.wrong("want -> and a further term, or the end")
		}
	}
}

// Of is the fault with the messages that it concerns said as terms say it of tasks, by modifiers without an act: 5%, every(7),
// burst(3,100), or 50%every(7). Its error wraps [ErrBadTerms].
func (f Fault) Of(modifiers string) (Fault, error) {
	p := termParser{text: modifiers}
	t, err := p.modifiers()
	switch {
	case err != nil:
		return f, err
	case t.Times > 0:
		return f, p.wrong("messages are not counted out: leave %d* away", t.Times)
	case p.rest() != "" || modifiers == "":
		return f, p.wrong("want which messages, such as 5%%, every(7) or burst(3,100)")
	}
	f.Share, f.Every, f.Burst = t.Share, 0, 0
	if t.Every > 1 {
		f.Every, f.Burst = t.Every, t.Burst
	}
	return f, nil
}

// termParser reads terms from left to right.
type termParser struct {
	text string
	at   int
}

func (p *termParser) rest() string { return p.text[p.at:] }

func (p *termParser) blank() {
	p.at = len(p.text) - len(strings.TrimLeft(p.rest(), " \t"))
}

// skip passes over a word, if it is what comes next.
func (p *termParser) skip(word string) bool {
	p.blank()
	if !strings.HasPrefix(p.rest(), word) {
		return false
	}
	p.at += len(word)
	return true
}

func (p *termParser) wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %q, character %d: %s", ErrBadTerms, p.text, p.at+1, fmt.Sprintf(format, args...))
}

func (p *termParser) term() (Term, error) {
	t, err := p.modifiers()
	if err == nil {
		t.Act, err = p.act()
	}
	return t, err
}

// modifiers reads a term up to its act.
func (p *termParser) modifiers() (Term, error) {
	t := Term{Share: 1, Every: 1, Burst: 1}
	var had []string
	for {
		p.blank()
		at := p.at
		what, err := p.modifier(&t)
		if err != nil {
			return t, err
		}
		if what == "" {
			return t, nil
		}
		if slices.Contains(had, what) {
			p.at = at
			return t, p.wrong("%s is said twice", what)
		}
		had = append(had, what)
	}
}

// modifier reads one modifier, if one comes next, and says what it is about; nothing where none comes.
func (p *termParser) modifier(t *Term) (what string, err error) {
	const which, share, times = "of which so many", "the share", "how often"
	switch {
	case p.skip("every("):
		t.Every, err = p.count(")")
		return which, err
	case p.skip("burst("):
		if t.Burst, err = p.count(","); err != nil {
			return "", err
		}
		if t.Every, err = p.count(")"); err == nil && t.Burst > t.Every {
			err = p.wrong("a burst of %d in each %d", t.Burst, t.Every)
		}
		return which, err
	}
	digits := len(p.rest()) - len(strings.TrimLeft(p.rest(), "0123456789."))
	if digits == 0 {
		return "", nil
	}
	number := p.rest()[:digits]
	switch mark := strings.TrimLeft(p.rest()[digits:], " \t"); {
	case strings.HasPrefix(mark, "%"):
		percent, parseErr := strconv.ParseFloat(number, 64)
		if parseErr != nil || !(percent > 0 && percent <= 100) {
			return "", p.wrong("%s %%: want above 0 and at most 100", number)
		}
		t.Share = percent / 100
		p.at += digits
		p.skip("%")
		return share, nil
	case strings.HasPrefix(mark, "*"):
		t.Times, err = p.count("*")
		return times, err
	}
	return "", p.wrong("want %% or * behind %s", number)
}

// count reads a whole number from 1 and the mark behind it.
func (p *termParser) count(mark string) (uint64, error) {
	p.blank()
	digits := len(p.rest()) - len(strings.TrimLeft(p.rest(), "0123456789"))
	n, err := strconv.ParseUint(p.rest()[:digits], 10, 64)
	if err != nil || n < 1 || n > maxModifier {
		return 0, p.wrong("want a whole number from 1 to %d", maxModifier)
	}
	p.at += digits
	if !p.skip(mark) {
		return 0, p.wrong("want %s", mark)
	}
	return n, nil
}

func (p *termParser) act() (Act, error) {
	switch {
	case p.skip("off"):
		return Act{}, nil
	case p.skip("wrong"):
		return Act{Kind: Spoil}, nil
	case p.skip("return"):
		text, given, err := p.quoted()
		if err == nil && !given {
			err = p.wrong(`want the error, such as ("boom")`)
		}
		return Act{Kind: Return, Text: text}, err
	case p.skip("panic"):
		text, given, err := p.quoted()
		if !given {
			text = "injected"
		}
		return Act{Kind: Panic, Text: text}, err
	case p.skip("sleep"):
		by, err := p.pause()
		return Act{Kind: Sleep, By: by}, err
	}
	return Act{}, p.wrong("want a modifier, or one of off, return, panic, sleep, wrong")
}

// quoted reads a quoted text in parentheses, if they come next.
func (p *termParser) quoted() (text string, given bool, err error) {
	if !p.skip("(") {
		return "", false, nil
	}
	if p.skip(")") {
		return "", true, nil
	}
	text, err = p.literal()
	if err == nil && !p.skip(")") {
		err = p.wrong("want )")
	}
	return text, true, err
}

// literal reads a text in quotes.
func (p *termParser) literal() (text string, err error) {
	p.blank()
	literal, err := strconv.QuotedPrefix(p.rest())
	if err == nil {
		text, err = strconv.Unquote(literal)
	}
	if err != nil {
		return "", p.wrong("want a text in quotes")
	}
	p.at += len(literal)
	return text, nil
}

// pause reads how long to sleep: whole milliseconds, or a duration in quotes.
func (p *termParser) pause() (time.Duration, error) {
	if !p.skip("(") {
		return 0, p.wrong("want how long, such as (50) for 50 ms")
	}
	p.blank()
	if !strings.HasPrefix(p.rest(), `"`) {
		ms, err := p.count(")")
		if err == nil && ms > uint64(MaxSleep/time.Millisecond) {
			err = p.wrong("%d ms are more than %v", ms, MaxSleep)
		}
		return time.Duration(ms) * time.Millisecond, err
	}
	text, err := p.literal()
	if err != nil {
		return 0, err
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > MaxSleep {
		return 0, p.wrong("%q: want a duration above 0 and at most %v", text, MaxSleep)
	}
	if !p.skip(")") {
		return 0, p.wrong("want )")
	}
	return d, nil
}

// Chain carries terms out at one spot. It counts, so it belongs to one goroutine at a time.
type Chain struct {
	terms Terms
	asked []uint64 // how many tasks came to each term
	acted []uint64 // how often each acted
}

// NewChain starts counting anew.
func NewChain(terms Terms) *Chain {
	return &Chain{terms: terms, asked: make([]uint64, len(terms)), acted: make([]uint64, len(terms))}
}

// Next is what becomes of the next task.
func (c *Chain) Next(luck Luck) Act {
	for i, t := range c.terms {
		luck = luck.Next()
		c.asked[i]++
		switch {
		case t.Times > 0 && c.acted[i] == t.Times:
		case (c.asked[i]-1)%t.Every < t.Every-t.Burst:
		case !luck.Hits(t.Share):
		default:
			c.acted[i]++
			return t.Act
		}
	}
	return Act{}
}
