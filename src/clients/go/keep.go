package nexusd

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/nexusd/client-go/internal/wire"
)

// MaxKeep is the longest time for WithKeep and Pause; the daemon's --keep-limit may be shorter.
const MaxKeep = 7 * 24 * time.Hour

// keeping is what of a kept subscription outlives its connection: its token, how far it was received, and whether it is
// paused. The outbox's lock guards it, except that only the connecting goroutine counts frames.
type keeping struct {
	token   []byte // of the last SUBSCRIBED, or from outside
	counted bool   // the daemon said from where to count
	runs    uint64 // DELIVER frames received
	gaps    uint64 // GAP frames received

	pausedUntil time.Time // zero: not paused
	pausesSent  int       // PAUSE frames without an answer
	waiters     []chan error
}

func (k *keeping) position() *wire.Position {
	if !k.counted {
		return nil
	}
	return &wire.Position{Runs: k.runs, Gaps: k.gaps}
}

// confirmed takes a SUBSCRIBED. False: the one that was to go on is gone, and this is a new one.
func (k *keeping) confirmed(answer *wire.Subscribed) bool {
	asked := len(k.token) > 0
	k.token = append([]byte(nil), answer.Token...)
	if k.counted = answer.Position != nil; k.counted {
		k.runs, k.gaps = answer.Position.Runs, answer.Position.Gaps
	}
	k.tellUnlessSent()
	return answer.TakenOver || !asked
}

// appendPause asks for the rest of a pause in a new connection.
func (k *keeping) appendPause(to []byte, id uint32) []byte {
	k.pausesSent = 0
	if k.pausedUntil.IsZero() {
		return to
	}
	k.pausesSent = 1
	return wire.AppendPause(to, id, uint32(max(1, time.Until(k.pausedUntil).Milliseconds())))
}

// tellUnlessSent ends the waits for a pause, unless an answer is still to come.
func (k *keeping) tellUnlessSent() {
	if k.pausesSent == 0 {
		k.tell(nil)
	}
}

func (k *keeping) tell(err error) {
	for _, waiter := range k.waiters {
		waiter <- err
	}
	k.waiters = nil
}

// ResumeToken names a kept subscription, for another process to go on with it (WithResumeToken); a secret. It is empty
// until the daemon has confirmed the subscription, and where it is not kept. It changes only if the daemon lost what it
// kept, which OnNotice tells with code 26.
func (s *Subscription) ResumeToken() string {
	o := s.client.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	if !s.kept.counted {
		return ""
	}
	return hex.EncodeToString(s.kept.token)
}

// Pause lets a kept subscription wait: once it has returned nothing more comes from the daemon until Resume, while
// events queue there. What had come before can still be taken. A paused subscription is not ended by Close, of it or of
// the client: another process may go on with it by its ResumeToken. When the limit (1 ms to MaxKeep, and the daemon's
// --keep-limit) is over, the subscription ends with ErrSubscribe and code 26.
//
// It fails with ErrArgument where WithKeep was not given, with ErrSubscribe where the daemon keeps nothing or the
// subscription has ended.
func (s *Subscription) Pause(ctx context.Context, limit time.Duration) error {
	if limit < time.Millisecond || limit > MaxKeep {
		return failure(KindArgument, "a pause lasts %s; 1 ms to %s are possible", limit, MaxKeep)
	}
	return s.pause(ctx, limit)
}

// Resume lets a paused subscription go on; what waited comes first.
func (s *Subscription) Resume(ctx context.Context) error { return s.pause(ctx, 0) }

func (s *Subscription) pause(ctx context.Context, limit time.Duration) error {
	if s.options.keep == 0 {
		return failure(KindArgument, "only a subscription that is kept can wait: give WithKeep")
	}
	if err := s.Ready(ctx); err != nil {
		return err
	}
	answer := make(chan error, 1)
	o := s.client.outbox
	o.mu.Lock()
	if s.client.subs[s.id] != s {
		o.mu.Unlock()
		if err := s.queue.reason(); err != nil {
			return err
		}
		return failure(KindClosed, "the subscription was closed")
	}
	s.kept.pausedUntil = time.Time{}
	if limit > 0 {
		s.kept.pausedUntil = time.Now().Add(limit)
	}
	s.kept.waiters = append(s.kept.waiters, answer)
	if o.conn != nil && !o.leaving {
		s.kept.pausesSent++
		o.sendControl(func(to []byte) []byte { return wire.AppendPause(to, s.id, uint32(limit.Milliseconds())) })
	}
	o.mu.Unlock()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return contextError(ctx, "waiting for the daemon to pause the subscription, or to let it go on")
	}
}

func (c *Client) onPaused(frame []byte) *Error {
	answer, code := wire.ReadAnswer(frame)
	if code != wire.None {
		return c.lostStep("PAUSED")
	}
	o := c.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	sub := c.subs[answer.ID]
	if sub == nil {
		return nil
	}
	sub.kept.pausesSent = max(0, sub.kept.pausesSent-1)
	if answer.Code == wire.None {
		sub.kept.tellUnlessSent()
		return nil
	}
	sub.kept.pausedUntil = time.Time{}
	sub.kept.tell(refusal(KindSubscribe, answer.Code, "the daemon refused the pause: %s", said(&answer)))
	return nil
}

// noteGap counts a GAP frame of a kept subscription.
func (s *Subscription) noteGap() { s.kept.gaps++ }
