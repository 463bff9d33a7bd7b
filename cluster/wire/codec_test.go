package wire

import (
	"bytes"
	"reflect"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/work"
)

// drawMessage draws a message that the wire carries: at least a kind, nobody behind nobody among the holders.
func drawMessage(t *rapid.T) failover.Message {
	holders := rapid.Custom(func(t *rapid.T) failover.Holders {
		var h failover.Holders
		copy(h[:], rapid.SliceOfN(rapid.Map(rapid.Uint32Min(1),
			func(id uint32) failover.NodeID { return failover.NodeID(id) }), 0, len(h)).Draw(t, "holders"))
		return h
	})
	duration := rapid.Map(rapid.Int64Min(0), func(n int64) time.Duration { return time.Duration(n) })
	m := failover.Message{
		Kind:     failover.MessageKind(rapid.Uint8Min(1).Draw(t, "kind")),
		Reason:   failover.Reason(rapid.Uint8().Draw(t, "reason")),
		Failed:   rapid.Bool().Draw(t, "failed"),
		Function: rapid.StringN(0, 20, failover.MaxNameBytes).Draw(t, "runs"),
		Task: work.TaskID{
			Stream: work.StreamID(rapid.Uint64().Draw(t, "stream")),
			Frame:  rapid.Uint64().Draw(t, "frame"),
			Tile:   rapid.Uint32().Draw(t, "tile"),
		},
		Epoch: failover.Epoch{
			Term: failover.Term(rapid.Uint64().Draw(t, "term")),
			Try:  rapid.Uint16().Draw(t, "try"),
			Rank: rapid.Uint8().Draw(t, "rank"),
			By:   failover.NodeID(rapid.Uint32().Draw(t, "by")),
		},
		Holders:   holders.Draw(t, "holders"),
		Splitters: holders.Draw(t, "splitters"),
		Have:      rapid.Uint32().Draw(t, "have"),
		Need:      rapid.Uint32().Draw(t, "need"),
		Ran:       duration.Draw(t, "ran"),
		Began:     clock.Instant(rapid.Int64().Draw(t, "began")),
		Clock:     rapid.Uint64().Draw(t, "clock"),
		Strategy:  work.Strategy(rapid.Uint8().Draw(t, "guarded")),
		Revision:  work.Revision(rapid.Uint64().Draw(t, "revised")),
		Payload:   rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "payload"),
	}
	if rapid.Bool().Draw(t, "has a stream") {
		m.Stream = &work.Stream{
			ID:       work.StreamID(rapid.Uint64().Draw(t, "id")),
			Function: rapid.StringN(0, 20, failover.MaxNameBytes).Draw(t, "function"),
			Params:   rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "params"),
			Tiles:    rapid.Uint32().Draw(t, "tiles"),
			Period:   duration.Draw(t, "period"),
			Frames:   rapid.Uint64().Draw(t, "frames"),
			Strategy: work.Strategy(rapid.Uint8().Draw(t, "strategy")),
			Factor:   rapid.Uint8().Draw(t, "factor"),
			Revision: work.Revision(rapid.Uint64().Draw(t, "revision")),
			From:     rapid.Uint64().Draw(t, "from"),
		}
	}
	return m
}

func TestMessage_comesBackAsItWent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := rapid.SliceOfN(rapid.Custom(drawMessage), 1, 5).Draw(t, "messages")
		var b []byte
		for i := range sent {
			if !sent[i].Fits() {
				t.Fatalf("fits = false for %+v", sent[i])
			}
			b = appendMessage(b, &sent[i])
		}
		got, err := new(decoder).batch(b)
		if err != nil || got.refused != 0 || !reflect.DeepEqual(got.messages, sent) {
			t.Fatalf("came back as %+v (refused %d, %v), want %+v", got.messages, got.refused, err, sent)
		}
	})
}

// filled sets every field that v has, however deep, so that one which the codec forgets shows.
func filled(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			filled(t, v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			filled(t, v.Index(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		filled(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		for i := range v.Len() {
			filled(t, v.Index(i))
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("name")
	case reflect.Int64:
		v.SetInt(77)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(77)
	default:
		t.Fatalf("a field of kind %v: teach the wire, then this test, to carry it", v.Kind())
	}
}

func TestMessage_carriesEveryField(t *testing.T) {
	var sent failover.Message
	filled(t, reflect.ValueOf(&sent).Elem())
	got, err := new(decoder).batch(appendMessage(nil, &sent))
	if err != nil || len(got.messages) != 1 || !reflect.DeepEqual(got.messages[0], sent) {
		t.Fatalf("came back as %+v (%v), want %+v: is a field missing in wire.proto?", got.messages, err, sent)
	}
}

// asProto is m in the generated code's words.
func asProto(m failover.Message) *Message {
	ids := func(h failover.Holders) (out []uint32) {
		for _, id := range h[:h.Len()] {
			out = append(out, uint32(id))
		}
		return out
	}
	p := &Message{
		Kind: uint32(m.Kind), Reason: uint32(m.Reason), Failed: m.Failed, Function: m.Function,
		Stream: uint64(m.Task.Stream), Frame: m.Task.Frame, Tile: m.Task.Tile,
		Term: uint64(m.Epoch.Term), Try: uint32(m.Epoch.Try), Rank: uint32(m.Epoch.Rank),
		Holders: ids(m.Holders), Splitters: ids(m.Splitters),
		Strategy: uint32(m.Strategy), By: uint32(m.Epoch.By), Have: m.Have, Need: m.Need, RanNs: int64(m.Ran), Began: uint64(m.Began), Clock: m.Clock, Payload: m.Payload,
		Revision: uint64(m.Revision),
	}
	if s := m.Stream; s != nil {
		p.Spec = &Stream{
			Id: uint64(s.ID), Function: s.Function, Params: s.Params, Tiles: s.Tiles, PeriodNs: int64(s.Period),
			Frames: s.Frames, Strategy: uint32(s.Strategy), Factor: uint32(s.Factor), Revision: uint64(s.Revision), From: s.From,
		}
	}
	return p
}

func TestMessage_isWhatTheSchemaSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMessage(t)
		want := &Batch{Messages: []*Message{asProto(m)}, Telemetry: [][]byte{[]byte("{}")}}
		var read Batch
		if err := proto.Unmarshal(appendTelemetry(appendMessage(nil, &m), []byte("{}")), &read); err != nil {
			t.Fatalf("the generated code cannot read what we wrote: %v", err)
		}
		if !proto.Equal(&read, want) {
			t.Fatalf("the generated code read %v, want %v", &read, want)
		}
		b, err := proto.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := new(decoder).batch(b)
		if err != nil || len(got.messages) != 1 || !reflect.DeepEqual(got.messages[0], m) || len(got.telemetry) != 1 {
			t.Fatalf("we read %+v (%v) of what the generated code wrote, want %+v", got, err, m)
		}
	})
}

func TestHello_isWhatTheSchemaSays(t *testing.T) {
	p := Peer{ID: failover.Identify("n1", 7), Name: "n1", Incarnation: 7, Sink: true}
	var read Batch
	if err := proto.Unmarshal(appendHello(nil, p), &read); err != nil {
		t.Fatal(err)
	}
	want := &Batch{Hello: &Hello{Name: "n1", Incarnation: 7, Id: uint32(p.ID), Sink: true}}
	if !proto.Equal(&read, want) {
		t.Fatalf("the generated code read %v, want %v", &read, want)
	}
	got, err := new(decoder).batch(appendHello(nil, p))
	if err != nil || !got.greets || got.hello != p {
		t.Fatalf("we read %+v (%v), want %+v", got.hello, err, p)
	}
}

func TestRepair_isWhatTheSchemaSays(t *testing.T) {
	want := &Batch{First: 1 << 40, Missing: []uint64{3, 1 << 41}}
	b := appendAsks(appendFirst(nil, want.First), want.Missing)
	got := &Batch{}
	if err := proto.Unmarshal(b, got); err != nil || !proto.Equal(got, want) {
		t.Errorf("the generated code reads %v (%v), want %v", got, err, want)
	}
	theirs, err := proto.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if ours, err := new(decoder).batch(theirs); err != nil || ours.first != want.First || !slices.Equal(ours.missing, want.Missing) {
		t.Errorf("we read %+v (%v), want %v", ours, err, want)
	}
	for name, bad := range map[string]*Batch{
		"a number beyond all":      {First: maxNumber + 1},
		"more than can be missing": {Missing: make([]uint64, maxMissing+1)},
	} {
		b, err := proto.Marshal(bad)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := new(decoder).batch(b); err == nil && got.refused == 0 {
			t.Errorf("%s was taken: %+v", name, got)
		}
	}
}

func TestDecode_refusesWhatIsBeyondBoundsAndKeepsTheRest(t *testing.T) {
	good := failover.Message{Kind: failover.Mark}
	for name, m := range map[string]*Message{
		"no kind":            {Frame: 1},
		"kind of 256":        {Kind: 256},
		"five holders":       {Kind: 1, Holders: []uint32{1, 2, 3, 4, 5}},
		"try of 65536":       {Kind: 1, Try: 1 << 16},
		"rank of 256":        {Kind: 1, Rank: 256},
		"negative time":      {Kind: 1, RanNs: -1},
		"too large payload":  {Kind: 1, Payload: make([]byte, failover.MaxPayloadBytes+1)},
		"too large params":   {Kind: 1, Spec: &Stream{Params: make([]byte, failover.MaxParamsBytes+1)}},
		"too long function":  {Kind: 1, Spec: &Stream{Function: string(make([]byte, failover.MaxNameBytes+1))}},
		"strategy of 256":    {Kind: 1, Spec: &Stream{Strategy: 256}},
		"negative period":    {Kind: 1, Spec: &Stream{PeriodNs: -1}},
		"five of 2 splitter": {Kind: 1, Splitters: make([]uint32, 6)},
	} {
		bad, err := proto.Marshal(&Batch{Messages: []*Message{m}})
		if err != nil {
			t.Fatal(err)
		}
		b := appendMessage(append(appendMessage(nil, &good), bad...), &good)
		got, err := new(decoder).batch(b)
		if err != nil || got.refused != 1 || len(got.messages) != 2 {
			t.Errorf("%s: %d messages, %d refused (%v), want 2 and 1", name, len(got.messages), got.refused, err)
		}
	}
}

func TestDecode_doesNotShareOneMessagesMemoryWithTheNext(t *testing.T) {
	m := failover.Message{Kind: failover.Result, Payload: []byte("abc")}
	got, err := new(decoder).batch(appendMessage(appendMessage(nil, &m), &m))
	if err != nil || len(got.messages) != 2 {
		t.Fatalf("batch = %d messages (%v), want 2", len(got.messages), err)
	}
	_ = append(got.messages[0].Payload, bytes.Repeat([]byte{0xff}, 64)...)
	if string(got.messages[1].Payload) != "abc" {
		t.Fatal("appending to one payload changed the next message")
	}
}

func FuzzDecodeBatch(f *testing.F) {
	m := failover.Message{Kind: failover.Submit, Stream: &work.Stream{ID: 1, Function: "f"}, Payload: []byte("x")}
	m.Holders[0] = 5
	f.Add(appendMessage(nil, &m))
	f.Add(appendHello(nil, Peer{Name: "n", ID: 4, Sink: true}))
	f.Add(appendTelemetry(nil, []byte("{}")))
	f.Add([]byte{0x0b, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, _ := new(decoder).batch(b) // whatever is wrong with b, what came out of it must be whole
		var again []byte
		for i := range got.messages {
			if !got.messages[i].Fits() {
				t.Fatalf("decoded a message that does not fit: %+v", got.messages[i])
			}
			again = appendMessage(again, &got.messages[i])
		}
		second, err := new(decoder).batch(again)
		if err != nil || second.refused != 0 || len(second.messages) != len(got.messages) {
			t.Fatalf("the second trip gave %d messages, %d refused (%v), want %d", len(second.messages), second.refused, err, len(got.messages))
		}
	})
}

func BenchmarkMessage(b *testing.B) {
	m := failover.Message{
		Kind: failover.Place, Task: work.TaskID{Stream: 1 << 60, Frame: 1000, Tile: 5}, Epoch: failover.Epoch{Term: 1 << 33},
		Holders: failover.Holders{1 << 30, 1 << 31}, Splitters: failover.Holders{1 << 29, 1 << 28}, Payload: make([]byte, 64),
		Function: "fractal/1",
	}
	var buf []byte
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf = appendMessage(buf[:0], &m)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		var d decoder
		for b.Loop() {
			if got, err := d.batch(buf); err != nil || len(got.messages) != 1 {
				b.Fatal(err)
			}
		}
	})
}

func TestDecoder_usesItsRoomAgainAndLeavesNothingInIt(t *testing.T) {
	var d decoder
	payload := make([]byte, 8)
	two := failover.Message{Kind: failover.Result, Payload: payload}
	frame := appendMessage(appendMessage(nil, &two), &two)
	first, err := d.batch(frame)
	if err != nil || len(first.messages) != 2 {
		t.Fatalf("read %d messages (%v), want 2", len(first.messages), err)
	}
	one, err := d.batch(appendMessage(nil, &two))
	if err != nil || len(one.messages) != 1 || &one.messages[0] != &first.messages[0] {
		t.Fatalf("read %d messages (%v), want 1 where the first lay", len(one.messages), err)
	}
	if first.messages[1].Payload != nil {
		t.Error("what the second message pointed to is held though nobody has it any more")
	}
	many := []byte(nil)
	for range keptMessages + 1 {
		many = appendMessage(many, &two)
	}
	if all, err := d.batch(many); err != nil || len(all.messages) != keptMessages+1 || cap(d.messages) != keptMessages {
		t.Errorf("read %d messages (%v) and keeps room for %d, want %d and room for %d", len(all.messages), err, cap(d.messages), keptMessages+1, keptMessages)
	}
}
