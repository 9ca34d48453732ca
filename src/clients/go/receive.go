package nexusd

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/nexusd/client-go/internal/wire"
)

// receive takes what the daemon sends until the connection ends; it returns why.
func (c *Client) receive(conn net.Conn) *Error {
	for {
		// The first time something may have come together with WELCOME.
		if reason := c.takeFrames(); reason != nil {
			return reason
		}
		if err := c.reader.fill(conn); err != nil {
			c.reader.orderlyEnd = errors.Is(err, io.EOF)
			how := "broke (" + err.Error() + ")"
			if c.reader.orderlyEnd || errors.Is(err, net.ErrClosed) {
				how = "ended"
			}
			e := failure(KindConnection, "the connection to nexusd at %s %s; connecting again", c.address, how)
			e.Cause = err
			return e
		}
		c.lastReceived.Store(time.Now().UnixMilli())
	}
}

func (c *Client) takeFrames() *Error {
	var reason *Error
	for reason == nil {
		frame, code := c.reader.cut()
		if code != wire.None {
			reason = c.lostStep("a frame")
		}
		if frame == nil {
			break
		}
		if frame[4] == wire.KindDeliver {
			reason = c.onDeliver(frame)
		} else {
			reason = c.onOther(frame)
		}
	}
	for i, sub := range c.reader.touched {
		sub.wakeReader()
		c.reader.touched[i] = nil
	}
	c.reader.touched = c.reader.touched[:0]
	return reason
}

func (c *Client) onDeliver(frame []byte) *Error {
	var d wire.Deliver
	if wire.ReadDeliver(frame, 1<<32-1, &d) != wire.None {
		return c.lostStep("DELIVER")
	}
	var topic string
	if d.Alias == 0 {
		topic = c.reader.inlineTopic(d.Event.Topic)
	} else if topic = c.reader.topic(d.Alias); topic == "" {
		return c.lostStep("DELIVER with an unknown topic alias")
	}
	sub := c.reader.lastSub
	if sub == nil || sub.id != d.Subscription {
		if sub = c.findSubscription(d.Subscription); sub == nil {
			return nil // closed here a moment ago; the daemon does not know yet
		}
		c.reader.lastSub = sub
	}
	sub.deliver(&d, topic, len(frame))
	c.received.Add(uint64(d.Count))
	if last := len(c.reader.touched) - 1; last < 0 || c.reader.touched[last] != sub {
		c.reader.touched = append(c.reader.touched, sub)
	}
	return nil
}

func (c *Client) onOther(frame []byte) *Error {
	switch frame[4] {
	case wire.KindTopic:
		alias, topic, code := wire.ReadTopic(frame, wire.DefaultMaxAliases)
		if code != wire.None {
			return c.lostStep("TOPIC")
		}
		c.reader.declare(alias, topic)
	case wire.KindAck:
		ack, code := wire.ReadAck(frame)
		if code != wire.None || !c.outbox.onAck(ack) {
			return c.lostStep("ACK")
		}
	case wire.KindPing, wire.KindPong:
		return c.onPing(frame)
	case wire.KindGap, wire.KindNotice:
		return c.onGap(frame)
	case wire.KindSubscribed:
		return c.onSubscribed(frame)
	case wire.KindUnsubscribed:
		return c.onUnsubscribed(frame)
	case wire.KindPaused:
		return c.onPaused(frame)
	case wire.KindResult:
		return c.onResult(frame)
	case wire.KindError, wire.KindGoAway:
		return c.onRefusal(frame)
	}
	return nil // unknown kinds are skipped
}

func (c *Client) onPing(frame []byte) *Error {
	opaque, code := wire.ReadPing(frame)
	if code != wire.None {
		return c.lostStep("PING or PONG")
	}
	if frame[4] == wire.KindPong {
		c.outbox.onPong(opaque)
		return nil
	}
	c.outbox.mu.Lock()
	defer c.outbox.mu.Unlock()
	c.outbox.sendControl(func(to []byte) []byte { return wire.AppendPing(to, wire.KindPong, opaque) })
	return nil
}

func (c *Client) onGap(frame []byte) *Error {
	gap, code := wire.ReadGap(frame)
	if code != wire.None {
		return c.lostStep("GAP or NOTICE")
	}
	if frame[4] == wire.KindNotice {
		if call := c.options.onLoss; call != nil {
			protect(func() {
				call(PublishLoss{
					Publisher: gap.Publisher, From: gap.From, To: gap.To, Count: gap.Count, Reason: gap.Reason.String(),
					Node: gap.Where,
				})
			})
		}
		return nil
	}
	if gap.Reason != wire.Conflated {
		c.lost.Add(gap.Count)
	}
	sub := c.findSubscription(gap.Subscription)
	if sub != nil {
		sub.noteGap()
	}
	if call := c.options.onGap; call != nil && sub != nil {
		protect(func() {
			call(Gap{
				Filters: sub.Filters(), Publisher: gap.Publisher, From: gap.From, To: gap.To, Count: gap.Count,
				Reason: gap.Reason.String(), Node: gap.Where,
			})
		})
	}
	return nil
}

func (c *Client) onSubscribed(frame []byte) *Error {
	answer, code := wire.ReadSubscribed(frame)
	if code != wire.None {
		return c.lostStep("SUBSCRIBED")
	}
	if answer.Code != wire.None {
		c.endedByDaemon(&answer.Answer)
		return nil
	}
	c.outbox.mu.Lock()
	sub := c.subs[answer.ID]
	goesOn := sub == nil || sub.kept.confirmed(&answer)
	c.outbox.mu.Unlock()
	if sub == nil {
		return nil // closed here a moment ago
	}
	sub.confirm()
	if call := c.options.onNotice; call != nil && !goesOn {
		protect(func() {
			call(Notice{Code: int(wire.KeepOver), Text: fmt.Sprintf(
				"the daemon no longer has the kept subscription to %q; it is a new one, and what waited is lost", sub.filters)})
		})
	}
	return nil
}

func (c *Client) onUnsubscribed(frame []byte) *Error {
	answer, code := wire.ReadAnswer(frame)
	if code != wire.None {
		return c.lostStep("UNSUBSCRIBED")
	}
	if answer.Code != wire.None {
		c.endedByDaemon(&answer)
	}
	return nil
}

// endedByDaemon takes a subscription away that the daemon refused or ended.
func (c *Client) endedByDaemon(answer *wire.Answer) {
	c.outbox.mu.Lock()
	sub := c.subs[answer.ID]
	delete(c.subs, answer.ID)
	c.outbox.mu.Unlock()
	if sub != nil {
		sub.complete(refusal(KindSubscribe, answer.Code, "the daemon refused or ended the subscription to %q: %s",
			sub.filters, said(answer)), false)
	}
}

// said gives the daemon's words, or what its code means.
func said(answer *wire.Answer) string {
	if len(answer.Text) == 0 {
		return answer.Code.String()
	}
	return string(answer.Text)
}

// onRefusal takes ERROR and GOAWAY. Where the daemon is leaving the client says good-bye behind what was begun, so that
// nothing is cut off, and connects again when the daemon has answered by closing.
func (c *Client) onRefusal(frame []byte) *Error {
	refused, code := wire.ReadRefusal(frame)
	if code != wire.None {
		return c.lostStep("ERROR or GOAWAY")
	}
	leaving := frame[4] == wire.KindGoAway
	if !leaving && refused.Closes {
		return c.refused(refused)
	}
	if call := c.options.onNotice; call != nil {
		protect(func() {
			call(Notice{Code: int(refused.Code), Reference: refused.Reference, Text: refused.Text})
		})
	}
	if leaving {
		c.abortReason.Store(refusal(KindConnection, refused.Code, "nexusd at %s is leaving; connecting again", c.address))
		c.outbox.leave()
	}
	return nil
}

func (c *Client) lostStep(what string) *Error {
	return refusal(KindConnection, wire.Malformed,
		"nexusd at %s sent %s that breaks the protocol; connecting again. Please report it with both versions", c.address,
		what)
}
