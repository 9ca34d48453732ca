package nexusd

import (
	"bytes"
	"net"
	"strings"
	"sync"

	"github.com/nexusd/client-go/internal/topics"
	"github.com/nexusd/client-go/internal/wire"
)

const (
	// Two chunks fit into a core's second-level cache.
	chunkBytes = 128 << 10
	// While the daemon is there a publisher waits at this many bytes: more only makes events late.
	unsentWhileConnected = 1 << 20
	chunksKept           = unsentWhileConnected/chunkBytes + 2
	// A run stays short enough to be sent again with its topic as text instead of an alias.
	maxFolded = wire.MaxRunFrame - 3 - wire.MaxTopicBytes
)

// chunk is a piece of the log: whole frames one after the other, appended at the end while the start is being sent.
// Bytes never move, so that the writer reads them without the lock.
type chunk struct {
	data   []byte
	length int
	sent   int // bytes that the present connection took
	base   int64
	first  uint64 // number of the first event in it, or of the next event while there is none
	next   *chunk
}

func (c *chunk) end() int64 { return c.base + int64(c.length) }

func (c *chunk) restart(base int64, first uint64) {
	c.base, c.first, c.length, c.sent, c.next = base, first, 0, 0, nil
}

// outTopic is a topic that this client publishes to. Alias 0: the name goes with each frame.
type outTopic struct {
	name     string
	alias    uint32
	declared bool
}

// pendingAck is a PUBLISH that asked for an acknowledgement; its events' publishers wait for done.
type pendingAck struct {
	start int64
	count uint64
	done  chan struct{}
	ack   wire.Ack
	err   error
}

type flushWaiter struct {
	number uint64
	done   chan error
}

// outbox holds what goes to the daemon. Events are appended to a log of chunks; consecutive events of one topic with
// the same properties become one run. A writer goroutine of each connection sends what has gathered. Frames of the
// session itself (subscriptions, credit, queries) have a queue of their own, as they must not be sent again.
//
// The log is kept from the oldest publish that waits for an acknowledgement. After a reconnect it is sent again from
// there, with the same numbers, so that the daemon drops what it had.
type outbox struct {
	bufferBytes int
	lastError   func() error

	mu          sync.Mutex
	head        *chunk
	tail        *chunk
	sendChunk   *chunk
	free        []*chunk
	topics      map[string]*outTopic
	lastTopic   *outTopic
	acks        []*pendingAck
	flushes     []flushWaiter
	control     []byte
	spare       []byte
	room        chan struct{}
	nextNumber  uint64
	confirmed   uint64
	maxPayload  int
	maxFrame    int
	maxAliases  int
	numberShift uint64
	refused     uint64
	inDoubt     uint64
	closing     bool

	// The run that the log ends in, while it is open.
	runTopic *outTopic
	runProps []byte
	runAck   *pendingAck
	runStart int
	runLimit int
	runFlags byte

	conn       net.Conn
	wake       chan struct{}
	writerDone chan struct{}
	idle       bool
	leaving    bool
	byeSent    bool
}

func newOutbox(bufferBytes int, lastError func() error) *outbox {
	first := &chunk{data: make([]byte, chunkBytes), first: 1}
	return &outbox{
		bufferBytes: bufferBytes, lastError: lastError, head: first, tail: first, sendChunk: first,
		topics: make(map[string]*outTopic), nextNumber: 1, confirmed: 1, maxPayload: wire.DefaultMaxPayload,
		maxFrame: wire.DefaultMaxFrame, maxAliases: wire.DefaultMaxAliases, wake: make(chan struct{}, 1),
	}
}

// fold puts a payload behind those of the run that the log ends in, when it belongs there and fits.
func (o *outbox) fold(topic *outTopic, payload []byte, flags byte, props []byte) bool {
	tail := o.tail
	at := tail.length
	end := at + 4 + len(payload)
	if topic != o.runTopic || flags != o.runFlags || end > o.runLimit || len(payload) > o.maxPayload ||
		!bytes.Equal(props, o.runProps) {
		return false
	}
	putPayload(tail.data[at:end], payload)
	tail.length = end
	o.nextNumber++
	return true
}

func putPayload(to, payload []byte) {
	size := len(payload)
	to[0], to[1], to[2], to[3] = byte(size), byte(size>>8), byte(size>>16), byte(size>>24)
	copy(to[4:], payload)
}

// frameBytes counts a frame with one event, its topic as text included: it may have to be declared or written out.
func frameBytes(topic *outTopic, payload, props int) int {
	return wire.TopicFrameBytes + len(topic.name) + 3 + wire.PublishHeaderBytes + props + 4 + payload
}

func (o *outbox) checkSize(topic *outTopic, payload, props int) error {
	if payload > o.maxPayload || frameBytes(topic, payload, props) > o.maxFrame {
		return payloadTooLargeError(payload, o.maxPayload)
	}
	return nil
}

// writeFrame appends a PUBLISH of one event and leaves its run open.
func (o *outbox) writeFrame(topic *outTopic, payload []byte, flags byte, props []byte) {
	o.closeRun()
	o.ensureChunk(frameBytes(topic, len(payload), len(props)))
	tail := o.tail
	if topic.alias != 0 && !topic.declared {
		tail.length = len(wire.AppendTopic(tail.data[:tail.length], topic.alias, topic.name))
		topic.declared = true
	}
	start := tail.length
	at := start + wire.PublishHeaderBytes
	if topic.alias == 0 {
		at = len(wire.AppendTopicProperty(tail.data[:at], topic.name))
	}
	o.runProps = tail.data[at : at+copy(tail.data[at:], props)]
	at += len(props)
	propBytes := at - start - wire.PublishHeaderBytes
	end := at + 4 + len(payload)
	putPayload(tail.data[at:end], payload)
	wire.PutPublishHeader(tail.data[start:], end-start, flags, propBytes, topic.alias)
	tail.length = end
	o.nextNumber++
	o.runTopic, o.runFlags, o.runStart, o.runAck = topic, flags, start, nil
	o.runLimit = min(start+maxFolded, len(tail.data))
}

// closeRun ends the run that the log ends in and writes its length; later events start a new frame.
func (o *outbox) closeRun() {
	if o.runTopic == nil {
		return
	}
	frame := o.tail.data[o.runStart:o.tail.length]
	size := len(frame)
	frame[0], frame[1], frame[2], frame[3] = byte(size-4), byte((size-4)>>8), byte((size-4)>>16), byte((size-4)>>24)
	o.runTopic, o.runAck, o.runProps = nil, nil, nil
}

func (o *outbox) ensureChunk(room int) {
	if len(o.tail.data)-o.tail.length >= room {
		return
	}
	var next *chunk
	if last := len(o.free) - 1; room <= chunkBytes && last >= 0 {
		next, o.free = o.free[last], o.free[:last]
	} else {
		next = &chunk{data: make([]byte, max(room, chunkBytes))}
	}
	next.restart(o.tail.end(), o.nextNumber)
	o.tail.next = next
	o.tail = next
}

// findTopic looks a topic up, or checks and remembers it.
func (o *outbox) findTopic(name string) (*outTopic, error) {
	if topic, known := o.topics[name]; known {
		o.lastTopic = topic
		return topic, nil
	}
	name = strings.Clone(name)
	if reason := topics.CheckName(name); reason != topics.Valid {
		return nil, badTopicError(name, reason.Describe())
	}
	if topics.IsReserved(name) {
		return nil, badTopicError(name, "names that start with '$' belong to the system; choose another name")
	}
	// A topic for a reply is used once. Beyond the table topics stay unknown: what a client remembers is bounded.
	if topics.IsReply(name) || len(o.topics) >= o.maxAliases {
		return &outTopic{name: name}, nil
	}
	topic := &outTopic{name: name, alias: uint32(len(o.topics)) + 1}
	o.topics[name] = topic
	o.lastTopic = topic
	return topic, nil
}

// sendControl queues a frame of the session, unless there is no connection: then it is restored with the next one. The
// caller holds the lock.
func (o *outbox) sendControl(write func(to []byte) []byte) {
	if o.conn != nil && !o.leaving {
		o.control = write(o.control)
		o.signal()
	}
}

// leave says BYE: no more frames after those that were begun.
func (o *outbox) leave() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sendControl(wire.AppendBye)
	o.leaving = o.conn != nil
}

// held counts the bytes that wait to be sent or acknowledged.
func (o *outbox) held() int { return int(o.tail.end() - o.keepFrom()) }

func (o *outbox) keepFrom() int64 {
	from := o.sendChunk.base + int64(o.sendChunk.sent)
	if len(o.acks) > 0 && o.acks[0].start < from {
		return o.acks[0].start
	}
	return from
}

// trim gives back what is sent and needs no keeping, and tells those who wait for room.
func (o *outbox) trim() {
	for o.sendChunk != o.tail && o.sendChunk.sent == o.sendChunk.length {
		o.sendChunk = o.sendChunk.next
	}
	from := o.keepFrom()
	for o.head != o.tail && o.head != o.sendChunk && o.head.end() <= from {
		done := o.head
		o.head = done.next
		done.next = nil
		if len(done.data) == chunkBytes && len(o.free) < chunksKept {
			o.free = append(o.free, done)
		}
	}
	// The usual case: everything is sent. Start over in the same memory, which is still in the cache.
	if o.head == o.tail && from == o.tail.end() && o.tail.length > 0 {
		o.closeRun()
		if len(o.tail.data) > chunkBytes {
			o.tail.data = make([]byte, chunkBytes)
		}
		o.tail.restart(o.tail.end(), o.nextNumber)
	}
	o.tellRoom()
}

// tellRoom wakes those who wait for room. Not for every little bit, as each of them will fill it again.
func (o *outbox) tellRoom() {
	if o.room != nil && (o.conn == nil || o.closing || o.held() <= unsentWhileConnected/2) {
		close(o.room)
		o.room = nil
	}
}
