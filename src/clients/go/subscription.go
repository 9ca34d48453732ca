package nexusd

import (
	"context"
	"encoding/hex"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nexusd/client-go/internal/topics"
	"github.com/nexusd/client-go/internal/wire"
)

// messagesAhead is how many messages the channel of Messages holds.
const messagesAhead = 256

// Subscription gets the events that match its filters. It stays open over reconnects until it or its context is closed.
//
// Take messages with Next, NextBatch, Messages or All; each message goes to one of the takers. One that takes slowly
// holds up nobody else: what does not fit waits in the daemon and is subject to the overflow policy there.
type Subscription struct {
	client  *Client
	id      uint32
	filters []string
	options *subscribeOptions
	queue   queue
	had     received
	kept    keeping

	arrival chan struct{} // holds a token when messages came
	waiting atomic.Int32
	done    chan struct{} // closed when nothing follows
	ready   chan struct{} // closed when the daemon has confirmed

	confirmOnce sync.Once
	release     func() bool
	channelOnce sync.Once
	channel     chan *Message
}

// Subscribe opens a subscription of 1 to 1,024 filters. It does not wait for the daemon, see Ready. It ends when Close
// is called or ctx ends.
//
// Bad filters fail with ErrSubscribe at once; a refusal of the daemon is what Ready and Next fail with.
func (c *Client) Subscribe(ctx context.Context, filters []string, opts ...SubscribeOption) (*Subscription, error) {
	set, err := newSubscribeOptions(opts)
	if err != nil {
		return nil, err
	}
	filters, err = checkFilters(filters, set)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, contextError(ctx, "subscribing")
	}
	s := &Subscription{
		client: c, filters: filters, options: set, arrival: make(chan struct{}, 1), done: make(chan struct{}),
		ready: make(chan struct{}),
	}
	s.queue.limit, s.queue.kept = set.receiveBuffer, set.hasKeep
	s.kept.token, _ = hex.DecodeString(set.token) // was checked
	s.queue.filling = &batch{}
	c.start()
	if err := c.open(s); err != nil {
		return nil, err
	}
	s.release = context.AfterFunc(ctx, func() { s.end(contextError(ctx, "receiving"), true) })
	return s, nil
}

func checkFilters(filters []string, o *subscribeOptions) ([]string, error) {
	if len(filters) == 0 || len(filters) > wire.MaxFilters {
		return nil, refusal(KindSubscribe, wire.OverLimit, "a subscription has 1 to %d filters, not %d", wire.MaxFilters,
			len(filters))
	}
	if o.hasGroup && topics.CheckGroup(o.group) != topics.Valid {
		return nil, refusal(KindSubscribe, wire.BadFilter, "cannot subscribe in the group '%s': %s", shorten(o.group),
			topics.BadGroup.Describe())
	}
	checked := make([]string, len(filters))
	groups := 0
	for i, filter := range filters {
		if o.hasGroup {
			filter = topics.InGroup(o.group, filter)
		}
		parsed, reason := topics.ParseFilter(filter)
		if reason != topics.Valid {
			return nil, refusal(KindSubscribe, wire.BadFilter, "cannot subscribe to '%s': %s", shorten(filter),
				reason.Describe())
		}
		if parsed.Group != "" {
			groups++
		}
		checked[i] = filter
	}
	if groups != 0 && groups != len(filters) {
		return nil, refusal(KindSubscribe, wire.BadFilter,
			"a subscription has filters of groups or plain ones, not both: open two subscriptions")
	}
	return checked, nil
}

// Filters gives the filters as the daemon was told them, a group's prefix included.
func (s *Subscription) Filters() []string { return slices.Clone(s.filters) }

// Ready returns when the daemon has confirmed the subscription: what is published afterwards will come.
func (s *Subscription) Ready(ctx context.Context) error {
	select {
	case <-s.ready:
		return nil
	case <-s.done:
		return s.queue.err
	case <-ctx.Done():
		return contextError(ctx, "waiting for the daemon to confirm the subscription")
	}
}

// Next waits for a message. It fails when ctx ends, or when the subscription has ended and nothing is left.
func (s *Subscription) Next(ctx context.Context) (*Message, error) {
	for {
		message, more, grant := s.queue.takeOne()
		s.grant(grant)
		if message != nil {
			if more && s.waiting.Load() > 0 {
				s.wakeReader()
			}
			return message, nil
		}
		if err := s.await(ctx); err != nil {
			return nil, err
		}
	}
}

// NextBatch waits for messages and gives all that are there: the fastest way. The slice, its messages and their
// payloads are valid until the next call of NextBatch or Next; Clone what you keep. For one goroutine at a time.
func (s *Subscription) NextBatch(ctx context.Context) ([]Message, error) {
	for {
		messages, grant := s.queue.takeBatch()
		s.grant(grant)
		if len(messages) > 0 {
			return messages, nil
		}
		if err := s.await(ctx); err != nil {
			return nil, err
		}
	}
}

// Messages gives a channel of messages. It is closed when the subscription has ended; Err says why. Of a subscription
// that is kept (WithKeep) a message counts as taken when it is received from the channel.
func (s *Subscription) Messages() <-chan *Message {
	s.channelOnce.Do(func() {
		ahead := messagesAhead
		if s.options.hasKeep {
			ahead = 0 // what is taken is confirmed, so nothing may wait here
		}
		s.channel = make(chan *Message, ahead)
		go s.pump()
	})
	return s.channel
}

func (s *Subscription) pump() {
	defer close(s.channel)
	for {
		message, err := s.Next(context.Background())
		if err != nil {
			return
		}
		select {
		case s.channel <- message:
		case <-s.done:
			// What was taken before the end is offered, but nobody has to read it.
			select {
			case s.channel <- message:
			default:
				return
			}
		}
	}
}

// All gives an iterator for `for message, err := range sub.All(ctx)` (Go 1.23 and later). An error is the last thing it
// gives; leaving the loop closes the subscription.
func (s *Subscription) All(ctx context.Context) func(yield func(*Message, error) bool) {
	return func(yield func(*Message, error) bool) {
		defer s.Close()
		for {
			message, err := s.Next(ctx)
			if !yield(message, err) || err != nil {
				return
			}
		}
	}
}

// Err says why the subscription ended; nil while it is open or messages are left.
func (s *Subscription) Err() error {
	select {
	case <-s.done:
		return s.queue.endedWith()
	default:
		return nil
	}
}

// Close ends the subscription; messages that were not taken are thrown away. It always returns nil.
func (s *Subscription) Close() error {
	s.release()
	s.end(failure(KindClosed, "the subscription was closed"), true)
	return nil
}

func (s *Subscription) end(err error, discard bool) {
	s.client.forget(s)
	s.complete(err, discard)
}

// complete says that nothing follows.
func (s *Subscription) complete(err error, discard bool) {
	if s.queue.end(err, discard) {
		close(s.done)
		o := s.client.outbox
		o.mu.Lock()
		defer o.mu.Unlock()
		s.kept.tell(err)
	}
}

func (s *Subscription) await(ctx context.Context) error {
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	select {
	case <-s.arrival:
		return nil
	case <-ctx.Done():
		return contextError(ctx, "waiting for a message")
	case <-s.done:
		return s.queue.endedWith()
	}
}

// wakeReader tells one of those who wait that messages came.
func (s *Subscription) wakeReader() {
	select {
	case s.arrival <- struct{}{}:
	default:
	}
}

func (s *Subscription) deliver(d *wire.Deliver, topic string, frameBytes int) {
	s.queue.deliver(d, topic, frameBytes)
	s.kept.runs++
	if !s.options.noResume {
		s.had.note(d)
	}
}

func (s *Subscription) confirm() { s.confirmOnce.Do(func() { close(s.ready) }) }

func (s *Subscription) grant(g grant) {
	if g.bytes == 0 {
		return
	}
	o := s.client.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	s.queue.mu.Lock()
	current := s.queue.epoch == g.epoch
	s.queue.mu.Unlock()
	if current {
		o.sendControl(func(to []byte) []byte { return wire.AppendCredit(to, s.id, g.bytes) })
	}
}

// appendSubscribe writes SUBSCRIBE for a connection. The outbox's lock is held.
func (s *Subscription) appendSubscribe(to []byte) []byte {
	frame := wire.Subscribe{
		NoRetained: s.options.noRetained, ID: s.id, Credit: s.queue.subscribing(),
		Events: uint32(s.options.queueEvents), Bytes: uint32(s.options.queueBytes),
		Overflow: uint8(s.options.overflow), Strategy: uint8(s.options.strategy),
		BlockTimeout: s.options.blockTimeout, Filters: s.filters, KeepMs: uint32(s.options.keep.Milliseconds()),
		KeepToken: s.kept.token, Position: s.kept.position(),
	}
	if s.had.since == 0 {
		s.had.begin(time.Now())
	} else if !s.options.noResume {
		frame.HasResume, frame.Since, frame.Resume = true, s.had.since, s.had.list()
	}
	return s.kept.appendPause(wire.AppendSubscribe(to, &frame), s.id)
}

// open adds a subscription and asks for it where there is a connection.
func (c *Client) open(s *Subscription) error {
	o := c.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing {
		return closedError()
	}
	s.id = c.nextID()
	c.subs[s.id] = s
	o.sendControl(s.appendSubscribe)
	return nil
}

// forget takes a subscription away and tells the daemon, unless it is paused: then it waits for its successor.
func (c *Client) forget(s *Subscription) {
	o := c.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	if c.subs[s.id] == s {
		delete(c.subs, s.id)
		if !s.kept.pausedUntil.IsZero() {
			return
		}
		o.sendControl(func(to []byte) []byte { return wire.AppendUnsubscribe(to, s.id) })
	}
}

func (c *Client) findSubscription(id uint32) *Subscription {
	c.outbox.mu.Lock()
	defer c.outbox.mu.Unlock()
	return c.subs[id]
}

// nextID gives an id that is in use for nothing. The outbox's lock is held.
func (c *Client) nextID() uint32 {
	for {
		c.lastID++
		if c.lastID != 0 && c.subs[c.lastID] == nil && c.queries[c.lastID] == nil {
			return c.lastID
		}
	}
}

// restore asks again for all that is open. The outbox's lock is held.
func (c *Client) restore() {
	o := c.outbox
	ids := make([]uint32, 0, len(c.subs))
	for id := range c.subs {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		o.control = c.subs[id].appendSubscribe(o.control)
	}
	for id, query := range c.queries {
		o.control = wire.AppendQuery(o.control, id, query.text)
	}
}

func (c *Client) closeRequests() {
	c.outbox.mu.Lock()
	subs, queries := c.subs, c.queries
	c.subs, c.queries = make(map[uint32]*Subscription), make(map[uint32]*pendingQuery)
	c.outbox.mu.Unlock()
	for _, s := range subs {
		s.complete(closedError(), false)
	}
	for _, query := range queries {
		query.answer <- queryAnswer{err: closedError()}
	}
}
