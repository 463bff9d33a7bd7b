package toxiproxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
)

// FuzzBodies reads anything as every kind of body. What is read can be said again, and is then read as the same.
func FuzzBodies(f *testing.F) {
	for _, text := range []string{
		`{"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:1","enabled":false}`,
		`[{"name":"p","upstream":"x"},{"name":"q","upstream":"y","enabled":true}]`,
		`{"type":"latency","attributes":{"latency":1,"jitter":2}}`, `{"type":"slicer","attributes":null,"toxicity":null}`,
		`{"type":"reorder","stream":"upstream","toxicity":0.1,"attributes":{"probability":0.3,"delay":9223372036854775807}}`,
		`{"type":"nth_call","attributes":{"n":-1}}`, `{"attributes":[]}`, `{"toxicity":1e39}`, `[`, `null`, ``, `[null]`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var r *refusal
		if p, err := readNewProxy(bytes.NewReader(text)); err == nil && (p.Name == "" || p.Upstream == "") {
			t.Errorf("read %+v, which lacks what it must have", p)
		} else if err != nil && !errors.As(err, &r) {
			t.Errorf("refused by %v, which has no status", err)
		}
		if proxies, err := ReadConfig(text); err == nil {
			said, _ := json.Marshal(proxies)
			again, err := ReadConfig(said)
			if err != nil || !reflect.DeepEqual(again, proxies) {
				t.Errorf("read %+v, and said again %+v, %v", proxies, again, err)
			}
		} else if !errors.Is(err, ErrBadConfig) {
			t.Errorf("refused by %v", err)
		}
		toxic, err := readToxic(bytes.NewReader(text))
		if err != nil {
			toxic = Toxic{Name: "t", Type: "latency", Stream: Upstream, Toxicity: 1, Attributes: &Latency{Latency: 1}}
		} else {
			said, err := json.Marshal(toxic)
			if err != nil {
				t.Fatalf("read %+v, which cannot be said: %v", toxic, err)
			}
			if again, err := readToxic(bytes.NewReader(said)); err != nil || !reflect.DeepEqual(again, toxic) {
				t.Errorf("read %+v, and said again %+v, %v", toxic, again, err)
			}
		}
		changed, err := readUpdate(bytes.NewReader(text), toxic)
		if err == nil && (changed.Name != toxic.Name || changed.Type != toxic.Type || changed.Stream != toxic.Stream) {
			t.Errorf("an update made %+v of %+v", changed, toxic)
		}
	})
}
