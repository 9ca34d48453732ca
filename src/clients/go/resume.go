package nexusd

import (
	"container/list"
	"time"

	"github.com/nexusd/client-go/internal/wire"
)

// received notes the last number that a subscription had of each publisher and class, to go on there after a reconnect.
// It is bounded: of more pairs than fit that heard longest ago is left out, and what was stamped before is not asked
// for again. Only the connecting goroutine uses it.
type received struct {
	since   uint64 // 0: no SUBSCRIBE was sent yet
	entries *list.List
	byPair  map[pair]*list.Element
}

type pair struct {
	publisher uint64
	priority  byte
}

func (r *received) begin(now time.Time) {
	r.since = uint64(now.UnixMilli()) << 16
	r.entries = list.New()
	r.byPair = make(map[pair]*list.Element)
}

// note takes note of a run that was received; retained events do not count.
func (r *received) note(d *wire.Deliver) {
	if d.Flags&wire.FlagRetained != 0 {
		return
	}
	number := d.Number + uint64(d.Count) - 1
	var had *wire.Resume
	if last := r.entries.Back(); last != nil {
		had = last.Value.(*wire.Resume)
	}
	if had == nil || had.Publisher != d.Publisher || had.Priority != d.Event.Priority {
		had = r.find(d)
	}
	// A replayed event may be older than one that was had.
	if number >= had.Number {
		had.Number, had.Timestamp = number, d.Timestamp
	}
}

// find gives the entry of a pair, as the one heard last.
func (r *received) find(d *wire.Deliver) *wire.Resume {
	key := pair{d.Publisher, d.Event.Priority}
	if element, known := r.byPair[key]; known {
		r.entries.MoveToBack(element)
		return element.Value.(*wire.Resume)
	}
	if r.entries.Len() >= wire.MaxResumeEntries {
		oldest := r.entries.Front()
		left := r.entries.Remove(oldest).(*wire.Resume)
		delete(r.byPair, pair{left.Publisher, left.Priority})
		r.since = max(r.since, left.Timestamp)
	}
	had := &wire.Resume{Publisher: d.Publisher, Priority: d.Event.Priority}
	r.byPair[key] = r.entries.PushBack(had)
	return had
}

func (r *received) list() []wire.Resume {
	all := make([]wire.Resume, 0, r.entries.Len())
	for e := r.entries.Front(); e != nil; e = e.Next() {
		all = append(all, *e.Value.(*wire.Resume))
	}
	return all
}
