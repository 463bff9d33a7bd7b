package telemetry

import (
	"encoding/json"
	"errors"
	"fmt"
)

// MaxNewsBytes bounds one encoded News. A status of a node that owns every tile of a large stream is the longest.
const MaxNewsBytes = 64 << 10

// ErrNews: the line is not news of this version; drop it and count the peer that sent it.
var ErrNews = errors.New("not an event or a status")

// News is one thing a node says: an event or a status, never both.
type News struct {
	Event  *Event  `json:"event,omitempty"`
	Status *Status `json:"status,omitempty"`
}

// Must reports whether missing this would leave a watcher with a wrong picture: who leads, who took over, what a person
// was told. Statuses come again, and the steps of single tasks are progress; both may be missed.
func (n News) Must() bool {
	if n.Event == nil {
		return false
	}
	switch n.Event.Verb {
	case "detect", "promote", "lead", "follow", "recover", "drained":
		return true
	}
	return n.Event.Text != ""
}

// Append appends the news as one JSON object, without a newline. A number that JSON cannot carry (NaN, an infinity) is
// an error.
func (n News) Append(buf []byte) ([]byte, error) {
	b, err := json.Marshal(n)
	if err != nil {
		return buf, fmt.Errorf("encode news: %w", err)
	}
	return append(buf, b...), nil
}

// ParseNews reads what Append wrote. Fields it does not know are ignored, so that nodes of two versions understand each
// other; anything else that is wrong is [ErrNews].
func ParseNews(line []byte) (News, error) {
	if len(line) > MaxNewsBytes {
		return News{}, fmt.Errorf("%w: %d bytes are more than %d", ErrNews, len(line), MaxNewsBytes)
	}
	var n News
	if err := json.Unmarshal(line, &n); err != nil {
		return News{}, fmt.Errorf("%w: %w", ErrNews, err)
	}
	if (n.Event == nil) == (n.Status == nil) {
		return News{}, fmt.Errorf("%w: want one of the two", ErrNews)
	}
	return n, nil
}
