package nexusd

import (
	"net"

	"github.com/nexusd/client-go/internal/wire"
)

// What happens to the log between two connections. None of it is in a hurry.

// attach starts to send over a connection: declares every topic, restores the session, then sends the log from where
// it must be sent again. False: events were too large for this daemon and were taken out of the log, so that the
// numbers are new; connect again with a new publisher id.
func (o *outbox) attach(conn net.Conn, welcome *wire.Welcome, restore func()) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.maxPayload = int(min(welcome.MaxPayload, 1<<31-1))
	o.maxFrame = int(min(welcome.MaxFrame, 1<<31-1))
	o.maxAliases = int(min(welcome.MaxAliases, wire.DefaultMaxAliases))
	if !o.fitLog() {
		return false
	}
	o.renumberFrom(welcome.NextNumber)
	o.conn, o.leaving, o.byeSent = conn, false, false
	for _, topic := range o.topics {
		topic.declared = topic.alias != 0
		if topic.declared {
			o.control = wire.AppendTopic(o.control, topic.alias, topic.name)
		}
	}
	restore()
	if len(o.flushes) > 0 {
		o.ping()
	}
	o.writerDone = make(chan struct{})
	go o.writeLoop(conn, o.writerDone)
	return true
}

// detach stops sending, as the connection is gone, and sets the log back to where it has to be sent again from.
func (o *outbox) detach(orderly bool) {
	o.mu.Lock()
	writerDone := o.writerDone
	o.writerDone = nil
	o.conn = nil
	o.idle = false
	o.mu.Unlock()
	if writerDone == nil {
		return
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
	<-writerDone
	o.mu.Lock()
	defer o.mu.Unlock()
	// An end that answers our BYE says that everything before it was taken.
	allTaken := orderly && o.byeSent
	o.leaving = false
	o.control = o.control[:0]
	o.closeRun()
	o.rewind(allTaken)
	o.tellRoom()
}

// firstToSend is the number of the first event that the next connection will carry: the one to put into HELLO.
func (o *outbox) firstToSend() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.firstUnsent()
}

func (o *outbox) firstUnsent() uint64 {
	return o.sendChunk.first + countEvents(o.sendChunk.data[:o.sendChunk.sent])
}

// rewind sets the log back to the oldest publish that waits for an acknowledgement, else to the frame that was cut off.
// Events before it that nobody confirmed are in doubt from now on.
func (o *outbox) rewind(allTaken bool) {
	whole := 0
	data := o.sendChunk.data[:o.sendChunk.sent]
	for len(data)-whole >= wire.HeaderBytes && whole+wire.FrameSize(data[whole:]) <= len(data) {
		whole += wire.FrameSize(data[whole:])
	}
	from := o.sendChunk.base + int64(whole)
	if len(o.acks) > 0 && o.acks[0].start < from {
		from = o.acks[0].start
	}
	at := o.head
	for at != o.tail && from >= at.end() {
		at = at.next
	}
	for later := at; later != nil; later = later.next {
		later.sent = 0
	}
	at.sent = int(from - at.base)
	o.sendChunk = at
	o.trim()
	if next := o.firstUnsent(); next > o.confirmed {
		if !allTaken {
			o.inDoubt += next - o.confirmed
		}
		o.confirmed = next
	}
}

// renumberFrom follows the daemon where it numbers the connection's events from another number than was asked for.
func (o *outbox) renumberFrom(first uint64) {
	shift := first - o.firstUnsent() // may wrap around: adding it does so too
	if shift == 0 {
		return
	}
	for c := o.sendChunk; c != nil; c = c.next {
		eachFrame(c.data[c.sent:c.length], func(frame []byte) {
			if frame[4] == wire.KindPing {
				wire.ShiftPing(frame, shift)
			}
		})
	}
	for c := o.head; c != nil; c = c.next {
		c.first += shift
	}
	o.nextNumber += shift
	o.confirmed += shift
	o.numberShift += shift
	for i := range o.flushes {
		o.flushes[i].number += shift
	}
}

// fitLog makes the waiting part of the log fit what this daemon takes.
func (o *outbox) fitLog() bool {
	o.closeRun()
	byAlias := make(map[uint32]*outTopic, len(o.topics))
	fits := true
	for _, topic := range o.topics {
		byAlias[topic.alias] = topic
		fits = fits && topic.alias <= uint32(o.maxAliases)
	}
	for c := o.sendChunk; c != nil && fits; c = c.next {
		eachFrame(c.data[c.sent:c.length], func(frame []byte) { fits = fits && !o.isTooLarge(frame) })
	}
	if fits {
		return true
	}
	for _, topic := range o.topics {
		if topic.alias > uint32(o.maxAliases) {
			topic.alias = 0
		}
	}
	return o.rewriteLog(byAlias)
}

func (o *outbox) isTooLarge(frame []byte) bool {
	return len(frame) > o.maxFrame || (frame[4] == wire.KindPublish && largestPayload(frame) > o.maxPayload)
}

func (o *outbox) rewriteLog(byAlias map[uint32]*outTopic) bool {
	first, endNumber := o.firstUnsent(), o.nextNumber
	old, acks := o.sendChunk, o.acks
	o.acks = nil
	o.nextNumber = first
	fresh := &chunk{data: make([]byte, chunkBytes), base: o.tail.end(), first: first}
	o.head, o.tail, o.sendChunk = fresh, fresh, fresh
	for c := old; c != nil; c = c.next {
		eachFrame(c.data[c.sent:c.length], func(frame []byte) {
			if frame[4] != wire.KindPublish {
				return
			}
			var ack *pendingAck
			if frame[5]&wire.FlagAcknowledge != 0 {
				ack, acks = acks[0], acks[1:]
			}
			o.rewriteFrame(frame, byAlias, ack)
		})
	}
	dropped := endNumber - o.nextNumber
	o.numberShift -= dropped
	o.confirmed = min(o.confirmed, o.nextNumber)
	for i := range o.flushes {
		o.flushes[i].number = min(o.flushes[i].number, o.nextNumber)
	}
	return dropped == 0
}

func (o *outbox) rewriteFrame(frame []byte, byAlias map[uint32]*outTopic, ack *pendingAck) {
	if o.isTooLarge(frame) {
		if ack != nil {
			ack.err = payloadTooLargeError(largestPayload(frame), o.maxPayload)
			close(ack.done)
		}
		return
	}
	publish := wire.ReadPublish(frame)
	// The topic of a frame without alias already stands first among its properties.
	var topicProperty []byte
	alias := publish.Alias
	if alias != 0 {
		topic := byAlias[alias]
		if alias = topic.alias; alias == 0 {
			topicProperty = wire.AppendTopicProperty(nil, topic.name)
		}
	}
	size := len(frame) + len(topicProperty)
	o.ensureChunk(size)
	start := o.tail.length
	copied := o.tail.data[start : start+size]
	wire.PutPublishHeader(copied, size, publish.Flags, len(publish.Props)+len(topicProperty), alias)
	at := wire.PublishHeaderBytes + copy(copied[wire.PublishHeaderBytes:], topicProperty)
	copy(copied[at:], frame[wire.PublishHeaderBytes:])
	o.tail.length += size
	o.nextNumber += countEvents(copied)
	if ack != nil {
		ack.start = o.tail.base + int64(start)
		o.acks = append(o.acks, ack)
	}
}

func eachFrame(frames []byte, call func(frame []byte)) {
	for len(frames) > 0 {
		size := wire.FrameSize(frames)
		call(frames[:size])
		frames = frames[size:]
	}
}

// countEvents counts those of the whole frames at the start of a piece of the log.
func countEvents(frames []byte) uint64 {
	events := 0
	eachFrame(frames, func(frame []byte) {
		if frame[4] == wire.KindPublish {
			count, _ := wire.CountEvents(wire.ReadPublish(frame).Body)
			events += count
		}
	})
	return uint64(events)
}

func largestPayload(frame []byte) int {
	_, largest := wire.CountEvents(wire.ReadPublish(frame).Body)
	return int(largest)
}
