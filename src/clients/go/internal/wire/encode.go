package wire

// Hello is who the client is.
type Hello struct {
	ClientName  string
	Library     string
	PublisherID uint64 // 0: the daemon chooses
	NextNumber  uint64
	MaxAliases  uint32
	MaxFrame    uint32
	Token       []byte
}

// AppendHello writes HELLO; what has its default is left out.
func AppendHello(to []byte, h *Hello) []byte {
	to, at := begin(to, KindHello, 0, 0)
	if h.ClientName != "" {
		to = appendText(to, propClientName, h.ClientName)
	}
	if h.Library != "" {
		to = appendText(to, propLibrary, h.Library)
	}
	if h.PublisherID != 0 {
		to = le.AppendUint64(append(to, propPublisher, 8, 0), h.PublisherID)
	}
	if h.NextNumber != 1 {
		to = le.AppendUint64(append(to, propNextNumber, 8, 0), h.NextNumber)
	}
	if h.MaxAliases != DefaultMaxAliases {
		to = le.AppendUint32(append(to, propMaxAliases, 4, 0), h.MaxAliases)
	}
	if h.MaxFrame != DefaultMaxFrame {
		to = le.AppendUint32(append(to, propMaxFrame, 4, 0), h.MaxFrame)
	}
	if len(h.Token) > 0 {
		to = appendProperty(to, propToken, h.Token)
	}
	return end(to, at)
}

// TopicFrameBytes is the length of a TOPIC without the topic.
const TopicFrameBytes = 12

// AppendTopic declares an alias.
func AppendTopic(to []byte, alias uint32, topic string) []byte {
	to, at := begin(to, KindTopic, 0, 0)
	to = le.AppendUint32(to, alias)
	return end(append(to, topic...), at)
}

// PublishHeaderBytes is the length of a PUBLISH before its properties.
const PublishHeaderBytes = 12

// PutPublishHeader writes the fixed part of a PUBLISH of so many bytes in all.
func PutPublishHeader(frame []byte, size int, flags byte, propertyBytes int, alias uint32) {
	putHeader(frame, size, KindPublish, flags, uint16(propertyBytes))
	le.PutUint32(frame[8:], alias)
}

// Publish is a PUBLISH as this client wrote it.
type Publish struct {
	Flags byte
	Alias uint32
	Props []byte
	Body  []byte
}

// ReadPublish reads a frame of the client's own log.
func ReadPublish(frame []byte) Publish {
	props := PublishHeaderBytes + int(le.Uint16(frame[6:]))
	return Publish{
		Flags: frame[5], Alias: le.Uint32(frame[8:]), Props: frame[PublishHeaderBytes:props], Body: frame[props:],
	}
}

// Resume is one entry of what a subscription has had.
type Resume struct {
	Publisher, Number, Timestamp uint64
	Priority                     byte
}

// Position counts the DELIVER and GAP frames of a kept subscription that were received.
type Position struct {
	Runs, Gaps uint64
}

// Subscribe opens a subscription. Optional bytes are given as 1 + value; 0: absent.
type Subscribe struct {
	NoRetained   bool
	ID           uint32
	Credit       uint32
	Events       uint32
	Bytes        uint32
	Overflow     uint8
	Strategy     uint8
	BlockTimeout *uint32 // milliseconds
	HasResume    bool
	Since        uint64
	Resume       []Resume
	KeepMs       uint32    // 0: not to be kept
	KeepToken    []byte    // empty: absent
	Position     *Position // nil: not known
	Filters      []string
}

// AppendSubscribe writes SUBSCRIBE.
func AppendSubscribe(to []byte, s *Subscribe) []byte {
	var flags byte
	if s.NoRetained {
		flags = FlagNoRetained
	}
	to, at := begin(to, KindSubscribe, flags, 0)
	for _, field := range [...]uint32{s.ID, s.Credit, s.Events, s.Bytes} {
		to = le.AppendUint32(to, field)
	}
	props := len(to)
	if s.Overflow != 0 {
		to = append(to, propOverflow, 1, 0, s.Overflow-1)
	}
	if s.BlockTimeout != nil {
		to = le.AppendUint32(append(to, propBlockTimeout, 4, 0), *s.BlockTimeout)
	}
	if s.Strategy != 0 {
		to = append(to, propStrategy, 1, 0, s.Strategy-1)
	}
	if s.HasResume {
		to = append(to, propResume, 0, 0)
		value := len(to)
		to = le.AppendUint64(to, s.Since)
		for _, had := range s.Resume {
			to = le.AppendUint64(to, had.Publisher)
			to = le.AppendUint64(to, had.Number)
			to = le.AppendUint64(to, had.Timestamp)
			to = append(to, had.Priority)
		}
		le.PutUint16(to[value-2:], uint16(len(to)-value))
	}
	if s.KeepMs != 0 {
		to = le.AppendUint32(append(to, propKeep, 4, 0), s.KeepMs)
	}
	if len(s.KeepToken) > 0 {
		to = appendProperty(to, propKeepToken, s.KeepToken)
	}
	if s.Position != nil {
		to = le.AppendUint64(append(to, propPosition, 16, 0), s.Position.Runs)
		to = le.AppendUint64(to, s.Position.Gaps)
	}
	le.PutUint16(to[at+6:], uint16(len(to)-props))
	for _, filter := range s.Filters {
		to = append(le.AppendUint16(to, uint16(len(filter))), filter...)
	}
	return end(to, at)
}

// AppendUnsubscribe writes UNSUBSCRIBE.
func AppendUnsubscribe(to []byte, id uint32) []byte {
	to, at := begin(to, KindUnsubscribe, 0, 0)
	return end(le.AppendUint32(to, id), at)
}

// AppendCredit writes CREDIT.
func AppendCredit(to []byte, id, credit uint32) []byte {
	to, at := begin(to, KindCredit, 0, 0)
	to = le.AppendUint32(to, id)
	return end(le.AppendUint32(to, credit), at)
}

// AppendPause writes PAUSE; 0 milliseconds: it goes on.
func AppendPause(to []byte, id, milliseconds uint32) []byte {
	to, at := begin(to, KindPause, 0, 0)
	to = le.AppendUint32(to, id)
	return end(le.AppendUint32(to, milliseconds), at)
}

// PingFrameBytes is the length of PING and PONG.
const PingFrameBytes = 16

// AppendPing writes PING, or PONG.
func AppendPing(to []byte, kind byte, opaque uint64) []byte {
	to, at := begin(to, kind, 0, 0)
	return end(le.AppendUint64(to, opaque), at)
}

// ShiftPing adds to the value of a PING that was written before.
func ShiftPing(frame []byte, shift uint64) {
	le.PutUint64(frame[8:], le.Uint64(frame[8:])+shift)
}

// AppendQuery writes QUERY.
func AppendQuery(to []byte, request uint32, text string) []byte {
	to, at := begin(to, KindQuery, 0, 0)
	to = le.AppendUint32(to, request)
	return end(append(to, text...), at)
}

// AppendBye writes BYE.
func AppendBye(to []byte) []byte {
	to, at := begin(to, KindBye, 0, 0)
	return end(to, at)
}
