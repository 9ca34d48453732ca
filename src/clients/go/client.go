package nexusd

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nexusd/client-go/internal/address"
	"github.com/nexusd/client-go/internal/wire"
)

// Version of this package, told to the daemon.
const Version = "0.1.0"

// Client is one session with a daemon. Make it with NewClient; use it from as many goroutines as you like.
type Client struct {
	address *address.Address
	options *options
	outbox  *outbox

	started   atomic.Bool
	closeOnce sync.Once
	stop      context.Context // ends when no more connections are to be made
	stopNow   context.CancelFunc
	ended     chan struct{} // closed when the connecting goroutine has ended

	stateMu sync.Mutex
	state   State
	changed chan struct{} // closed and replaced at each change of what WaitReady looks at
	reason  *Error        // of the last failed attempt; nil while connected
	daemon  *DaemonInfo
	closing bool

	// Guarded by the outbox's lock, so that each is asked for exactly once in each connection.
	subs    map[uint32]*Subscription
	queries map[uint32]*pendingQuery
	lastID  uint32

	inbox inbox

	conn         atomic.Pointer[net.Conn]
	abortReason  atomic.Pointer[Error]
	lastReceived atomic.Int64
	connections  atomic.Uint64
	received     atomic.Uint64
	lost         atomic.Uint64

	reader reader // of the connecting goroutine
}

// NewClient makes a client. It does no I/O, so it fails with ErrArgument only: for an address or option that makes no
// sense.
//
// The address is host:port, host, [::1]:port, unix:/path or /path, or a list of these with commas of which the first
// that answers is used. Where it is empty the environment variable NEXUSD_ADDR counts; else
// /run/nexusd/nexusd.sock or $XDG_RUNTIME_DIR/nexusd.sock if one exists, else localhost:5672.
func NewClient(addr string, opts ...Option) (*Client, error) {
	place, err := address.Parse(addr)
	if err != nil {
		return nil, &Error{Kind: KindArgument, Text: err.Error(), Cause: err}
	}
	set, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	c := &Client{
		address: place, options: set, ended: make(chan struct{}), changed: make(chan struct{}),
		subs: make(map[uint32]*Subscription), queries: make(map[uint32]*pendingQuery),
	}
	c.stop, c.stopNow = context.WithCancel(context.Background())
	c.outbox = newOutbox(set.bufferBytes, c.lastReason)
	return c, nil
}

// Address gives where the client looks for a daemon.
func (c *Client) Address() string { return c.address.String() }

// State says where the client is in its life.
func (c *Client) State() State {
	c.stateMu.Lock()
	defer c.stateMu.Unlock()
	return c.state
}

// Daemon tells what the daemon said about itself; false while no connection was made yet.
func (c *Client) Daemon() (DaemonInfo, bool) {
	c.stateMu.Lock()
	defer c.stateMu.Unlock()
	if c.daemon == nil {
		return DaemonInfo{}, false
	}
	return *c.daemon, true
}

// Statistics gives the client's counters.
func (c *Client) Statistics() Statistics {
	s := Statistics{
		Received: c.received.Load(), Lost: c.lost.Load(), Connections: c.connections.Load(),
	}
	c.outbox.statistics(&s)
	return s
}

// WaitReady returns when the client is connected. When the context ends before, it fails with ErrConnection and the
// reason of the last attempt; at once where waiting does not help: another program at the port, no common version, not
// let in.
func (c *Client) WaitReady(ctx context.Context) error {
	c.start()
	for {
		c.stateMu.Lock()
		state, reason, changed, closing := c.state, c.reason, c.changed, c.closing
		c.stateMu.Unlock()
		switch {
		case closing || state == StateClosed:
			return closedError()
		case state == StateConnected:
			return nil
		case reason != nil && reason.Permanent:
			return reason
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if ctx.Err() == context.Canceled {
				return contextError(ctx, "waiting for the connection")
			}
			if reason != nil {
				return reason
			}
			e := failure(KindConnection, "nexusd at %s was not reached in time", c.address)
			e.Cause = ctx.Err()
			return e
		}
	}
}

// Close sends what is buffered, says good-bye and ends all waits with ErrClosed. It always returns nil; closing twice
// is harmless. It must not be called from a callback.
func (c *Client) Close() error {
	c.closeOnce.Do(c.close)
	return nil
}

func (c *Client) close() {
	c.stateMu.Lock()
	c.closing = true
	c.tellChanged()
	c.stateMu.Unlock()
	c.outbox.refuseMore()
	if c.started.Load() {
		ctx, cancel := context.WithTimeout(context.Background(), c.options.closeTimeout)
		// What could not be sent in time stays unsent; those who wait for it are told below.
		_ = c.outbox.flush(ctx, true)
		cancel()
		c.outbox.leave()
		c.stopNow()
		c.awaitEnd()
	}
	c.stopNow()
	c.outbox.close(closedError())
	c.closeRequests()
	c.setState(StateClosed, nil, 0)
}

// awaitEnd gives the daemon a second to answer BYE by closing; one that does not is left.
func (c *Client) awaitEnd() {
	select {
	case <-c.ended:
		return
	case <-time.After(time.Second):
	}
	c.abort(nil)
	select {
	case <-c.ended:
	case <-time.After(time.Second): // held up in a callback of the application
	}
}

// start connects in the background, once.
func (c *Client) start() {
	if c.started.Load() {
		return
	}
	c.stateMu.Lock()
	defer c.stateMu.Unlock()
	if c.closing || c.started.Load() {
		return
	}
	c.started.Store(true)
	go c.run()
	go c.watch()
}

// abort ends the present connection for a reason.
func (c *Client) abort(reason *Error) {
	if conn := c.conn.Load(); conn != nil {
		if reason != nil {
			c.abortReason.Store(reason)
		}
		_ = (*conn).Close()
	}
}

func (c *Client) lastReason() error {
	c.stateMu.Lock()
	defer c.stateMu.Unlock()
	if c.reason == nil {
		return nil
	}
	return c.reason
}

// setState takes note of a change and tells it.
func (c *Client) setState(to State, reason *Error, retryAfter time.Duration) {
	c.stateMu.Lock()
	from := c.state
	c.state = to
	if to == StateConnected || reason != nil {
		c.reason = reason
	}
	c.tellChanged()
	c.stateMu.Unlock()
	if call := c.options.onState; call != nil && (from != to || reason != nil) {
		protect(func() { call(StateChange{From: from, To: to, Reason: reason, RetryAfter: retryAfter}) })
	}
}

func (c *Client) tellChanged() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// watch asks for signs of life and ends a connection that gives none.
func (c *Client) watch() {
	keepAlive := c.options.keepAlive
	ticker := time.NewTicker(max(10*time.Millisecond, min(keepAlive/4, 250*time.Millisecond)))
	defer ticker.Stop()
	lastPing := time.Now()
	for {
		select {
		case <-c.ended:
			return
		case <-ticker.C:
		}
		c.stateMu.Lock()
		every, connected := keepAlive, c.state == StateConnected
		if c.daemon != nil && c.reader.idleTimeout > 0 {
			every = min(keepAlive, max(100*time.Millisecond, c.reader.idleTimeout/3))
		}
		c.stateMu.Unlock()
		if !connected {
			continue
		}
		now := time.Now()
		if silent := now.Sub(time.UnixMilli(c.lastReceived.Load())); silent > 3*keepAlive {
			c.abort(failure(KindConnection, "nexusd at %s has been silent for %s; connecting again", c.address,
				silent.Round(time.Millisecond)))
		} else if now.Sub(lastPing) >= every {
			lastPing = now
			c.outbox.mu.Lock()
			c.outbox.ping()
			c.outbox.mu.Unlock()
		}
	}
}

// protect keeps what a callback of the application panics with from ending the connection.
func protect(call func()) {
	defer func() { _ = recover() }()
	call()
}

func (c *Client) hello() *wire.Hello {
	return &wire.Hello{
		ClientName: c.options.name, Library: "go/" + Version, PublisherID: c.reader.publisherID,
		NextNumber: c.outbox.firstToSend(), MaxAliases: wire.DefaultMaxAliases, MaxFrame: wire.LargestFrame,
		Token: c.options.token,
	}
}
