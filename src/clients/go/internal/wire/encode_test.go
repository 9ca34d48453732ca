package wire_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"testing"

	"github.com/nexusd/client-go/internal/vectors"
	"github.com/nexusd/client-go/internal/wire"
)

// fields reads those of a record into what a writer is given.
type fields struct {
	t   *testing.T
	all map[string]json.RawMessage
}

func (f fields) text(name string) string { return vectors.Text(f.t, f.all[name]) }

func (f fields) into(name string, value any) {
	if raw, has := f.all[name]; has {
		if err := json.Unmarshal(raw, value); err != nil {
			f.t.Fatalf("%s: %v", name, err)
		}
	}
}

func (f fields) number(name string) (n uint32) { f.into(name, &n); return n }

func (f fields) long(name string) uint64 {
	var text string
	f.into(name, &text)
	n, _ := strconv.ParseUint(text, 10, 64)
	return n
}

// What a client sends, except PUBLISH, which the publish buffer writes.
var writers = map[string]func(f fields) []byte{
	"client_greeting": func(f fields) []byte {
		return wire.AppendGreeting(nil, byte(f.number("min")), byte(f.number("max")))
	},
	"hello":       writeHello,
	"topic":       func(f fields) []byte { return wire.AppendTopic(nil, f.number("alias"), f.text("topic")) },
	"subscribe":   writeSubscribe,
	"unsubscribe": func(f fields) []byte { return wire.AppendUnsubscribe(nil, f.number("subscription")) },
	"credit":      func(f fields) []byte { return wire.AppendCredit(nil, f.number("subscription"), f.number("bytes")) },
	"ping":        func(f fields) []byte { return wire.AppendPing(nil, wire.KindPing, f.long("opaque")) },
	"pong":        func(f fields) []byte { return wire.AppendPing(nil, wire.KindPong, f.long("opaque")) },
	"query":       func(f fields) []byte { return wire.AppendQuery(nil, f.number("request"), f.text("text")) },
	"bye":         func(fields) []byte { return wire.AppendBye(nil) },
	"pause": func(f fields) []byte {
		return wire.AppendPause(nil, f.number("subscription"), f.number("milliseconds"))
	},
	"subscribe_kept": writeSubscribe,
}

func TestWritesWhatAClientSends(t *testing.T) {
	for _, r := range records(t) {
		write, known := writers[r.Kind]
		if !known || r.DecodeOnly || r.Error != "" {
			continue
		}
		t.Run(r.ID, func(t *testing.T) {
			if got := write(fields{t, r.Fields}); !bytes.Equal(got, r.Hex) {
				t.Errorf("got  %x\nwant %x", got, []byte(r.Hex))
			}
		})
	}
}

func writeHello(f fields) []byte {
	var token vectors.Folded
	f.into("token_hex", &token)
	return wire.AppendHello(nil, &wire.Hello{
		ClientName: f.text("client_name"), Library: f.text("client_library"), PublisherID: f.long("publisher_id"),
		NextNumber: f.long("next_number"), MaxAliases: f.number("max_aliases"), MaxFrame: f.number("max_frame"),
		Token: token,
	})
}

func writeSubscribe(f fields) []byte {
	s := wire.Subscribe{
		ID: f.number("subscription"), Credit: f.number("credit"), Events: f.number("queue_events"),
		Bytes: f.number("queue_bytes"), Since: f.long("resume_since"),
	}
	f.into("no_retained", &s.NoRetained)
	f.into("filters", &s.Filters)
	var overflow, strategy string
	f.into("overflow", &overflow)
	f.into("strategy", &strategy)
	s.Overflow = uint8(slices.Index([]string{"", "drop-oldest", "drop-newest", "block", "conflate"}, overflow))
	s.Strategy = uint8(slices.Index([]string{"", "sticky", "round-robin", "least-pending", "local-first"}, strategy))
	f.into("block_timeout_ms", &s.BlockTimeout)
	var entries []struct {
		Publisher, Number, Timestamp json.Number
		Priority                     byte
	}
	_, s.HasResume = f.all["resume"]
	f.into("resume", &entries)
	for _, e := range entries {
		u64 := func(n json.Number) uint64 { v, _ := strconv.ParseUint(string(n), 10, 64); return v }
		s.Resume = append(s.Resume, wire.Resume{
			Publisher: u64(e.Publisher), Number: u64(e.Number), Timestamp: u64(e.Timestamp),
			Priority: e.Priority,
		})
	}
	s.KeepMs = f.number("keep_ms")
	var token vectors.Folded
	f.into("token_hex", &token)
	s.KeepToken = token
	if _, has := f.all["position_runs"]; has {
		s.Position = &wire.Position{Runs: f.long("position_runs"), Gaps: f.long("position_gaps")}
	}
	return wire.AppendSubscribe(nil, &s)
}
