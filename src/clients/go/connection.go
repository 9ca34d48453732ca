package nexusd

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"math/rand"
	"net"
	"syscall"
	"time"

	"github.com/nexusd/client-go/internal/address"
	"github.com/nexusd/client-go/internal/wire"
)

// backoff says how long to wait before the next attempt: a random part of a bound that doubles, so that a thousand
// clients of a restarted daemon do not come back in step.
type backoff struct {
	least, bound, most time.Duration
	random             func() float64
}

func (b *backoff) next() time.Duration {
	floor := b.least / 10
	wait := floor + time.Duration(b.random()*float64(b.bound-floor))
	b.bound = min(2*b.bound, b.most)
	return wait
}

func (b *backoff) reset() { b.bound = b.least }

// run makes connections, one after the other, until the client is closed.
func (c *Client) run() {
	defer close(c.ended)
	wait := backoff{
		least: c.options.reconnectMin, bound: c.options.reconnectMin, most: c.options.reconnectMax, random: rand.Float64,
	}
	c.setState(StateConnecting, nil, 0)
	for {
		welcome, reason := c.connect()
		if reason == nil {
			reason = c.serve(welcome, &wait)
		}
		if conn := c.conn.Swap(nil); conn != nil {
			_ = (*conn).Close()
		}
		c.outbox.detach(c.reader.orderlyEnd)
		if c.stop.Err() != nil {
			return
		}
		retryAfter := wait.next()
		c.setState(StateReconnecting, reason, retryAfter)
		select {
		case <-time.After(retryAfter):
		case <-c.stop.Done():
			return
		}
	}
}

// serve uses a connection until it ends; it returns why.
func (c *Client) serve(welcome *wire.Welcome, wait *backoff) *Error {
	conn := *c.conn.Load()
	c.lastReceived.Store(time.Now().UnixMilli())
	if !c.outbox.attach(conn, welcome, c.restore) {
		c.reader.publisherID = 0
		return failure(KindConnection, "the daemon at %s takes smaller events than the one before; connecting again",
			c.address)
	}
	c.connections.Add(1)
	wait.reset()
	c.setState(StateConnected, nil, 0)
	reason := c.receive(conn)
	if aborted := c.abortReason.Load(); aborted != nil {
		return aborted
	}
	return reason
}

// connect tries each place in turn.
func (c *Client) connect() (*wire.Welcome, *Error) {
	ctx, cancel := context.WithTimeout(c.stop, c.options.connectTimeout)
	endpoints, lookup := c.address.Resolve(ctx)
	cancel()
	var worst *Error
	permanent := make(map[int]bool)
	for _, endpoint := range endpoints {
		welcome, reason := c.attempt(endpoint)
		if reason == nil {
			return welcome, nil
		}
		if c.stop.Err() != nil {
			return nil, reason
		}
		permanent[endpoint.Entry] = permanent[endpoint.Entry] || reason.Permanent
		worst = moreTelling(worst, reason)
	}
	if worst == nil {
		worst = &Error{Kind: KindConnection, Text: "the address has no place to connect to", Cause: lookup}
		if lookup != nil {
			worst.Text = lookup.Error()
		}
		return nil, worst
	}
	// Of several places another one may yet come up.
	worst.Permanent = len(permanent) == c.address.Entries()
	for _, never := range permanent {
		worst.Permanent = worst.Permanent && never
	}
	return nil, worst
}

// moreTelling chooses which of two failures to tell: what somebody answered, then that nothing listens, then the rest.
func moreTelling(one, other *Error) *Error {
	rank := func(e *Error) int {
		switch {
		case e == nil:
			return 0
		case e.Permanent:
			return 4
		case e.Code != 0:
			return 3
		case errors.Is(e.Cause, syscall.ECONNREFUSED):
			return 2
		}
		return 1
	}
	if rank(other) > rank(one) {
		return other
	}
	return one
}

// attempt connects to one place, greets and is welcomed.
func (c *Client) attempt(endpoint address.Endpoint) (*wire.Welcome, *Error) {
	ctx, cancel := context.WithTimeout(c.stop, c.options.connectTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, endpoint.Network, endpoint.Address)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	// The end of the attempt, or of the client, ends what waits for the daemon.
	release := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	c.reader.reset()
	c.abortReason.Store(nil)
	welcome, reason := c.greet(ctx, conn)
	if !release() && reason == nil {
		reason = c.unreachable(ctx, context.DeadlineExceeded)
	}
	if reason != nil {
		_ = conn.Close()
		return nil, reason
	}
	c.conn.Store(&conn)
	c.reader.publisherID = welcome.PublisherID
	c.stateMu.Lock()
	c.reader.idleTimeout = time.Duration(welcome.IdleTimeoutMs) * time.Millisecond
	c.daemon = &DaemonInfo{
		NodeID: hex.EncodeToString(welcome.NodeID[:]), NodeName: welcome.NodeName, Cluster: welcome.Cluster,
		Version: welcome.DaemonVersion, MaxPayload: int(welcome.MaxPayload), PublisherID: welcome.PublisherID,
	}
	c.stateMu.Unlock()
	return welcome, nil
}

func (c *Client) unreachable(ctx context.Context, err error) *Error {
	const start = "Start nexusd, or give the right address (argument or " + address.Variable + ")"
	var timeout net.Error
	e := failure(KindConnection, "cannot connect to %s: %v. %s", c.address, err, start)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		e = failure(KindConnection, "nothing listens at %s. %s", c.address, start)
	case errors.Is(err, fs.ErrNotExist):
		e = failure(KindConnection, "there is no socket at %s. %s", c.address, start)
	case errors.Is(err, fs.ErrPermission):
		e = failure(KindConnection,
			"this user may not connect to %s: check the socket's permissions and this user's groups", c.address)
	case ctx.Err() != nil || (errors.As(err, &timeout) && timeout.Timeout()):
		e = failure(KindConnection, "%s did not answer within %s. %s", c.address, c.options.connectTimeout, start)
	}
	e.Cause = err
	return e
}
