package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The errors of a client.
var (
	// ErrNoControl: the lab of that directory has no control API; start it without --control none.
	ErrNoControl = errors.New("this lab has no control API")
	// ErrRefused: the lab said no; the text says why.
	ErrRefused = errors.New("the lab refused")
	// ErrNoFault: no fault of that id stands; it is over.
	ErrNoFault = errors.New("no such fault stands")
)

// Bounds of a client.
const (
	askTime       = 2 * time.Minute // for one request, a fault that is hard to heal included
	maxReplyBytes = 8 << 20
	maxEventLine  = maxEventBytes + 1<<10
)

// Client speaks to the control API of one lab. Close it at the end.
type Client struct {
	base, token string
	http        *http.Client
}

// Dial makes the client of the lab whose cluster directory this is. It asks nothing yet.
func Dial(dir string) (*Client, error) {
	var words [2]string
	for i, name := range []string{addressFile, tokenFile} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%w: %s has no file %s", ErrNoControl, dir, name)
		}
		if err != nil {
			return nil, fmt.Errorf("finding the control API: %w", err)
		}
		words[i] = strings.TrimSpace(string(text))
	}
	// A transport of its own: a proxy of the environment is not to see the token.
	return &Client{base: "http://" + words[0], token: words[1], http: &http.Client{Transport: &http.Transport{}}}, nil
}

// Close ends the connections that are kept.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Nodes lists the nodes.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	var reply struct{ Nodes []Node }
	err := c.ask(ctx, http.MethodGet, "/v1/nodes", nil, &reply)
	return reply.Nodes, err
}

// Incidents lists the incidents that are kept, the oldest first.
func (c *Client) Incidents(ctx context.Context) ([]Incident, error) {
	var reply struct{ Incidents []Incident }
	err := c.ask(ctx, http.MethodGet, "/v1/incidents", nil, &reply)
	return reply.Incidents, err
}

// Faults lists those that stand.
func (c *Client) Faults(ctx context.Context) ([]Fault, error) {
	var reply struct{ Faults []Fault }
	err := c.ask(ctx, http.MethodGet, "/v1/faults", nil, &reply)
	return reply.Faults, err
}

// Inject has a fault stand: its name, and by name the flags of `fracture inject` with their values. With a lease it is healed
// unless [Client.Renew] comes in time; 0 is without.
func (c *Client) Inject(ctx context.Context, fault string, flags map[string]any, lease time.Duration) (Fault, error) {
	body := map[string]any{}
	for name, value := range flags {
		body[name] = value
	}
	body[faultKey] = fault
	if lease > 0 {
		body[leaseKey] = lease.String()
	}
	var stands Fault
	err := c.ask(ctx, http.MethodPost, "/v1/faults", body, &stands)
	return stands, err
}

// Renew gives a fault a lease from now on. The error is [ErrNoFault] where it is over.
func (c *Client) Renew(ctx context.Context, id string, lease time.Duration) (Fault, error) {
	var stands Fault
	err := c.ask(ctx, http.MethodPut, "/v1/faults/"+id, map[string]any{leaseKey: lease.String()}, &stands)
	return stands, err
}

// Heal ends a fault, and returns once it is over. The error is [ErrNoFault] where it was over before.
func (c *Client) Heal(ctx context.Context, id string) error {
	return c.ask(ctx, http.MethodDelete, "/v1/faults/"+id, nil, nil)
}

// HealAll ends everything that stands. What could not be ended is in the answer, and no error.
func (c *Client) HealAll(ctx context.Context) (Healed, error) {
	var all Healed
	err := c.ask(ctx, http.MethodDelete, "/v1/faults", nil, &all)
	if len(all.Failed) > 0 {
		err = nil
	}
	return all, err
}

// Event is one thing that happened.
type Event struct {
	ID   uint64 // 0 of one that the server tells of the stream itself
	Kind string // fault, heal, incident, news or dropped
	JSON []byte // valid until the next one
}

// Follow calls visit with each event, from now on or, where since is not 0, after the event of that ID, until ctx ends, the
// lab does, or visit returns an error, which it returns.
func (c *Client) Follow(ctx context.Context, since uint64, visit func(Event) error) error {
	request, err := c.request(ctx, http.MethodGet, "/v1/events", nil)
	if err != nil {
		return err
	}
	if since > 0 {
		request.Header.Set("Last-Event-ID", strconv.FormatUint(since, 10))
	}
	reply, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("following events: %w", err)
	}
	defer func() { _ = reply.Body.Close() }()
	if reply.StatusCode != http.StatusOK {
		return refusalOf(reply, nil)
	}
	lines := bufio.NewScanner(reply.Body)
	lines.Buffer(nil, maxEventLine)
	var e Event
	for lines.Scan() {
		name, value, _ := bytes.Cut(lines.Bytes(), []byte(": "))
		switch string(name) {
		case "id":
			e.ID, _ = strconv.ParseUint(string(value), 10, 64) // the server's own
		case "event":
			e.Kind = string(value)
		case "data":
			e.JSON = append(e.JSON[:0], value...)
		case "":
			if e.Kind != "" {
				if err := visit(e); err != nil {
					return err
				}
			}
			e = Event{JSON: e.JSON[:0]}
		}
	}
	return lines.Err()
}

func (c *Client) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var text io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, path, err)
		}
		text = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, text)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/json")
	return request, nil
}

// ask sends a request and reads the reply into reply, where that is not nil.
func (c *Client) ask(ctx context.Context, method, path string, body, reply any) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	request, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("asking the lab: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode >= http.StatusBadRequest {
		return refusalOf(answer, reply)
	}
	if reply == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxReplyBytes)).Decode(reply); err != nil {
		return fmt.Errorf("reading the lab's reply: %w", err)
	}
	return nil
}

// refusalOf is the error of a reply that is none; what it tells all the same is read into reply.
func refusalOf(answer *http.Response, reply any) error {
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxReplyBytes))
	if err != nil {
		return fmt.Errorf("reading the lab's reply: %w", err)
	}
	if reply != nil {
		_ = json.Unmarshal(text, reply) // most errors tell no more
	}
	var bad complaint
	if json.Unmarshal(text, &bad) != nil || bad.Message == "" {
		bad.Message = answer.Status
	}
	if answer.StatusCode == http.StatusNotFound {
		return fmt.Errorf("%w: %w", ErrNoFault, &bad)
	}
	if bad.Last != "" {
		return fmt.Errorf("%w: %w", ErrRefused, &LastError{bad.Last})
	}
	return fmt.Errorf("%w: %w", ErrRefused, &bad)
}
