package nexusd

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"sync"
	"time"
)

const (
	replyRepeatFirst = 5 * time.Millisecond
	replyRepeatFor   = time.Second
)

// inbox is where the replies to all requests of a client arrive: one subscription, opened before the first request.
type inbox struct {
	mu      sync.Mutex
	prefix  string
	sub     *Subscription
	counter uint64
	waiting map[string]chan *Message
}

// Request publishes an event and waits for one reply: until ctx ends, or where it has no deadline for 5 s
// (WithRequestTimeout). It fails with ErrNoResponder at once where nobody could get it, and with ErrTimeout.
func (c *Client) Request(ctx context.Context, topic string, payload []byte) (*Message, error) {
	return c.RequestWith(ctx, &PublishRequest{Topic: topic, Payload: payload})
}

// RequestWith is Request for an event with content type, headers and so on. Its reply topic is made here, and its
// correlation id where it has none.
func (c *Client) RequestWith(ctx context.Context, request *PublishRequest) (*Message, error) {
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.options.requestTimeout)
		defer cancel()
	}
	prefix, err := c.openInbox(ctx)
	if err != nil {
		return nil, err
	}
	own := *request
	reply := make(chan *Message, 1)
	own.ReplyTopic = c.inbox.expect(prefix, reply)
	defer c.inbox.forget(own.ReplyTopic)
	if own.CorrelationID == "" {
		own.CorrelationID = own.ReplyTopic[len(prefix):]
	}
	props, err := appendEventProperties(nil, &own)
	if err != nil {
		return nil, err
	}
	ack, index, err := c.outbox.publishAcknowledged(ctx, own.Topic, own.Payload, own.flags(), props)
	if err != nil {
		return nil, err
	}
	select {
	case message := <-reply: // it may overtake the acknowledgement
		return message, nil
	case <-ack.done:
	case <-ctx.Done():
		return nil, contextError(ctx, "waiting for the acknowledgement of a request")
	}
	result, err := c.outbox.waitAcknowledged(ctx, ack, index, c.options.ackTimeout)
	if err != nil {
		return nil, err
	}
	if result.Local == 0 && result.Peers == 0 {
		return nil, failure(KindNoResponder,
			"nobody subscribes to '%s', so nobody can reply: start the responder, or check the topic", shorten(own.Topic))
	}
	select {
	case message := <-reply:
		return message, nil
	case <-ctx.Done():
		return nil, contextError(ctx, "waiting for a reply to '"+shorten(own.Topic)+"'")
	case <-c.stop.Done():
		return nil, closedError()
	}
}

// Reply answers a message that came with a reply topic, and waits for the acknowledgement. As the interest in replies
// may reach this node a moment later than the request, it is published again for a second at most while nobody gets
// it; if nobody does, that is ErrNoResponder. A message without reply topic is ErrArgument.
func (c *Client) Reply(ctx context.Context, to *Message, payload []byte) error {
	return c.ReplyWith(ctx, to, &PublishRequest{Payload: payload})
}

// ReplyWith is Reply for an event with content type, headers and so on; topic and correlation id are filled in.
func (c *Client) ReplyWith(ctx context.Context, to *Message, reply *PublishRequest) error {
	own := *reply
	own.Topic, own.CorrelationID = to.ReplyTopic(), to.CorrelationID()
	if own.Topic == "" {
		return failure(KindArgument, "the message on '%s' has no reply topic: nobody waits for an answer", to.Topic)
	}
	deadline := time.Now().Add(replyRepeatFor)
	for wait := replyRepeatFirst; ; wait *= 2 {
		result, err := c.PublishWithResult(ctx, &own)
		if err != nil || result.Local > 0 || result.Peers > 0 {
			return err
		}
		left := time.Until(deadline)
		if left <= 0 {
			return failure(KindNoResponder,
				"nobody waits for the reply on '%s' any more: the request was given up, or its client has ended",
				shorten(own.Topic))
		}
		select {
		case <-time.After(min(wait, left)):
		case <-ctx.Done():
			return contextError(ctx, "waiting for somebody to take the reply")
		case <-c.stop.Done():
			return closedError()
		}
	}
}

// openInbox subscribes to the replies, once, and waits until the daemon has confirmed.
func (c *Client) openInbox(ctx context.Context) (string, error) {
	in := &c.inbox
	in.mu.Lock()
	if in.sub == nil {
		if in.prefix == "" {
			var digits [8]byte
			if _, err := rand.Read(digits[:]); err != nil {
				in.mu.Unlock()
				return "", &Error{Kind: KindArgument, Text: "the system gives no random numbers", Cause: err}
			}
			in.prefix = "$reply/" + hex.EncodeToString(digits[:]) + "/"
			in.waiting = make(map[string]chan *Message)
		}
		sub, err := c.Subscribe(context.Background(), []string{in.prefix + "*"}, WithoutRetained())
		if err != nil {
			in.mu.Unlock()
			return "", err
		}
		in.sub = sub
		go in.distribute(sub)
	}
	sub, prefix := in.sub, in.prefix
	in.mu.Unlock()
	return prefix, sub.Ready(ctx)
}

// expect makes the reply topic of a request.
func (in *inbox) expect(prefix string, reply chan *Message) string {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.counter++
	topic := prefix + strconv.FormatUint(in.counter, 10)
	in.waiting[topic] = reply
	return topic
}

func (in *inbox) forget(topic string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.waiting, topic)
}

// distribute hands replies to those who wait; late ones are ignored. A subscription that ends, for the daemon refused
// it, is opened again by the next request.
func (in *inbox) distribute(sub *Subscription) {
	for {
		message, err := sub.Next(context.Background())
		in.mu.Lock()
		if err != nil {
			if in.sub == sub {
				in.sub = nil
			}
			in.mu.Unlock()
			return
		}
		reply := in.waiting[message.Topic]
		delete(in.waiting, message.Topic)
		in.mu.Unlock()
		if reply != nil {
			reply <- message
		}
	}
}
