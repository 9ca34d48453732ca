package nexusd

import (
	"context"
	"time"

	"github.com/nexusd/client-go/internal/wire"
)

// publish appends an event without acknowledgement.
func (o *outbox) publish(ctx context.Context, name string, payload []byte, flags byte, props []byte) error {
	o.mu.Lock()
	topic := o.lastTopic
	if topic == nil || topic.name != name {
		var err error
		if topic, err = o.findTopic(name); err != nil {
			o.mu.Unlock()
			return err
		}
	}
	if o.closing || !o.fold(topic, payload, flags, props) {
		if err := o.appendFrame(ctx, topic, payload, flags, props, unsentWhileConnected); err != nil {
			o.mu.Unlock()
			return err
		}
	}
	o.signal()
	o.mu.Unlock()
	return nil
}

// publishMany appends events of one topic; the lock is given up now and then so that the writer gets on.
func (o *outbox) publishMany(ctx context.Context, name string, payloads [][]byte) (int, error) {
	const atOnce = 64 << 10
	o.mu.Lock()
	defer o.mu.Unlock()
	topic, err := o.findTopic(name)
	if err != nil {
		return 0, err
	}
	bytes := 0
	for i, payload := range payloads {
		if o.closing || !o.fold(topic, payload, 0, nil) {
			if err := o.appendFrame(ctx, topic, payload, 0, nil, unsentWhileConnected); err != nil {
				o.signal()
				return i, err
			}
		}
		if bytes += len(payload) + 4; bytes >= atOnce {
			bytes = 0
			o.signal()
			o.mu.Unlock()
			o.mu.Lock()
		}
	}
	o.signal()
	return len(payloads), nil
}

// publishAcknowledged appends an event that asks for an acknowledgement; it is the index-th of those that it is for.
func (o *outbox) publishAcknowledged(
	ctx context.Context, name string, payload []byte, flags byte, props []byte,
) (ack *pendingAck, index uint64, err error) {
	flags |= wire.FlagAcknowledge
	o.mu.Lock()
	defer o.mu.Unlock()
	topic, err := o.findTopic(name)
	if err != nil {
		return nil, 0, err
	}
	if !o.closing && o.fold(topic, payload, flags, props) {
		ack = o.runAck
		ack.count++
	} else {
		if err := o.appendFrame(ctx, topic, payload, flags, props, o.bufferBytes); err != nil {
			return nil, 0, err
		}
		ack = &pendingAck{start: o.tail.base + int64(o.runStart), count: 1, done: make(chan struct{})}
		o.runAck = ack
		o.acks = append(o.acks, ack)
	}
	index = ack.count - 1
	o.signal()
	return ack, index, nil
}

// appendFrame appends an event that begins a frame. It may wait for room, with the lock given up meanwhile.
func (o *outbox) appendFrame(
	ctx context.Context, topic *outTopic, payload []byte, flags byte, props []byte, whileConnected int,
) error {
	if err := o.checkSize(topic, len(payload), len(props)); err != nil {
		return err
	}
	need := frameBytes(topic, len(payload), len(props))
	for {
		if o.closing {
			return closedError()
		}
		limit := o.bufferBytes
		if o.conn != nil {
			limit = min(limit, whileConnected)
		}
		// An empty log takes one frame of any size.
		if held := o.held(); held == 0 || held+need <= limit {
			break
		}
		if o.conn == nil {
			o.refused++
			return o.bufferFull()
		}
		if err := o.waitForRoom(ctx); err != nil {
			return err
		}
	}
	// Another daemon may be there now, which takes less.
	if err := o.checkSize(topic, len(payload), len(props)); err != nil {
		return err
	}
	o.writeFrame(topic, payload, flags, props)
	return nil
}

func (o *outbox) waitForRoom(ctx context.Context) error {
	if o.room == nil {
		o.room = make(chan struct{})
	}
	room := o.room
	o.signal()
	o.mu.Unlock()
	defer o.mu.Lock()
	select {
	case <-room:
		return nil
	case <-ctx.Done():
		return contextError(ctx, "waiting for room in the publish buffer; the daemon is slower than the publishers")
	}
}

func (o *outbox) bufferFull() error {
	e := failure(KindBufferFull,
		"the daemon is away and the %d bytes of the publish buffer are full; the event was not kept", o.bufferBytes)
	if cause := o.lastError(); cause != nil {
		e.Text += ". " + cause.Error()
		e.Cause = cause
	} else {
		e.Text += ". Is nexusd running?"
	}
	return e
}

// waitAcknowledged waits for what the daemon says about an event.
func (o *outbox) waitAcknowledged(
	ctx context.Context, ack *pendingAck, index uint64, timeout time.Duration,
) (*PublishResult, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-ack.done:
	case <-ctx.Done():
		return nil, contextError(ctx, "waiting for the daemon's acknowledgement; the event may still be delivered")
	case <-timer.C:
		e := failure(KindTimeout,
			"the daemon did not acknowledge the event within %s; it may still be delivered", timeout)
		if e.Cause = o.lastError(); e.Cause != nil {
			e.Text += ". " + e.Cause.Error()
		}
		return nil, e
	}
	if ack.err != nil {
		return nil, ack.err
	}
	if ack.ack.Code != wire.None {
		return nil, publishRefusedError(ack.ack.Code)
	}
	return &PublishResult{Local: int(ack.ack.Local), Peers: int(ack.ack.Peers), Number: ack.ack.Number + index}, nil
}

// onAck takes an ACK; false: nothing was waiting for one, so the stream lost step.
func (o *outbox) onAck(ack wire.Ack) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.acks) == 0 {
		return false
	}
	pending := o.acks[0]
	o.acks[0] = nil
	o.acks = o.acks[1:]
	if pending == o.runAck {
		o.closeRun()
	}
	o.confirmed = max(o.confirmed, min(ack.Number+uint64(ack.Count), o.nextNumber))
	o.trim()
	pending.ack = ack
	close(pending.done)
	return true
}

// onPong takes a PONG: the daemon has taken every event below the number.
func (o *outbox) onPong(number uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.confirmed = max(o.confirmed, min(number, o.nextNumber))
	waiting := o.flushes[:0]
	for _, flush := range o.flushes {
		if flush.number <= number {
			flush.done <- nil
		} else {
			waiting = append(waiting, flush)
		}
	}
	clear(o.flushes[len(waiting):])
	o.flushes = waiting
}

// flush returns when the daemon has taken every event that was published so far.
func (o *outbox) flush(ctx context.Context, evenClosing bool) error {
	o.mu.Lock()
	if o.closing && !evenClosing {
		o.mu.Unlock()
		return closedError()
	}
	if o.confirmed >= o.nextNumber && len(o.acks) == 0 {
		o.mu.Unlock()
		return nil
	}
	waiter := flushWaiter{number: o.nextNumber, done: make(chan error, 1)}
	o.flushes = append(o.flushes, waiter)
	o.ping()
	o.mu.Unlock()
	select {
	case err := <-waiter.done:
		return err
	case <-ctx.Done():
		o.forgetFlush(waiter.done)
		return contextError(ctx, "waiting for the daemon to take what was published")
	}
}

func (o *outbox) forgetFlush(done chan error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, flush := range o.flushes {
		if flush.done == done {
			o.flushes = append(o.flushes[:i], o.flushes[i+1:]...)
			return
		}
	}
}

// ping asks the daemon for a sign of life. It stands in the log, behind the events that its answer confirms. The
// caller holds the lock.
func (o *outbox) ping() {
	if o.conn == nil || o.leaving {
		return
	}
	o.closeRun()
	o.ensureChunk(wire.PingFrameBytes)
	o.tail.length = len(wire.AppendPing(o.tail.data[:o.tail.length], wire.KindPing, o.nextNumber))
	o.signal()
}

// close ends everything: those who wait get the error.
func (o *outbox) close(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closing = true
	o.closeRun()
	for _, ack := range o.acks {
		ack.err = err
		close(ack.done)
	}
	o.acks = nil
	for _, flush := range o.flushes {
		flush.done <- err
	}
	o.flushes = nil
	o.tellRoom()
}

// refuseMore makes later publishes fail while the rest is sent.
func (o *outbox) refuseMore() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closing = true
	o.tellRoom()
}

func (o *outbox) statistics(s *Statistics) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s.Published = o.nextNumber - 1 - o.numberShift
	s.Refused, s.InDoubt, s.BufferedBytes = o.refused, o.inDoubt, o.held()
}
