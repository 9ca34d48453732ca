package nexusd

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nexusd/client-go/internal/wire"
)

// Option changes how a client connects and buffers. The defaults fit a daemon on the same host.
type Option func(*options)

type options struct {
	name           string
	token          []byte
	bufferBytes    int
	connectTimeout time.Duration
	ackTimeout     time.Duration
	requestTimeout time.Duration
	closeTimeout   time.Duration
	reconnectMin   time.Duration
	reconnectMax   time.Duration
	keepAlive      time.Duration
	onState        func(StateChange)
	onGap          func(Gap)
	onLoss         func(PublishLoss)
	onNotice       func(Notice)
}

// WithName sets the name that `nexusctl clients` shows, at most 128 bytes. Default: the program's name and process id.
func WithName(name string) Option { return func(o *options) { o.name = name } }

// WithToken sets the proof of identity where the daemon asks for one, at most 1,024 bytes.
func WithToken(token []byte) Option {
	return func(o *options) { o.token = append([]byte(nil), token...) }
}

// WithPublishBuffer sets how many bytes of events may wait to be sent or acknowledged: 1 MiB to 1 GiB. Default 8 MiB.
func WithPublishBuffer(bytes int) Option { return func(o *options) { o.bufferBytes = bytes } }

// WithConnectTimeout sets the time for one attempt to connect and greet. Default 5 s.
func WithConnectTimeout(d time.Duration) Option { return func(o *options) { o.connectTimeout = d } }

// WithAcknowledgeTimeout sets the longest wait of PublishWithResult. Default 30 s.
func WithAcknowledgeTimeout(d time.Duration) Option { return func(o *options) { o.ackTimeout = d } }

// WithRequestTimeout sets how long Request waits where its context has no deadline. Default 5 s.
func WithRequestTimeout(d time.Duration) Option { return func(o *options) { o.requestTimeout = d } }

// WithCloseTimeout sets how long Close waits for buffered events to be sent. Default 5 s.
func WithCloseTimeout(d time.Duration) Option { return func(o *options) { o.closeTimeout = d } }

// WithReconnectWait sets the bound of the first wait before a new attempt, and that to which the bound doubles.
// Default 100 ms and 30 s. Each wait is random between a tenth of the first bound and the present one.
func WithReconnectWait(first, longest time.Duration) Option {
	return func(o *options) { o.reconnectMin, o.reconnectMax = first, longest }
}

// WithKeepAlive sets after how long the daemon is asked for a sign of life; three times as long a silence ends the
// connection. Default 10 s.
func WithKeepAlive(d time.Duration) Option { return func(o *options) { o.keepAlive = d } }

// OnStateChange sets a function that is told each change of the client's state.
//
// This and the other callbacks are called one after the other from the goroutine that reads the connection: they must
// return quickly and must not wait for the client. What they panic with is swallowed.
func OnStateChange(call func(StateChange)) Option { return func(o *options) { o.onState = call } }

// OnGap sets a function that is told which events a subscription lost, and why. See OnStateChange.
func OnGap(call func(Gap)) Option { return func(o *options) { o.onGap = call } }

// OnPublishLoss sets a function that is told that events of this client were dropped on their way. See OnStateChange.
func OnPublishLoss(call func(PublishLoss)) Option { return func(o *options) { o.onLoss = call } }

// OnNotice sets a function that is told what the daemon has to say: events that it refused, that it is leaving. See
// OnStateChange.
func OnNotice(call func(Notice)) Option { return func(o *options) { o.onNotice = call } }

func newOptions(set []Option) (*options, error) {
	o := &options{
		bufferBytes: 8 << 20, connectTimeout: 5 * time.Second, ackTimeout: 30 * time.Second,
		requestTimeout: 5 * time.Second, closeTimeout: 5 * time.Second, reconnectMin: 100 * time.Millisecond,
		reconnectMax: 30 * time.Second, keepAlive: 10 * time.Second,
	}
	for _, option := range set {
		option(o)
	}
	if o.bufferBytes < 1<<20 || o.bufferBytes > 1<<30 {
		return nil, failure(KindArgument, "the publish buffer has %d bytes; 1 MiB to 1 GiB are possible", o.bufferBytes)
	}
	if len(o.token) > wire.MaxToken {
		return nil, failure(KindArgument, "the token has %d bytes; at most %d are allowed", len(o.token), wire.MaxToken)
	}
	for what, d := range map[string]time.Duration{
		"connect timeout": o.connectTimeout, "acknowledge timeout": o.ackTimeout, "request timeout": o.requestTimeout,
		"close timeout": o.closeTimeout, "first reconnect wait": o.reconnectMin, "longest reconnect wait": o.reconnectMax,
		"keep-alive time": o.keepAlive,
	} {
		if d <= 0 {
			return nil, failure(KindArgument, "the %s is %s; it must be above 0", what, d)
		}
	}
	if o.reconnectMax < o.reconnectMin {
		return nil, failure(KindArgument, "the longest reconnect wait, %s, is shorter than the first, %s",
			o.reconnectMax, o.reconnectMin)
	}
	o.name = clientName(o.name)
	return o, nil
}

// clientName makes any text one that fits into HELLO.
func clientName(name string) string {
	if name == "" {
		name = fmt.Sprintf("%s-%d", filepath.Base(os.Args[0]), os.Getpid())
	}
	name = strings.ReplaceAll(strings.ToValidUTF8(name, "?"), "\x00", "")
	for len(name) > wire.MaxClientName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name
}

// OverflowPolicy says what the daemon does when a subscription's queue there is full.
type OverflowPolicy uint8

// The policies. OverflowDefault leaves the choice to the daemon.
const (
	OverflowDefault OverflowPolicy = iota
	OverflowDropOldest
	OverflowDropNewest
	OverflowBlock
	OverflowConflate
)

// Strategy says which member of a group gets an event (docs/protocol/topics.md "Groups").
type Strategy uint8

// The strategies. StrategyDefault has no opinion, which is sticky.
const (
	StrategyDefault Strategy = iota
	StrategySticky
	StrategyRoundRobin
	StrategyLeastPending
	StrategyLocalFirst
)

// SubscribeOption changes one subscription.
type SubscribeOption func(*subscribeOptions)

type subscribeOptions struct {
	noRetained    bool
	noResume      bool
	group         string
	hasGroup      bool
	strategy      Strategy
	overflow      OverflowPolicy
	blockTimeout  *uint32
	badTimeout    bool
	queueEvents   int
	queueBytes    int
	receiveBuffer int
	keep          time.Duration
	hasKeep       bool
	token         string
}

// WithoutRetained leaves out the retained events that would come first.
func WithoutRetained() SubscribeOption { return func(o *subscribeOptions) { o.noRetained = true } }

// WithoutResume begins anew after a reconnect instead of going on where the connection broke.
func WithoutResume() SubscribeOption { return func(o *subscribeOptions) { o.noResume = true } }

// WithGroup makes the subscription a member of a group: each event goes to one of its members.
func WithGroup(name string) SubscribeOption {
	return func(o *subscribeOptions) { o.group, o.hasGroup = name, true }
}

// WithStrategy sets how a group chooses among its members.
func WithStrategy(s Strategy) SubscribeOption { return func(o *subscribeOptions) { o.strategy = s } }

// WithOverflow sets what the daemon does when the subscription's queue there is full.
func WithOverflow(p OverflowPolicy) SubscribeOption {
	return func(o *subscribeOptions) { o.overflow = p }
}

// WithBlockTimeout sets how long OverflowBlock holds up a publisher; at most 10 minutes, 0: not at all.
func WithBlockTimeout(d time.Duration) SubscribeOption {
	return func(o *subscribeOptions) {
		o.badTimeout = d < 0
		milliseconds := uint32(min(d, 10*time.Minute) / time.Millisecond)
		o.blockTimeout = &milliseconds
	}
}

// WithQueueLimits bounds the subscription's queue at the daemon in events and bytes; 0: the daemon's default.
func WithQueueLimits(events, bytes int) SubscribeOption {
	return func(o *subscribeOptions) { o.queueEvents, o.queueBytes = events, bytes }
}

// WithReceiveBuffer sets how many bytes of deliveries may wait in this process, 64 KiB to 1 GiB. Default 1 MiB.
func WithReceiveBuffer(bytes int) SubscribeOption {
	return func(o *subscribeOptions) { o.receiveBuffer = bytes }
}

// WithKeep lets the daemon keep the subscription for so long when its connection breaks: 1 ms to MaxKeep, at most the
// daemon's --keep-limit. A reconnect within that time loses nothing inside of the queue's bounds, in order and once.
func WithKeep(d time.Duration) SubscribeOption {
	return func(o *subscribeOptions) { o.keep, o.hasKeep = d, true }
}

// WithResumeToken goes on with a subscription that another process left to be kept: the ResumeToken that it had. The
// filters must be the same, and WithKeep must be given. What that process had not come back for is delivered again,
// with IsReplayed.
func WithResumeToken(token string) SubscribeOption {
	return func(o *subscribeOptions) { o.token = token }
}

func newSubscribeOptions(set []SubscribeOption) (*subscribeOptions, error) {
	o := &subscribeOptions{receiveBuffer: 1 << 20}
	for _, option := range set {
		option(o)
	}
	switch {
	case o.receiveBuffer < 64<<10 || o.receiveBuffer > 1<<30:
		return nil, failure(KindArgument, "the receive buffer has %d bytes; 64 KiB to 1 GiB are possible", o.receiveBuffer)
	case o.queueEvents < 0 || o.queueBytes < 0 || int64(o.queueEvents) > 1<<32-1 || int64(o.queueBytes) > 1<<32-1:
		return nil, failure(KindArgument, "the queue's limits are %d events and %d bytes; give 0 to 4,294,967,295",
			o.queueEvents, o.queueBytes)
	case o.strategy > StrategyLocalFirst || o.overflow > OverflowConflate || o.badTimeout:
		return nil, failure(KindArgument, "strategy, overflow policy or block time-out is none of the possible ones")
	}
	return o, o.checkKeep()
}

func (o *subscribeOptions) checkKeep() error {
	token, err := hex.DecodeString(o.token)
	switch {
	case o.hasKeep && (o.keep < time.Millisecond || o.keep > MaxKeep):
		return failure(KindArgument, "the keep time is %s; 1 ms to %s are possible", o.keep, MaxKeep)
	case o.hasKeep && o.receiveBuffer > wire.MaxKeptCredit:
		return failure(KindArgument, "the receive buffer of a kept subscription has %d bytes; at most %d are possible",
			o.receiveBuffer, wire.MaxKeptCredit)
	case o.token != "" && (err != nil || len(token) != wire.KeepTokenBytes):
		return failure(KindArgument,
			"the resume token is none: it has 32 hexadecimal digits, as Subscription.ResumeToken gave it")
	case o.token != "" && !o.hasKeep:
		return failure(KindArgument, "WithResumeToken needs WithKeep: the subscription is kept again from here on")
	}
	return nil
}
