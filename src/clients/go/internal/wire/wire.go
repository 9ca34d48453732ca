// Package wire writes what a client sends and reads what a daemon sends (docs/protocol/app-v1.md). It knows nothing of
// sockets; readers check limits before they allocate.
package wire

import "fmt"

// Kinds of frames.
const (
	KindHello        = 0x01
	KindTopic        = 0x02
	KindPublish      = 0x03
	KindSubscribe    = 0x04
	KindUnsubscribe  = 0x05
	KindCredit       = 0x06
	KindPing         = 0x07
	KindPong         = 0x08
	KindQuery        = 0x09
	KindBye          = 0x0A
	KindPause        = 0x0B
	KindWelcome      = 0x41
	KindSubscribed   = 0x42
	KindDeliver      = 0x43
	KindAck          = 0x44
	KindGap          = 0x45
	KindResult       = 0x46
	KindError        = 0x47
	KindGoAway       = 0x48
	KindUnsubscribed = 0x49
	KindNotice       = 0x4A
	KindPaused       = 0x4B
)

// Limits of the protocol, in bytes where nothing else is said.
const (
	Version            = 1
	GreetingBytes      = 8
	HeaderBytes        = 8
	MinMaxFrame        = 65_536
	DefaultMaxFrame    = 4_260_096
	LargestFrame       = 64<<20 + 65_792 // of the largest payload that a daemon can be told to take
	DefaultMaxPayload  = 4_194_304
	DefaultMaxAliases  = 65_536
	MaxRunFrame        = 32_768
	MaxGrownRunFrame   = 34_816
	MaxTopicBytes      = 1024
	MaxShortText       = 255
	MaxClientName      = 128
	MaxToken           = 1024
	MaxNodeText        = 64
	MaxReasonText      = 1024
	MaxHeaders         = 64
	MaxEventProperties = 16_384
	MaxFilters         = 1024
	MaxQueryText       = 1088
	MaxResumeEntries   = 1024
	KeepTokenBytes     = 16
	MaxKeptCredit      = 16 << 20
	MaxNextNumber      = 1 << 62
	MaxNumber          = 1<<63 - 1
	DefaultMaxSubs     = 1_000_000
)

// Flags of PUBLISH, DELIVER, SUBSCRIBE and ERROR.
const (
	FlagRetain      = 0x01
	FlagAcknowledge = 0x02
	FlagRetained    = 0x04
	FlagReplayed    = 0x08
	FlagNoRetained  = 0x01
	FlagCloses      = 0x01
)

// Ids of properties.
const (
	propTopic         = 0x01
	propContentType   = 0x02
	propCorrelation   = 0x03
	propHeader        = 0x04
	propTTL           = 0x05
	propPriority      = 0x06
	propReplyTopic    = 0x07
	propClientName    = 0x10
	propLibrary       = 0x11
	propPublisher     = 0x12
	propNextNumber    = 0x13
	propMaxAliases    = 0x14
	propMaxFrame      = 0x15
	propToken         = 0x16
	propMaxPayload    = 0x17
	propMaxSubs       = 0x18
	propIdleTimeout   = 0x19
	propNodeID        = 0x20
	propNodeName      = 0x21
	propCluster       = 0x22
	propDaemonVersion = 0x23
	propOverflow      = 0x40
	propBlockTimeout  = 0x41
	propStrategy      = 0x42
	propResume        = 0x43
	propKeep          = 0x44
	propKeepToken     = 0x45
	propPosition      = 0x46
	propTakenOver     = 0x47
)

// Code is an error code of the protocol; 0: none.
type Code uint16

// The codes that the client itself tells apart.
const (
	None               Code = 0
	BadGreeting        Code = 1
	Malformed          Code = 2
	FrameTooLarge      Code = 3
	PayloadTooLarge    Code = 4
	BadTopic           Code = 6
	BadFilter          Code = 7
	UnsupportedVersion Code = 8
	Unauthenticated    Code = 14
	Forbidden          Code = 15
	ShuttingDown       Code = 19
	UnknownQuery       Code = 21
	OverLimit          Code = 22
	KeepOver           Code = 26
)

var codeNames = [...]string{
	"none", "bad_greeting", "malformed", "frame_too_large", "payload_too_large", "unknown_alias", "bad_topic",
	"bad_filter", "unsupported_version", "out_of_order", "too_many_subscriptions", "subscription_in_use",
	"unknown_subscription", "too_many_sessions", "unauthenticated", "forbidden", "wrong_cluster", "duplicate_link",
	"self_link", "shutting_down", "idle", "unknown_query", "over_limit", "internal", 26: "keep_over", "taken_over",
}

// String gives the name of the protocol, or error_N for a code of a later version.
func (c Code) String() string {
	if int(c) < len(codeNames) && codeNames[c] != "" {
		return codeNames[c]
	}
	return fmt.Sprintf("error_%d", uint16(c))
}

// DropReason says why events were lost.
type DropReason uint16

// Conflated is the reason that is no loss: the subscription asked for it.
const Conflated DropReason = 8

var reasonNames = [...]string{
	1: "queue_full", "link_full", "expired", "link_lost", "too_large", "duplicate", "block_timeout", "conflated",
	"memory", "no_member", "session_closed", "link_down", "missed",
}

// String gives the name of the protocol, or reason_N for a reason of a later version.
func (r DropReason) String() string {
	if r > 0 && int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason_%d", uint16(r))
}
