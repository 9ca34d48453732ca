package wire_test

import (
	"encoding/hex"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/nexusd/client-go/internal/vectors"
	"github.com/nexusd/client-go/internal/wire"
)

// What a daemon sends, by the names of the vectors; other kinds are none of a client's.
var readers = map[string]func(r *vectors.Record) (map[string]any, wire.Code){
	"daemon_greeting": readGreeting, "frame": readHeader, "welcome": readWelcome, "topic": readTopic,
	"deliver": readDeliver, "ack": readAck, "gap": readGap, "notice": readGap, "subscribed": readSubscribed,
	"unsubscribed": readAnswer, "result": readResult, "error": readRefusal, "goaway": readRefusal, "ping": readPing,
	"pong": readPing, "subscribed_kept": readSubscribed, "paused": readAnswer,
}

func records(t *testing.T) []vectors.Record {
	var file struct{ Vectors []vectors.Record }
	vectors.Load(t, "app-v1.json", &file)
	return file.Vectors
}

func TestReadsWhatADaemonSends(t *testing.T) {
	for _, r := range records(t) {
		read, known := readers[r.Kind]
		if !known {
			continue
		}
		t.Run(r.ID, func(t *testing.T) {
			got, code := read(&r)
			want := r.Error
			if want == "" {
				want = "none"
			}
			if code.String() != want {
				t.Fatalf("got %s, want %s", code, want)
			}
			if r.Error == "" {
				compare(t, r.Fields, got)
			}
		})
	}
}

func TestAsksForMoreAtEveryCut(t *testing.T) {
	for _, r := range records(t) {
		if strings.Contains(r.Kind, "greeting") {
			continue
		}
		limit := maxFrame(&r)
		for cut := 0; cut < len(r.Hex); cut++ {
			size, _, code := wire.Cut(r.Hex[:cut], limit)
			mayTell := cut >= wire.HeaderBytes && r.Kind == "frame"
			if size != 0 || (code != wire.None && !mayTell) {
				t.Fatalf("%s cut after %d bytes: a frame of %d bytes, %s", r.ID, cut, size, code)
			}
			if cut > 4096 && cut < len(r.Hex)-4096 {
				cut += 1000 // inside of a long stretch of one byte
			}
		}
	}
}

func maxFrame(r *vectors.Record) int {
	if r.Limits.MaxFrame != 0 {
		return r.Limits.MaxFrame
	}
	return wire.DefaultMaxFrame
}

// compare looks at the fields that a record lists.
func compare(t *testing.T, fields map[string]json.RawMessage, got map[string]any) {
	for name, raw := range fields {
		value, has := got[name]
		if !has {
			t.Errorf("%s is not read", name)
			continue
		}
		if text, isText := value.(string); isText {
			if want := vectors.Text(t, raw); text != want {
				t.Errorf("%s: got %q, want %q", name, text, want)
			}
			continue
		}
		var want, have any
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		_ = json.Unmarshal(raw, &want)
		_ = json.Unmarshal(encoded, &have)
		unfold(want)
		if !reflect.DeepEqual(want, have) {
			t.Errorf("%s: got %.200s, want %.200s", name, encoded, raw)
		}
	}
}

// unfold replaces the folded texts inside of properties.
func unfold(value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if folded, ok := inner.(map[string]any); ok && folded["repeat"] != nil {
				v[key] = strings.Repeat(folded["repeat"].(string), int(folded["times"].(float64)))
			} else {
				unfold(inner)
			}
		}
	case []any:
		for _, inner := range v {
			unfold(inner)
		}
	}
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// whole cuts the frame out of the bytes first, as every reader of a stream does.
func whole(r *vectors.Record) wire.Code {
	_, _, code := wire.Cut(r.Hex, maxFrame(r))
	return code
}

func readGreeting(r *vectors.Record) (map[string]any, wire.Code) {
	version, code := wire.ReadGreeting(r.Hex)
	return map[string]any{"version": version}, code
}

func readHeader(r *vectors.Record) (map[string]any, wire.Code) {
	size, kind, code := wire.Cut(r.Hex, maxFrame(r))
	return map[string]any{"kind": kind, "skipped": size == len(r.Hex)}, code
}

func readWelcome(r *vectors.Record) (map[string]any, wire.Code) {
	if code := whole(r); code != wire.None {
		return nil, code
	}
	w, code := wire.ReadWelcome(r.Hex)
	return map[string]any{
		"publisher_id": decimal(w.PublisherID), "next_number": decimal(w.NextNumber), "max_aliases": w.MaxAliases,
		"max_frame": w.MaxFrame, "max_payload": w.MaxPayload, "max_subscriptions": w.MaxSubs,
		"idle_timeout_ms": w.IdleTimeoutMs, "node_id_hex": hex.EncodeToString(w.NodeID[:]), "node_name": w.NodeName,
		"cluster": w.Cluster, "daemon_version": w.DaemonVersion,
	}, code
}

func readTopic(r *vectors.Record) (map[string]any, wire.Code) {
	alias, topic, code := wire.ReadTopic(r.Hex, wire.DefaultMaxAliases)
	return map[string]any{"alias": alias, "topic": topic}, code
}

func readDeliver(r *vectors.Record) (map[string]any, wire.Code) {
	limit := uint32(wire.DefaultMaxPayload)
	if r.Limits.MaxPayload != 0 {
		limit = r.Limits.MaxPayload
	}
	var d wire.Deliver
	if code := wire.ReadDeliver(r.Hex, limit, &d); code != wire.None {
		return nil, code
	}
	payloads := []string{}
	for body := d.Body; len(body) > 0; {
		var payload []byte
		payload, body = wire.NextPayload(body)
		payloads = append(payloads, hex.EncodeToString(payload))
	}
	return map[string]any{
		"retain": d.Flags&wire.FlagRetain != 0, "retained": d.Flags&wire.FlagRetained != 0,
		"replayed": d.Flags&wire.FlagReplayed != 0, "subscription": d.Subscription, "alias": d.Alias,
		"publisher": decimal(d.Publisher), "number": decimal(d.Number), "timestamp": decimal(d.Timestamp),
		"event_count": d.Count, "payloads_hex": payloads, "properties": eventProperties(&d),
	}, wire.None
}

func eventProperties(d *wire.Deliver) map[string]any {
	all := map[string]any{}
	for name, text := range map[string][]byte{
		"topic": d.Event.Topic, "content_type": d.Event.ContentType, "reply_topic": d.Event.ReplyTopic,
	} {
		if len(text) > 0 {
			all[name] = string(text)
		}
	}
	if len(d.Event.CorrelationID) > 0 {
		all["correlation_id_hex"] = hex.EncodeToString(d.Event.CorrelationID)
	}
	if d.Event.TTL != 0 {
		all["ttl_ms"] = d.Event.TTL
	}
	if d.Event.Priority != 0 {
		all["priority"] = [...]string{"normal", "high", "low"}[d.Event.Priority]
	}
	var headers []any
	wire.Headers(d.Props, func(key, value []byte) {
		headers = append(headers, map[string]any{"key": string(key), "value_hex": hex.EncodeToString(value)})
	})
	if headers != nil {
		all["headers"] = headers
	}
	return all
}

func readAck(r *vectors.Record) (map[string]any, wire.Code) {
	a, code := wire.ReadAck(r.Hex)
	return map[string]any{
		"code": a.Code.String(), "number": decimal(a.Number), "count": a.Count, "local": a.Local, "peers": a.Peers,
	}, code
}

func readGap(r *vectors.Record) (map[string]any, wire.Code) {
	g, code := wire.ReadGap(r.Hex)
	return map[string]any{
		"reason": g.Reason.String(), "subscription": g.Subscription, "publisher": decimal(g.Publisher),
		"from": decimal(g.From), "to": decimal(g.To), "count": decimal(g.Count), "where": g.Where,
	}, code
}

func readAnswer(r *vectors.Record) (map[string]any, wire.Code) {
	a, code := wire.ReadAnswer(r.Hex)
	return map[string]any{"code": a.Code.String(), "subscription": a.ID, "text": string(a.Text)}, code
}

func readSubscribed(r *vectors.Record) (map[string]any, wire.Code) {
	s, code := wire.ReadSubscribed(r.Hex)
	all := map[string]any{
		"code": s.Code.String(), "subscription": s.ID, "text": string(s.Text), "keep_ms": s.KeepMs,
		"token_hex": hex.EncodeToString(s.Token), "taken_over": s.TakenOver,
	}
	if s.Position != nil {
		all["position_runs"], all["position_gaps"] = decimal(s.Position.Runs), decimal(s.Position.Gaps)
	}
	return all, code
}

func readResult(r *vectors.Record) (map[string]any, wire.Code) {
	a, code := wire.ReadResult(r.Hex)
	return map[string]any{"code": a.Code.String(), "request": a.ID, "text": string(a.Text)}, code
}

func readRefusal(r *vectors.Record) (map[string]any, wire.Code) {
	e, code := wire.ReadRefusal(r.Hex)
	return map[string]any{
		"code": e.Code.String(), "closes": e.Closes, "reference": decimal(e.Reference), "text": e.Text,
	}, code
}

func readPing(r *vectors.Record) (map[string]any, wire.Code) {
	opaque, code := wire.ReadPing(r.Hex)
	return map[string]any{"opaque": decimal(opaque)}, code
}
