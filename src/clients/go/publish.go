package nexusd

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nexusd/client-go/internal/wire"
)

// Publish puts an event into the publish buffer and returns: fire-and-forget. The request and its payload may be
// used again at once.
//
// While the daemon is there a full buffer makes the call wait, until ctx ends at most; while it is away the call fails
// with ErrBufferFull. A bad topic, or too large a payload, is ErrPublish. An event that is on its way when a connection
// breaks may be lost: Statistics counts those as InDoubt. Use PublishWithResult where that matters.
func (c *Client) Publish(ctx context.Context, request *PublishRequest) error {
	if !c.started.Load() {
		c.start()
	}
	if !hasProperties(request) {
		return c.outbox.publish(ctx, request.Topic, request.Payload, request.flags(), nil)
	}
	var scratch [256]byte
	props, err := appendEventProperties(scratch[:0], request)
	if err != nil {
		return err
	}
	return c.outbox.publish(ctx, request.Topic, request.Payload, request.flags(), props)
}

// PublishWithResult publishes and waits for the daemon's acknowledgement, for 30 s at most (WithAcknowledgeTimeout). It
// fails as Publish does, with ErrPublish where the daemon refuses the event, and with ErrTimeout. An event that was not
// acknowledged when a connection broke is sent again with the same number, and the daemon drops what it had.
func (c *Client) PublishWithResult(ctx context.Context, request *PublishRequest) (*PublishResult, error) {
	c.start()
	props, err := appendEventProperties(nil, request)
	if err != nil {
		return nil, err
	}
	ack, index, err := c.outbox.publishAcknowledged(ctx, request.Topic, request.Payload, request.flags(), props)
	if err != nil {
		return nil, err
	}
	return c.outbox.waitAcknowledged(ctx, ack, index, c.options.ackTimeout)
}

// PublishMany publishes many events of one topic, as Publish does but faster. It returns how many were taken: all,
// unless there is an error.
func (c *Client) PublishMany(ctx context.Context, topic string, payloads [][]byte) (int, error) {
	c.start()
	return c.outbox.publishMany(ctx, topic, payloads)
}

// Flush returns when the daemon has taken all that was published before.
func (c *Client) Flush(ctx context.Context) error {
	return c.outbox.flush(ctx, false)
}

func (r *PublishRequest) flags() byte {
	if r.Retain {
		return wire.FlagRetain
	}
	return 0
}

func hasProperties(r *PublishRequest) bool {
	return r.ContentType != "" || r.CorrelationID != "" || len(r.Headers) > 0 || r.TTL != 0 ||
		r.Priority != PriorityNormal || r.ReplyTopic != ""
}

// appendEventProperties writes and checks what a request carries beside topic and payload.
func appendEventProperties(to []byte, r *PublishRequest) ([]byte, error) {
	begin := len(to)
	if err := checkTexts(r); err != nil {
		return nil, err
	}
	if r.ContentType != "" {
		to = wire.AppendContentType(to, r.ContentType)
	}
	if r.CorrelationID != "" {
		to = wire.AppendCorrelation(to, []byte(r.CorrelationID))
	}
	to, err := appendHeaders(to, r.Headers)
	if err != nil {
		return nil, err
	}
	if r.TTL != 0 {
		milliseconds := r.TTL / time.Millisecond
		if milliseconds < 1 || milliseconds > 1<<32-1 {
			return nil, refusal(KindPublish, wire.OverLimit, "the TTL is %s; 1 ms to 49 days are possible", r.TTL)
		}
		to = wire.AppendTTL(to, uint32(milliseconds))
	}
	if r.Priority != PriorityNormal {
		to = wire.AppendPriority(to, byte(r.Priority))
	}
	if r.ReplyTopic != "" {
		to = wire.AppendReplyTopic(to, r.ReplyTopic)
	}
	if size := len(to) - begin; size > wire.MaxEventProperties {
		return nil, refusal(KindPublish, wire.OverLimit,
			"content type, headers and so on take %d bytes together; at most %d are allowed", size,
			wire.MaxEventProperties)
	}
	return to, nil
}

func checkTexts(r *PublishRequest) error {
	switch {
	case !wire.ValidText([]byte(r.ContentType), 0, wire.MaxShortText):
		return refusal(KindPublish, wire.OverLimit,
			"the content type has %d bytes; at most %d of UTF-8 without NUL are allowed", len(r.ContentType),
			wire.MaxShortText)
	case len(r.CorrelationID) > wire.MaxShortText:
		return refusal(KindPublish, wire.OverLimit, "the correlation id has %d bytes; at most %d are allowed",
			len(r.CorrelationID), wire.MaxShortText)
	case !wire.ValidText([]byte(r.ReplyTopic), 0, wire.MaxTopicBytes):
		return refusal(KindPublish, wire.OverLimit,
			"the reply topic has %d bytes; at most %d of UTF-8 without NUL are allowed", len(r.ReplyTopic),
			wire.MaxTopicBytes)
	case r.Priority > PriorityLow:
		return refusal(KindPublish, wire.OverLimit, "the priority is %d; use one of the constants", r.Priority)
	}
	return nil
}

func appendHeaders(to []byte, headers map[string]string) ([]byte, error) {
	if len(headers) == 0 {
		return to, nil
	}
	if len(headers) > wire.MaxHeaders {
		return nil, refusal(KindPublish, wire.OverLimit, "the event has %d headers; at most %d are allowed", len(headers),
			wire.MaxHeaders)
	}
	// In one order, so that events with the same headers travel together.
	keys := make([]string, 0, len(headers))
	for key := range headers {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		value := headers[key]
		if !wire.ValidText([]byte(key), 1, wire.MaxShortText) {
			return nil, refusal(KindPublish, wire.OverLimit,
				"the header key '%s' has %d bytes; 1 to %d of UTF-8 without NUL are allowed",
				shorten(strings.ToValidUTF8(key, "?")), len(key), wire.MaxShortText)
		}
		if len(value) > wire.MaxEventProperties {
			return nil, refusal(KindPublish, wire.OverLimit, "the header '%s' has %d bytes; all together may have %d", key,
				len(value), wire.MaxEventProperties)
		}
		to = wire.AppendHeader(to, key, value)
	}
	return to, nil
}
