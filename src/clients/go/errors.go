package nexusd

import (
	"context"
	"errors"
	"fmt"

	"github.com/nexusd/client-go/internal/wire"
)

// Kind says what sort of failure an Error is. Each kind has a variable to use with errors.Is.
type Kind string

// The kinds of errors.
const (
	KindArgument    Kind = "argument"
	KindConnection  Kind = "connection"
	KindPublish     Kind = "publish"
	KindSubscribe   Kind = "subscribe"
	KindBufferFull  Kind = "buffer_full"
	KindQuery       Kind = "query"
	KindNoResponder Kind = "no_responder"
	KindTimeout     Kind = "timeout"
	KindClosed      Kind = "closed"
)

// What errors.Is compares with: errors.Is(err, nexusd.ErrClosed).
var (
	// ErrArgument: an address, option or argument that makes no sense.
	ErrArgument = errors.New("nexusd: argument")
	// ErrConnection: the daemon was not reached, another program is there, no common version, or not let in.
	ErrConnection = errors.New("nexusd: connection")
	// ErrPublish: a bad topic, payload or properties too large, or refused by the daemon.
	ErrPublish = errors.New("nexusd: publish")
	// ErrSubscribe: a bad filter, or refused by the daemon.
	ErrSubscribe = errors.New("nexusd: subscribe")
	// ErrBufferFull: the daemon is away and the publish buffer is full.
	ErrBufferFull = errors.New("nexusd: buffer full")
	// ErrQuery: the daemon does not know the query or refuses it.
	ErrQuery = errors.New("nexusd: query")
	// ErrNoResponder: a request that nobody could get, or a reply that nobody waits for any more.
	ErrNoResponder = errors.New("nexusd: no responder")
	// ErrTimeout: an acknowledgement, reply or other wait took too long.
	ErrTimeout = errors.New("nexusd: timeout")
	// ErrClosed: the client or subscription was closed.
	ErrClosed = errors.New("nexusd: closed")
)

var kindErrors = map[Kind]error{
	KindArgument: ErrArgument, KindConnection: ErrConnection, KindPublish: ErrPublish, KindSubscribe: ErrSubscribe,
	KindBufferFull: ErrBufferFull, KindQuery: ErrQuery, KindNoResponder: ErrNoResponder, KindTimeout: ErrTimeout,
	KindClosed: ErrClosed,
}

// Error is every error of this package, except that a context which was cancelled is told as context.Canceled.
type Error struct {
	// Kind is the sort of failure.
	Kind Kind
	// Code is the protocol's error code where there is one (docs/protocol/README.md), else 0.
	Code int
	// Permanent is true for a connection that will not be made by waiting: another program at the port, no common
	// version, not let in.
	Permanent bool
	// Text says what was wrong and what to do.
	Text string
	// Cause is the error below; may be nil.
	Cause error
}

// Error gives the text.
func (e *Error) Error() string { return "nexusd: " + e.Text }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is makes errors.Is(err, ErrClosed) and so on work.
func (e *Error) Is(target error) bool { return kindErrors[e.Kind] == target }

func failure(kind Kind, format string, arguments ...any) *Error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, arguments...)}
}

func refusal(kind Kind, code wire.Code, format string, arguments ...any) *Error {
	e := failure(kind, format, arguments...)
	e.Code = int(code)
	return e
}

func closedError() error {
	return failure(KindClosed, "the client was closed: make a new one to use nexusd again")
}

// contextError tells the end of a context: a cancelled one as it is, a deadline as a timeout.
func contextError(ctx context.Context, doing string) error {
	err := ctx.Err()
	if errors.Is(err, context.DeadlineExceeded) {
		e := failure(KindTimeout, "the context's deadline passed while %s", doing)
		e.Cause = err
		return e
	}
	return fmt.Errorf("nexusd: %s: %w", doing, err)
}

func badTopicError(topic, why string) error {
	return refusal(KindPublish, wire.BadTopic, "cannot publish to '%s': %s", shorten(topic), why)
}

func payloadTooLargeError(bytes int, most int) error {
	return refusal(KindPublish, wire.PayloadTooLarge,
		"the payload has %d bytes; the daemon takes at most %d. Send less, or start nexusd with a larger --max-payload",
		bytes, most)
}

func publishRefusedError(code wire.Code) error {
	text := "the daemon refused the event: " + code.String()
	switch code {
	case wire.BadTopic:
		text = "the daemon refused the topic: see docs/protocol/topics.md for what a name may hold"
	case wire.PayloadTooLarge:
		text = "the daemon refused the payload as too large: send less, or raise its --max-payload"
	case wire.Forbidden:
		text = "the daemon does not let this client publish to the topic: ask for the right, or change the topic"
	case wire.ShuttingDown:
		text = "the daemon is leaving and took no more events: publish again when it is back"
	}
	return refusal(KindPublish, code, "%s", text)
}

func shorten(text string) string {
	if len(text) <= 100 {
		return text
	}
	return text[:100] + "..."
}
