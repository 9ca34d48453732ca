package nexusd

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"testing"
	"time"

	"github.com/nexusd/client-go/internal/vectors"
	"github.com/nexusd/client-go/internal/wire"
)

// pieces is a connection that gives one piece at each read.
type pieces struct {
	net.Conn
	left [][]byte
}

func (p *pieces) Read(to []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	got := copy(to, p.left[0])
	if p.left[0] = p.left[0][got:]; len(p.left[0]) == 0 {
		p.left = p.left[1:]
	}
	return got, nil
}

// TestFramesSplitAtEveryByte sends each valid frame of the vectors through the stream reader, cut in two at each byte,
// and with a whole frame before and behind it.
func TestFramesSplitAtEveryByte(t *testing.T) {
	var file struct{ Vectors []vectors.Record }
	vectors.Load(t, "app-v1.json", &file)
	bye := wire.AppendBye(nil)
	for _, r := range file.Vectors {
		if size, _, _ := wire.Cut(r.Hex, wire.DefaultMaxFrame); size == 0 || size != len(r.Hex) {
			continue
		}
		stream := bytes.Join([][]byte{bye, r.Hex, bye}, nil)
		step := 1 + len(stream)/500
		for at := 1; at < len(stream); at += step {
			conn := &pieces{left: [][]byte{stream[:at], stream[at:]}}
			var in reader
			in.reset()
			for i, want := range [][]byte{bye, r.Hex, bye} {
				if got := readOne(t, &in, conn); !bytes.Equal(got, want) {
					t.Fatalf("%s split at %d: frame %d is %x", r.ID, at, i, got)
				}
			}
			if err := in.fill(conn); err != io.EOF || len(in.bytes()) != 0 {
				t.Fatalf("%s split at %d: %d bytes are left, %v", r.ID, at, len(in.bytes()), err)
			}
		}
	}
}

func TestLargeFramesGrowTheBufferForAWhile(t *testing.T) {
	large := frame(wire.KindResult, 0, 0, u32(1), bytes.Repeat([]byte("x"), 3*readBytes))
	conn := &pieces{left: [][]byte{large[:readBytes], large[readBytes:], wire.AppendBye(nil)}}
	var in reader
	in.reset()
	if got := readOne(t, &in, conn); !bytes.Equal(got, large) {
		t.Error("the large frame is broken")
	}
	readOne(t, &in, conn)
	if len(in.data) != readBytes {
		t.Errorf("the buffer keeps %d bytes", len(in.data))
	}
}

func readOne(t *testing.T, in *reader, conn net.Conn) []byte {
	t.Helper()
	for {
		got, code := in.cut()
		if code != wire.None {
			t.Fatalf("refused: %s", code)
		}
		if got != nil {
			return got
		}
		if err := in.fill(conn); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWritesPublishVectors lets the publish buffer write the PUBLISH frames of the vectors.
func TestWritesPublishVectors(t *testing.T) {
	var file struct{ Vectors []vectors.Record }
	vectors.Load(t, "app-v1.json", &file)
	for _, r := range file.Vectors {
		if r.Kind != "publish" || r.DecodeOnly || r.Error != "" {
			continue
		}
		t.Run(r.ID, func(t *testing.T) {
			request, topic, flags, payloads := publishOf(t, &r)
			props, err := appendEventProperties(nil, request)
			if err != nil {
				t.Fatal(err)
			}
			o := newOutbox(1<<20, func() error { return nil })
			o.writeFrame(topic, payloads[0], flags, props)
			for _, payload := range payloads[1:] {
				if !o.fold(topic, payload, flags, props) {
					t.Fatal("the run has no room")
				}
			}
			o.closeRun()
			if got := o.tail.data[:o.tail.length]; !bytes.Equal(got, r.Hex) {
				t.Errorf("got  %x\nwant %x", got, []byte(r.Hex))
			}
		})
	}
}

func publishOf(t *testing.T, r *vectors.Record) (*PublishRequest, *outTopic, byte, [][]byte) {
	var f struct {
		Retain, Acknowledge bool
		Alias               uint32
		Payloads            []vectors.Folded `json:"payloads_hex"`
		Properties          map[string]json.RawMessage
	}
	all, _ := json.Marshal(r.Fields)
	if err := json.Unmarshal(all, &f); err != nil {
		t.Fatal(err)
	}
	request := &PublishRequest{Retain: f.Retain}
	topic := &outTopic{alias: f.Alias, declared: true}
	for name, raw := range f.Properties {
		switch name {
		case "topic":
			topic.name = vectors.Text(t, raw)
		case "content_type":
			request.ContentType = vectors.Text(t, raw)
		case "reply_topic":
			request.ReplyTopic = vectors.Text(t, raw)
		case "correlation_id_hex":
			id, _ := hex.DecodeString(vectors.Text(t, raw))
			request.CorrelationID = string(id)
		case "priority":
			request.Priority = map[string]Priority{"high": PriorityHigh, "low": PriorityLow}[vectors.Text(t, raw)]
		case "ttl_ms":
			var milliseconds int64
			_ = json.Unmarshal(raw, &milliseconds)
			request.TTL = time.Duration(milliseconds) * time.Millisecond
		case "headers":
			var headers []struct {
				Key   json.RawMessage
				Value vectors.Folded `json:"value_hex"`
			}
			_ = json.Unmarshal(raw, &headers)
			request.Headers = make(map[string]string)
			for _, h := range headers {
				request.Headers[vectors.Text(t, h.Key)] = string(h.Value)
			}
		}
	}
	flags := request.flags()
	if f.Acknowledge {
		flags |= wire.FlagAcknowledge
	}
	payloads := make([][]byte, len(f.Payloads))
	for i, payload := range f.Payloads {
		payloads[i] = payload
	}
	return request, topic, flags, payloads
}
