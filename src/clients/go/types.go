package nexusd

import "time"

// State says where a client is in its life.
type State int

// The states. Idle: made, not used yet. Connecting: first attempt. Reconnecting: the connection or an attempt failed.
const (
	StateIdle State = iota
	StateConnecting
	StateConnected
	StateReconnecting
	StateClosed
)

// String gives the name in lower case.
func (s State) String() string {
	return [...]string{"idle", "connecting", "connected", "reconnecting", "closed"}[s]
}

// StateChange is a step from one state to another, or one more attempt that failed.
type StateChange struct {
	From, To State
	// Reason is why a connection or attempt failed; else nil.
	Reason *Error
	// RetryAfter is the wait before the next attempt, when To is StateReconnecting.
	RetryAfter time.Duration
}

// Gap tells events that a subscription did not get.
type Gap struct {
	// Filters are those of the subscription.
	Filters []string
	// Publisher is whose events these were; 0: of many publishers, From and To are 0.
	Publisher uint64
	// From and To are the first and the last number, both included. Other numbers between them may have come.
	From, To uint64
	// Count is how many events were lost. With the reason "missed" it may be too high.
	Count uint64
	// Reason is the name of docs/protocol/README.md "Drop reasons", or reason_N.
	Reason string
	// Node is the name of the node where it happened.
	Node string
}

// PublishLoss tells events of this client that were dropped on their way; one dropped for three subscriptions counts
// three.
type PublishLoss struct {
	Publisher, From, To, Count uint64
	Reason, Node               string
}

// Notice is something that the daemon had to say.
type Notice struct {
	// Code is the protocol's error code.
	Code int
	// Reference is the number of the first event, where events were refused; else what the code says.
	Reference uint64
	Text      string
}

// DaemonInfo is what the daemon said about itself when the present or last connection was made.
type DaemonInfo struct {
	NodeID, NodeName, Cluster, Version string
	MaxPayload                         int
	// PublisherID is that of this client.
	PublisherID uint64
}

// Statistics are counters of one client since it was made.
type Statistics struct {
	// Published counts events that were taken for sending, Refused those that were not because the buffer was full.
	Published, Refused uint64
	// Received counts events that arrived for subscriptions.
	Received uint64
	// Lost counts events that the daemon reported as lost to subscriptions; those that conflation replaced are not.
	Lost uint64
	// InDoubt counts events sent without acknowledgement whose connection broke before anything later was confirmed:
	// they may be lost.
	InDoubt uint64
	// Connections counts connections that were made.
	Connections uint64
	// BufferedBytes wait to be sent or acknowledged now.
	BufferedBytes int
}

// Priority is the class of an event: high is delivered before normal, normal before low.
type Priority uint8

// The priorities.
const (
	PriorityNormal Priority = iota
	PriorityHigh
	PriorityLow
)

// String gives the name in lower case.
func (p Priority) String() string {
	if p > PriorityLow {
		return "unknown"
	}
	return [...]string{"normal", "high", "low"}[p]
}

// PublishRequest is an event to publish. Only the topic must be given.
type PublishRequest struct {
	Topic   string
	Payload []byte
	// ContentType has at most 255 bytes of UTF-8.
	ContentType string
	// CorrelationID has at most 255 bytes of any kind.
	CorrelationID string
	// Headers are up to 64, each key with 1 to 255 bytes of UTF-8.
	Headers map[string]string
	// TTL is how long the event is worth delivering, counted from its arrival at the daemon, in milliseconds; 0: for ever.
	TTL time.Duration
	// Retain makes the event the one that later subscribers of the topic get first; an empty payload deletes it.
	Retain   bool
	Priority Priority
	// ReplyTopic is where answers are expected. Request fills it in.
	ReplyTopic string
}

// PublishResult is an acknowledgement of the local daemon. It does not say that a subscriber has the event.
type PublishResult struct {
	// Local and Peers count the subscriptions here and the links to other nodes into whose queues the event was put.
	Local, Peers int
	// Number is the event's, in the order of this client.
	Number uint64
}
