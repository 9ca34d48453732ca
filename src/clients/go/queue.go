package nexusd

import (
	"sync"

	"github.com/nexusd/client-go/internal/wire"
)

// queue holds the deliveries of one subscription that wait for the application. What waits is bounded by the credit
// that the daemon was given: bytes become credit again when the application has taken them.
//
// The reader of the connection fills one batch while the application takes from another.
type queue struct {
	limit int
	kept  bool // credit also confirms: nothing is granted twice, or for an earlier connection

	mu        sync.Mutex // guards what the reader of the connection touches
	filling   *batch
	spare     *batch
	completed bool
	err       error
	held      int // bytes that came and were not taken
	toGrant   int // bytes that were taken and not granted again
	toForget  int // bytes of an earlier connection, which are not granted
	epoch     int // counts SUBSCRIBEs: credit that was meant for an earlier connection is not sent

	takeMu  sync.Mutex // guards the rest; taken before mu
	current *batch
	runAt   int
	slab    []Message // messages of one run with memory of their own
	slabAt  int
	slabRun int // bytes of that run
	inHand  int // bytes of the run, of a kept subscription, whose last message was handed out last
	lent    []Message
}

// batch is deliveries one after the other, copied from the connection's buffer.
type batch struct {
	buf   []byte
	runs  []run
	bytes int
}

func (b *batch) add(d *wire.Deliver, topic string, frameBytes int) {
	at := len(b.buf)
	b.buf = append(append(b.buf, d.Props...), d.Body...)
	body := at + len(d.Props)
	b.runs = append(b.runs, run{
		topic: topic, publisher: d.Publisher, number: d.Number, timestamp: d.Timestamp, props: b.buf[at:body:body],
		body: b.buf[body:len(b.buf):len(b.buf)], frameBytes: frameBytes, count: d.Count, flags: d.Flags,
	})
	b.bytes += frameBytes
}

func (b *batch) clear(limit int) {
	if cap(b.buf) > 2*limit {
		b.buf = nil
	}
	clear(b.runs)
	b.buf, b.runs, b.bytes = b.buf[:0], b.runs[:0], 0
}

func (q *queue) deliver(d *wire.Deliver, topic string, frameBytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.completed {
		return
	}
	q.filling.add(d, topic, frameBytes)
	q.held += frameBytes
}

// subscribing gives the credit for a new connection and begins its epoch.
func (q *queue) subscribing() uint32 {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.epoch++
	q.toGrant = 0
	if q.kept {
		// What is held came in an earlier connection: by its position the daemon knows that it was received.
		q.toForget = q.held
		return uint32(q.limit)
	}
	return uint32(max(1, q.limit-q.held))
}

// takeOne gives the next message with memory of its own; nil: none is there. more: others are waiting.
func (q *queue) takeOne() (message *Message, more bool, grant grant) {
	q.takeMu.Lock()
	defer q.takeMu.Unlock()
	done := q.comeBack()
	for q.slab == nil {
		if q.current != nil && q.runAt < len(q.current.runs) {
			q.unpack(&q.current.runs[q.runAt])
			q.runAt++
			break
		}
		if q.current != nil {
			done += q.current.bytes // of a batch that was lent
		}
		if q.next() == nil {
			return nil, false, q.taken(done, true)
		}
	}
	message = &q.slab[q.slabAt]
	if q.slabAt++; q.slabAt == len(q.slab) {
		done += q.endSlab()
	}
	return message, q.slab != nil || q.hasMore(), q.taken(done, false)
}

// takeBatch gives all messages that are there, in memory that is used again at the next call.
func (q *queue) takeBatch() (messages []Message, grant grant) {
	q.takeMu.Lock()
	defer q.takeMu.Unlock()
	done := q.comeBack()
	if q.slab != nil {
		messages = q.slab[q.slabAt:]
		return messages, q.taken(done+q.endSlab(), false)
	}
	if q.current == nil || q.runAt == len(q.current.runs) {
		if q.current != nil {
			done += q.current.bytes
		}
		if q.next() == nil {
			return nil, q.taken(done, true)
		}
	}
	messages = q.lent[:0]
	for q.runAt < len(q.current.runs) {
		r := &q.current.runs[q.runAt]
		q.runAt++
		number, body := r.number, r.body
		var payload []byte
		for len(body) > 0 {
			payload, body = wire.NextPayload(body)
			messages = append(messages, Message{Topic: r.topic, Payload: payload, Number: number, run: r})
			number++
		}
	}
	q.lent = messages
	return messages, q.taken(done, false)
}

// comeBack gives the bytes of the run whose last message was handed out before: the application is done with it.
func (q *queue) comeBack() int {
	done := q.inHand
	q.inHand = 0
	return done
}

// endSlab ends a run that was handed out message by message; gives the bytes that count as taken now. Those of a kept
// subscription are confirmed by that, so they count when the application comes back for more.
func (q *queue) endSlab() int {
	q.slab, q.slabAt = nil, 0
	if q.kept {
		q.inHand = q.slabRun
		return 0
	}
	return q.slabRun
}

// next gives the batch that was read to the end back and takes what has come since.
func (q *queue) next() *batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.current != nil {
		q.current.clear(q.limit)
		q.spare, q.current = q.current, nil
	}
	if len(q.filling.runs) == 0 {
		return nil
	}
	q.current, q.runAt = q.filling, 0
	if q.filling = q.spare; q.filling == nil {
		q.filling = &batch{}
	}
	q.spare = nil
	return q.current
}

func (q *queue) hasMore() bool {
	if q.current != nil && q.runAt < len(q.current.runs) {
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.filling.runs) > 0
}

// unpack makes the messages of a run, with one piece of memory for all of them.
func (q *queue) unpack(r *run) {
	own := *r
	memory := make([]byte, len(r.props)+len(r.body))
	copy(memory, r.props)
	copy(memory[len(r.props):], r.body)
	own.props, own.body = memory[:len(r.props):len(r.props)], nil
	q.slab, q.slabAt, q.slabRun = make([]Message, r.count), 0, r.frameBytes
	q.current.bytes -= r.frameBytes
	body := memory[len(r.props):]
	for i := range q.slab {
		m := &q.slab[i]
		m.Payload, body = wire.NextPayload(body)
		m.Topic, m.Number, m.run = own.topic, own.number+uint64(i), &own
	}
}

// grant is credit to give to the daemon; 0 bytes: none.
type grant struct {
	bytes uint32
	epoch int
}

// taken counts bytes that the application has taken; many small grants become one. Of a kept subscription all is
// granted before its reader waits.
func (q *queue) taken(bytes int, waits bool) grant {
	if bytes == 0 && !(waits && q.kept) {
		return grant{}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held -= bytes
	forgotten := min(bytes, q.toForget)
	q.toForget -= forgotten
	q.toGrant += bytes - forgotten
	if q.toGrant < q.limit/8 && !(waits && q.kept) {
		return grant{}
	}
	g := grant{bytes: uint32(min(q.toGrant, 1<<31)), epoch: q.epoch}
	q.toGrant = 0
	return g
}

// end says that nothing follows; false: it was said before.
func (q *queue) end(err error, discard bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if discard {
		q.filling.clear(0)
	}
	if q.completed {
		return false
	}
	q.completed, q.err = true, err
	return true
}

// endedWith gives the error once everything was taken.
func (q *queue) endedWith() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.completed && len(q.filling.runs) == 0 {
		return q.err
	}
	return nil
}

// reason gives why nothing follows; nil: it goes on.
func (q *queue) reason() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}
