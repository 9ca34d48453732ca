package nexusd

import (
	"net"
	"time"
)

const (
	// One write of this size costs about as little per byte as any larger one.
	writeBytes = 64 << 10
	// From so many writes within a millisecond on the writer collects events for a moment before each write.
	writesPerMillisecond = 50
	gatherTime           = 100 * time.Microsecond
	// Fewer events than these in that moment: each goes out by itself again.
	quietEvents = 4
	// A queue of session frames that grew beyond this, to declare many topics, is not kept.
	keptControlBytes = 64 << 10
)

// signal wakes the writer where it waits for work. The caller holds the lock.
func (o *outbox) signal() {
	if o.idle {
		o.idle = false
		select {
		case o.wake <- struct{}{}:
		default:
		}
	}
}

// writeLoop sends what has gathered, until its connection is no longer the present one.
func (o *outbox) writeLoop(conn net.Conn, done chan struct{}) {
	defer close(done)
	var pace pace
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.conn == conn {
		if pace.gathering && len(o.control) == 0 && o.unsent() < writeBytes {
			before := o.nextNumber
			o.mu.Unlock()
			shortSleep(gatherTime)
			o.mu.Lock()
			pace.gathering = o.nextNumber-before >= quietEvents
		}
		data, from := o.takeSlice()
		if data == nil {
			o.idle = true
			o.mu.Unlock()
			<-o.wake
			o.mu.Lock()
			o.idle = false
			continue
		}
		o.mu.Unlock()
		sent, err := conn.Write(data)
		pace.wrote()
		o.mu.Lock()
		if from != nil {
			from.sent += sent
		} else {
			if cap(data) <= keptControlBytes {
				o.spare = data[:0]
			}
			o.byeSent = o.byeSent || (o.leaving && len(o.control) == 0 && err == nil)
		}
		if err != nil {
			// The reader sees the end of the stream and does what follows.
			_ = conn.Close()
			if o.conn == conn {
				o.conn = nil
			}
			o.tellRoom()
			return
		}
		o.trim()
	}
}

// unsent counts the bytes of the log that wait for the writer, up to the end of a chunk.
func (o *outbox) unsent() int {
	if o.sendChunk != o.tail {
		return chunkBytes
	}
	return o.tail.length - o.tail.sent
}

// takeSlice says what to send next: the session's frames, else events; nil: nothing.
func (o *outbox) takeSlice() ([]byte, *chunk) {
	if len(o.control) > 0 {
		data := o.control
		o.control, o.spare = o.spare[:0], nil
		return data, nil
	}
	if o.leaving {
		return nil, nil
	}
	for o.sendChunk.sent == o.sendChunk.length && o.sendChunk.next != nil {
		o.sendChunk = o.sendChunk.next
	}
	from := o.sendChunk
	if from.sent == from.length {
		return nil, nil
	}
	if from == o.tail {
		o.closeRun()
	}
	return from.data[from.sent:from.length], from
}

// pace notices when so many small writes are made that collecting is worth the delay.
type pace struct {
	windowStart time.Time
	writes      int
	gathering   bool
}

func (p *pace) wrote() {
	if p.gathering {
		return
	}
	now := time.Now()
	if now.Sub(p.windowStart) > time.Millisecond {
		p.windowStart, p.writes = now, 0
	}
	p.writes++
	p.gathering = p.writes >= writesPerMillisecond
}
