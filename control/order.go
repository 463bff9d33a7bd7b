package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"time"
)

// Bounds of a body.
const (
	maxBodyBytes = 16 << 10
	maxArguments = 64 // values of all keys together
)

// Bounds of a lease.
const (
	shortestLease = 100 * time.Millisecond
	longestLease  = time.Minute
)

// Keys of a body that are no flags.
const (
	faultKey = "fault"
	leaseKey = "lease"
)

// validKey is what a flag may be called, or a fault.
var validKey = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

// complaint is what is wrong with a request, in plain words.
type complaint struct {
	Message string `json:"error"`
	Where   string `json:"where,omitempty"` // the key, the header or the byte
	Last    string `json:"last,omitempty"`  // of a LastError: why it is one
}

// Error says both.
func (c *complaint) Error() string {
	if c.Where == "" {
		return c.Message
	}
	return c.Where + ": " + c.Message
}

func wrong(where, format string, values ...any) *complaint {
	return &complaint{Message: fmt.Sprintf(format, values...), Where: where}
}

// order is a body that was understood.
type order struct {
	arguments []string      // of `fracture inject`, the fault's name first; none where the body names no fault
	lease     time.Duration // 0: none
}

// readOrder reads a body: one flat JSON object, each key once. "fault" is the fault's name, "lease" how long it stands
// unless it is renewed, and every other key is a flag of `fracture inject`, its value a string, a number, true or false, or
// a list of those for a flag that may be repeated. The flags come in the order of the body.
func readOrder(body []byte) (order, *complaint) {
	r := reader{tokens: json.NewDecoder(bytes.NewReader(body))}
	r.tokens.UseNumber()
	o, bad := r.object()
	if bad != nil {
		return order{}, bad
	}
	if _, err := r.tokens.Token(); !errors.Is(err, io.EOF) {
		return order{}, r.wrong("after the object comes more; want one object")
	}
	return o, nil
}

// reader goes through a body.
type reader struct {
	tokens *json.Decoder
	flags  []string
}

// wrong complains of where the reader is.
func (r *reader) wrong(format string, values ...any) *complaint {
	return wrong(fmt.Sprintf("byte %d", r.tokens.InputOffset()), format, values...)
}

// next is the next token.
func (r *reader) next() (json.Token, *complaint) {
	token, err := r.tokens.Token()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, r.wrong("the body ends too early; want an object such as {\"fault\":\"kill\",\"node\":\"n3\"}")
	}
	if err != nil {
		return nil, r.wrong("this is no JSON: %v", err)
	}
	return token, nil
}

func (r *reader) object() (o order, bad *complaint) {
	token, bad := r.next()
	if bad != nil {
		return o, bad
	}
	if token != json.Delim('{') {
		return o, r.wrong("want an object, such as {\"fault\":\"kill\",\"node\":\"n3\"}")
	}
	seen := map[string]bool{}
	fault := ""
	for {
		if token, bad = r.next(); bad != nil {
			return o, bad
		}
		if token == json.Delim('}') {
			break
		}
		key, _ := token.(string) // the decoder gives nothing else here
		switch {
		case !validKey.MatchString(key):
			return o, wrong(shorten(key), "no flag of fracture inject is called that; want lower-case letters, such as share")
		case seen[key]:
			return o, wrong(key, "stands there twice; say it once, several values as a list")
		}
		seen[key] = true
		values, bad := r.values(key)
		if bad != nil {
			return o, bad
		}
		switch key {
		case faultKey:
			if len(values) != 1 || !validKey.MatchString(values[0]) {
				return o, wrong(key, "want the name of one fault; GET /v1/catalogue lists them")
			}
			fault = values[0]
		case leaseKey:
			if o.lease, bad = readLease(values); bad != nil {
				return o, bad
			}
		default:
			for _, v := range values {
				r.flags = append(r.flags, "--"+key+"="+v)
			}
		}
		if len(r.flags) > maxArguments {
			return o, wrong(key, "more than %d values are too many for one fault", maxArguments)
		}
	}
	switch {
	case fault != "":
		o.arguments = append([]string{fault}, r.flags...)
	case len(r.flags) > 0:
		return o, wrong(faultKey, "is missing: which fault? GET /v1/catalogue lists them")
	}
	return o, nil
}

// values reads what stands behind a key.
func (r *reader) values(key string) (list []string, bad *complaint) {
	token, bad := r.next()
	if bad != nil {
		return nil, bad
	}
	if token != json.Delim('[') {
		text, bad := r.scalar(key, token)
		return []string{text}, bad
	}
	for len(list) <= maxArguments {
		if token, bad = r.next(); bad != nil {
			return nil, bad
		}
		if token == json.Delim(']') {
			if len(list) == 0 {
				return nil, wrong(key, "the list is empty; leave the key away, or name something")
			}
			return list, nil
		}
		text, bad := r.scalar(fmt.Sprintf("%s[%d]", key, len(list)), token)
		if bad != nil {
			return nil, bad
		}
		list = append(list, text)
	}
	return nil, wrong(key, "more than %d values are too many for one fault", maxArguments)
}

// scalar spells a value as a flag has it.
func (r *reader) scalar(where string, token json.Token) (string, *complaint) {
	switch v := token.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return strconv.FormatBool(v), nil
	case nil:
		return "", wrong(where, "null is no value; leave the key away")
	}
	return "", wrong(where, "want a string, a number, true or false; a fault has no objects within, nor lists in lists")
}

// readLease reads a lease.
func readLease(values []string) (time.Duration, *complaint) {
	if len(values) != 1 {
		return 0, wrong(leaseKey, "want one duration, such as 2s")
	}
	d, err := time.ParseDuration(values[0])
	if err != nil || d < shortestLease || d > longestLease {
		return 0, wrong(leaseKey, "%s: want a duration of %v to %v, such as 2s", shorten(values[0]), shortestLease, longestLease)
	}
	return d, nil
}

// shorten bounds what of a stranger's text is said back.
func shorten(text string) string {
	const most = 40
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strconv.Quote(text)
}
