package nexusd

import (
	"net"
	"time"

	"github.com/nexusd/client-go/internal/wire"
)

const readBytes = 256 << 10

// reader cuts the byte stream into frames in place: one large read, then as many frames as it holds. It also keeps what
// belongs to the present connection. Only the connecting goroutine uses it; idleTimeout is guarded by the state's lock.
type reader struct {
	data        []byte
	start, end  int
	aliases     []string
	inline      string
	lastSub     *Subscription
	touched     []*Subscription
	publisherID uint64
	idleTimeout time.Duration
	orderlyEnd  bool
}

func (r *reader) reset() {
	if r.data == nil {
		r.data = make([]byte, readBytes)
	}
	r.start, r.end = 0, 0
	r.aliases = r.aliases[:0]
	r.inline, r.lastSub, r.orderlyEnd = "", nil, false
}

// bytes gives what came and was not used yet.
func (r *reader) bytes() []byte { return r.data[r.start:r.end] }

// fill waits for more bytes.
func (r *reader) fill(conn net.Conn) error {
	r.makeRoom()
	got, err := conn.Read(r.data[r.end:])
	r.end += got
	if got > 0 {
		return nil
	}
	return err
}

// cut gives the next frame when all of it is there; it stays valid until fill.
func (r *reader) cut() ([]byte, wire.Code) {
	size, _, code := wire.Cut(r.bytes(), wire.LargestFrame)
	if size == 0 {
		return nil, code
	}
	frame := r.data[r.start : r.start+size]
	r.start += size
	return frame, wire.None
}

func (r *reader) makeRoom() {
	held := r.bytes()
	need := readBytes
	if len(held) >= wire.HeaderBytes {
		need = max(need, wire.FrameSize(held)) // cut has checked the limit
	}
	if len(r.data) < need || (len(r.data) > readBytes && need == readBytes) {
		grown := make([]byte, need)
		copy(grown, held)
		r.data = grown
	} else if r.start > 0 {
		copy(r.data, held)
	}
	r.start, r.end = 0, len(held)
}

// topic looks up an alias; empty: unknown.
func (r *reader) topic(alias uint32) string {
	if int64(alias) >= int64(len(r.aliases)) {
		return ""
	}
	return r.aliases[alias]
}

func (r *reader) declare(alias uint32, topic string) {
	if missing := int(alias) + 1 - len(r.aliases); missing > 0 {
		r.aliases = append(r.aliases, make([]string, missing)...)
	}
	r.aliases[alias] = topic
}

// inlineTopic gives a topic that came as text; the same one again costs no memory.
func (r *reader) inlineTopic(topic []byte) string {
	if string(topic) != r.inline {
		r.inline = string(topic)
	}
	return r.inline
}
