package nexusd

import (
	"time"

	"github.com/nexusd/client-go/internal/wire"
)

// Message is an event that a subscription got.
//
// Events that were published together arrive together and share memory: keeping one message keeps up to 64 KiB.
// Clone those that are kept for long.
type Message struct {
	Topic   string
	Payload []byte
	// Number is the event's, in the order of its publisher.
	Number uint64
	run    *run
}

// run is what the events of one delivery have in common. Slices point into the batch or the run's own copy.
type run struct {
	topic      string
	publisher  uint64
	number     uint64
	timestamp  uint64
	props      []byte
	body       []byte
	frameBytes int
	count      int
	flags      byte
}

// PublisherID says who published the event.
func (m *Message) PublisherID() uint64 { return m.run.publisher }

// Timestamp is when a daemon accepted the event, by that daemon's clock, to the millisecond.
func (m *Message) Timestamp() time.Time { return time.UnixMilli(int64(m.run.timestamp >> 16)) }

// HybridTimestamp is the time-stamp as it travels: milliseconds since 1970 in the upper 48 bits, then a counter.
func (m *Message) HybridTimestamp() uint64 { return m.run.timestamp }

// ContentType is empty where the publisher gave none.
func (m *Message) ContentType() string { return string(m.properties().ContentType) }

// CorrelationID is empty where the publisher gave none; it may hold any bytes.
func (m *Message) CorrelationID() string { return string(m.properties().CorrelationID) }

// ReplyTopic is where the publisher waits for an answer; empty: nowhere.
func (m *Message) ReplyTopic() string { return string(m.properties().ReplyTopic) }

// TTL is the time to live that the publisher gave; 0: none.
func (m *Message) TTL() time.Duration {
	return time.Duration(m.properties().TTL) * time.Millisecond
}

// Priority is the event's class.
func (m *Message) Priority() Priority { return Priority(m.properties().Priority) }

// Headers makes a map of the headers; nil: there are none.
func (m *Message) Headers() map[string]string {
	var headers map[string]string
	wire.Headers(m.run.props, func(key, value []byte) {
		if headers == nil {
			headers = make(map[string]string)
		}
		headers[string(key)] = string(value)
	})
	return headers
}

// Header looks for one header.
func (m *Message) Header(key string) (value string, ok bool) {
	wire.Headers(m.run.props, func(k, v []byte) {
		if string(k) == key {
			value, ok = string(v), true
		}
	})
	return value, ok
}

// IsRetained says that the event came from the store of retained events, not live.
func (m *Message) IsRetained() bool { return m.run.flags&wire.FlagRetained != 0 }

// IsReplayed says that the event was published while this client was away.
func (m *Message) IsReplayed() bool { return m.run.flags&wire.FlagReplayed != 0 }

// Clone copies the message with memory of its own.
func (m *Message) Clone() *Message {
	own := *m.run
	memory := append(append(make([]byte, 0, len(own.props)+len(m.Payload)), own.props...), m.Payload...)
	own.props = memory[:len(own.props):len(own.props)]
	own.body = nil
	return &Message{Topic: m.Topic, Payload: memory[len(own.props):], Number: m.Number, run: &own}
}

func (m *Message) properties() wire.EventProperties {
	found, _ := wire.ReadEventProperties(m.run.props) // checked when it arrived
	return found
}
