package toxiproxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bodies are read as Toxiproxy reads them: what is unknown is passed over, and so is what stands behind the value.

func decode(body io.Reader, into any) error {
	if err := json.NewDecoder(body).Decode(into); err != nil {
		return errBadBody.with("%v", err)
	}
	return nil
}

// readProxy reads a proxy over what usual says.
func readProxy(body io.Reader, usual Proxy) (Proxy, error) {
	err := decode(body, &usual)
	return usual, err
}

// readNewProxy reads a proxy that is to be made.
func readNewProxy(body io.Reader) (Proxy, error) {
	p, err := readProxy(body, Proxy{Enabled: true})
	switch {
	case err != nil:
		return p, err
	case p.Name == "":
		return p, errMissing.with("name")
	case p.Upstream == "":
		return p, errMissing.with("upstream")
	}
	return p, nil
}

// readProxies reads a list of proxies that are to be there.
func readProxies(body io.Reader) ([]Proxy, error) {
	var said []struct {
		Proxy
		Enabled *bool `json:"enabled"` // the inner one cannot tell whether it was said
	}
	if err := decode(body, &said); err != nil {
		return nil, err
	}
	proxies := make([]Proxy, 0, len(said))
	for i, s := range said {
		switch {
		case s.Name == "":
			return nil, errMissing.with("name at proxy %d", i+1)
		case s.Upstream == "":
			return nil, errMissing.with("upstream at proxy %d", i+1)
		}
		s.Proxy.Enabled = s.Enabled == nil || *s.Enabled
		proxies = append(proxies, s.Proxy)
	}
	return proxies, nil
}

// readToxic reads a toxic that is to be made.
func readToxic(body io.Reader) (Toxic, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return Toxic{}, errBadBody.with("%v", err)
	}
	said := struct {
		Name     string  `json:"name"`
		Type     string  `json:"type"`
		Stream   string  `json:"stream"`
		Toxicity float32 `json:"toxicity"`
	}{Stream: Downstream, Toxicity: 1}
	if err := decode(bytes.NewReader(text), &said); err != nil {
		return Toxic{}, err
	}
	t := Toxic{Name: said.Name, Type: said.Type, Stream: strings.ToLower(said.Stream), Toxicity: said.Toxicity}
	if t.Stream != Upstream && t.Stream != Downstream {
		return Toxic{}, errStream
	}
	if t.Name == "" {
		t.Name = t.Type + "_" + t.Stream
	}
	if t.Attributes = newAttributes(t.Type); t.Attributes == nil {
		return Toxic{}, errType
	}
	return t, readAttributes(text, t.Attributes, nil)
}

// readUpdate reads what is to change of a toxic: attributes that are not said stay, and so does the toxicity.
func readUpdate(body io.Reader, t Toxic) (Toxic, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return t, errBadBody.with("%v", err)
	}
	old, err := json.Marshal(t.Attributes)
	if err != nil {
		return t, fmt.Errorf("writing the attributes of %s: %w", t.Name, err)
	}
	t.Attributes = newAttributes(t.Type)
	if err := json.Unmarshal(old, t.Attributes); err != nil {
		return t, fmt.Errorf("reading the attributes of %s: %w", t.Name, err)
	}
	err = readAttributes(text, t.Attributes, &t.Toxicity)
	return t, err
}

// readAttributes reads attributes, and the toxicity where one is asked for, over what they are.
func readAttributes(text []byte, attributes Attributes, toxicity *float32) error {
	said := struct {
		Attributes any      `json:"attributes"`
		Toxicity   *float32 `json:"toxicity"`
	}{attributes, toxicity}
	if err := decode(bytes.NewReader(text), &said); err != nil {
		return err
	}
	if err := attributes.check(); err != nil {
		return errAttribute.with("%v", err)
	}
	return nil
}

// ErrBadConfig: the file is no list of proxies; the text says where and why.
var ErrBadConfig = errors.New("want a JSON list of proxies, such as [{\"name\":\"db\",\"listen\":\"127.0.0.1:26379\",\"upstream\":\"127.0.0.1:6379\"}]")

// ReadConfig reads the proxies that a server begins with, spelled as in the body of /populate. Its error wraps
// [ErrBadConfig] and says the line and the column where JSON itself is broken.
func ReadConfig(text []byte) ([]Proxy, error) {
	var list []json.RawMessage
	err := json.Unmarshal(text, &list)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		before := text[:min(max(syntax.Offset-1, 0), int64(len(text)))]
		line := bytes.Count(before, []byte("\n")) + 1
		column := len(before) - bytes.LastIndexByte(before, '\n')
		return nil, fmt.Errorf("%d:%d: %w: %w", line, column, err, ErrBadConfig)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrBadConfig)
	}
	proxies, err := readProxies(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrBadConfig)
	}
	return proxies, nil
}
