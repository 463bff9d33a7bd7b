package main

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"fracture/chaos"
	"fracture/chaos/toxiproxy"
)

// Where Toxiproxy leaves out what a fault must say.
const (
	resetLeast   = time.Millisecond      // how long a link stands that is reset at once, again and again
	secondCopy   = time.Millisecond      // how much later a copy comes
	heldBack     = 10 * time.Millisecond // how late a message is that is reordered
	bytesAKilo   = 1000                  // as a rate counts
	untilRemoved = 365 * 24 * time.Hour  // how long a toxic stands
)

// toxicLuck is what a toxic of a link draws from: the same for the same names, whatever else is asked for.
func toxicLuck(link, toxic string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(link + "/" + toxic)) // a hash takes all
	return h.Sum32()
}

// suffering says in the words of inject what a toxic does to the way from one node to another; nothing where it does nothing.
// Where the toxic strikes messages its toxicity is their share; where it strikes the connection it is the chance that this
// link has it at all.
func suffering(seed uint64, link string, t toxiproxy.Toxic, from, to string) []string {
	words := toxicWords(t)
	if words == nil || t.Toxicity <= 0 {
		return nil
	}
	e, err := entryOf(words[0])
	if ofBytes := err == nil && e.kind.OfBytes() && e.kind != chaos.Corrupt; ofBytes {
		luck := chaos.Draw(seed, chaos.Spot{Site: chaos.Link}, toxicLuck(link, t.Name), 0)
		if !luck.Hits(float64(t.Toxicity)) {
			return nil
		}
	}
	if words[0] == chaos.SlowClose.String() { // who learns late of an end is told, for who ended it may be dead
		return append(words, "--node", to, "--peer", from, "--inward")
	}
	return append(words, "--node", from, "--peer", to)
}

// toxicWords says what goes wrong, and not for whom.
func toxicWords(t toxiproxy.Toxic) []string {
	switch a := t.Attributes.(type) {
	case *toxiproxy.Latency:
		late, jitter := inMillis(a.Latency), inMillis(a.Jitter)
		if late+jitter <= 0 {
			return nil
		}
		return []string{"delay", "--share", shareOf(t, 1), "--by", late.String(), "--jitter", jitter.String()}
	case *toxiproxy.Bandwidth:
		if a.Rate <= 0 {
			return []string{"blackhole"}
		}
		return []string{"bandwidth", "--rate", traffic(min(a.Rate, chaos.MaxBytes/bytesAKilo) * bytesAKilo)}
	case *toxiproxy.SlowClose:
		if a.Delay <= 0 {
			return nil
		}
		return []string{"slow_close", "--by", inMillis(a.Delay).String()}
	case *toxiproxy.Timeout:
		return []string{"blackhole", "--timeout", inMillis(a.Timeout).String()}
	case *toxiproxy.ResetPeer:
		return []string{"reset", "--timeout", max(inMillis(a.Timeout), resetLeast).String()}
	case *toxiproxy.Slicer:
		size := min(max(a.AverageSize, 1), chaos.MaxBytes)
		words := []string{"slicer", "--size", traffic(size), "--by", (time.Duration(min(max(a.Delay, 0), int64(time.Hour))) * time.Microsecond).String()}
		if vary := min(max(a.SizeVariation, 0), size-1); vary > 0 {
			words = append(words, "--vary", traffic(vary))
		}
		return words
	case *toxiproxy.LimitData:
		return []string{"limit_data", "--bytes", traffic(min(max(a.Bytes, 1), chaos.MaxBytes))}
	case *toxiproxy.NthCall:
		return []string{"loss", "--share", fmt.Sprintf("%s%%every(%d)", number(100*toxicity(t)), a.N)}
	case *toxiproxy.Corrupt:
		return likely(t, a.Probability, "corrupt")
	case *toxiproxy.PacketLoss:
		return likely(t, a.Probability, "loss")
	case *toxiproxy.Duplicate:
		return likely(t, a.Probability, "duplicate", "--by", secondCopy.String())
	case *toxiproxy.Reorder:
		late := heldBack
		if a.Delay > 0 {
			late = inMillis(a.Delay)
		}
		return likely(t, a.Probability, "reorder", "--by", late.String())
	}
	return nil
}

// likely are the words of what concerns a message with a probability; none where it concerns none.
func likely(t toxiproxy.Toxic, probability float64, words ...string) []string {
	if probability <= 0 {
		return nil
	}
	return append(words, "--share", shareOf(t, probability))
}

// shareOf is the share of the messages that have the toxic.
func shareOf(t toxiproxy.Toxic, probability float64) string { return number(toxicity(t) * probability) }

// toxicity is the toxic's, as it was written: 0.2, and not the single-precision number beside it.
func toxicity(t toxiproxy.Toxic) float64 {
	written, _ := strconv.ParseFloat(strconv.FormatFloat(float64(t.Toxicity), 'g', -1, 32), 64) // what was formatted is a number
	return min(written, 1)
}

func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// traffic spells a number of bytes.
func traffic(bytes int64) string { return fmt.Sprintf("%dB", bytes) }

// inMillis is n milliseconds; below nothing is nothing, and a day is more than any fault takes.
func inMillis(n int64) time.Duration {
	const day = 24 * time.Hour
	return time.Duration(min(max(n, 0), int64(day/time.Millisecond))) * time.Millisecond
}
