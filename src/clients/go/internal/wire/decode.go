package wire

import "github.com/nexusd/client-go/internal/topics"

// Welcome is what the daemon said about the connection.
type Welcome struct {
	PublisherID   uint64
	NextNumber    uint64
	MaxAliases    uint32
	MaxFrame      uint32
	MaxPayload    uint32
	MaxSubs       uint32
	IdleTimeoutMs uint32
	NodeID        [16]byte
	NodeName      string
	Cluster       string
	DaemonVersion string
}

// ReadWelcome reads WELCOME.
func ReadWelcome(frame []byte) (Welcome, Code) {
	w := Welcome{
		MaxAliases: DefaultMaxAliases, MaxFrame: DefaultMaxFrame, MaxPayload: DefaultMaxPayload,
		MaxSubs: DefaultMaxSubs,
	}
	walk := properties{rest: frame[HeaderBytes:]}
	for {
		id, value, more := walk.next()
		if !more {
			break
		}
		if !w.take(id, value) {
			return w, Malformed
		}
	}
	if walk.bad || w.PublisherID == 0 || w.NextNumber == 0 || w.NodeID == [16]byte{} {
		return w, Malformed
	}
	return w, None
}

func (w *Welcome) take(id byte, value []byte) bool {
	switch id {
	case propPublisher:
		return takeU64(&w.PublisherID, value) && w.PublisherID != 0
	case propNextNumber:
		return takeU64(&w.NextNumber, value) && w.NextNumber >= 1 && w.NextNumber <= MaxNextNumber
	case propMaxAliases:
		return takeU32(&w.MaxAliases, value)
	case propMaxFrame:
		return takeU32(&w.MaxFrame, value) && w.MaxFrame >= MinMaxFrame
	case propMaxPayload:
		return takeU32(&w.MaxPayload, value)
	case propMaxSubs:
		return takeU32(&w.MaxSubs, value)
	case propIdleTimeout:
		return takeU32(&w.IdleTimeoutMs, value)
	case propNodeID:
		return len(value) == copy(w.NodeID[:], value) && len(value) == 16
	case propNodeName:
		w.NodeName = string(value)
		return ValidText(value, 0, MaxNodeText)
	case propCluster:
		w.Cluster = string(value)
		return ValidText(value, 0, MaxNodeText)
	case propDaemonVersion:
		w.DaemonVersion = string(value)
		return ValidText(value, 0, MaxNodeText)
	}
	return true
}

func takeU64(to *uint64, value []byte) bool {
	if len(value) != 8 {
		return false
	}
	*to = le.Uint64(value)
	return true
}

func takeU32(to *uint32, value []byte) bool {
	if len(value) != 4 {
		return false
	}
	*to = le.Uint32(value)
	return true
}

// ReadTopic reads TOPIC.
func ReadTopic(frame []byte, maxAliases uint32) (alias uint32, topic string, code Code) {
	if len(frame) < TopicFrameBytes {
		return 0, "", Malformed
	}
	alias = le.Uint32(frame[8:])
	if alias == 0 || alias > maxAliases {
		return alias, "", Malformed
	}
	if len(frame)-TopicFrameBytes > MaxTopicBytes {
		return alias, "", BadTopic
	}
	topic = string(frame[TopicFrameBytes:])
	if topics.CheckName(topic) != topics.Valid {
		return alias, "", BadTopic
	}
	return alias, topic, None
}

// DeliverHeaderBytes is the length of a DELIVER before its properties.
const DeliverHeaderBytes = 40

// Deliver is a run of events. Slices point into the frame.
type Deliver struct {
	Flags        byte
	Subscription uint32
	Alias        uint32
	Publisher    uint64
	Number       uint64
	Timestamp    uint64
	Props        []byte
	Event        EventProperties // read where Props is not empty
	Body         []byte
	Count        int
}

// ReadDeliver reads and checks DELIVER.
func ReadDeliver(frame []byte, maxPayload uint32, d *Deliver) Code {
	if len(frame) < DeliverHeaderBytes {
		return Malformed
	}
	props := DeliverHeaderBytes + int(le.Uint16(frame[6:]))
	if props > len(frame) {
		return Malformed
	}
	d.Flags = frame[5]
	d.Subscription = le.Uint32(frame[8:])
	d.Alias = le.Uint32(frame[12:])
	d.Publisher = le.Uint64(frame[16:])
	d.Number = le.Uint64(frame[24:])
	d.Timestamp = le.Uint64(frame[32:])
	d.Props, d.Body = frame[DeliverHeaderBytes:props], frame[props:]
	d.Event = EventProperties{}
	code := None
	if len(d.Props) > 0 {
		if d.Event, code = ReadEventProperties(d.Props); code != None {
			return code
		}
	}
	count, largest := CountEvents(d.Body)
	d.Count = count
	if d.Event.HasTopic != (d.Alias == 0) || d.Publisher == 0 || d.Number == 0 || count == 0 ||
		d.Number > MaxNumber-uint64(count)+1 || (count > 1 && len(frame) > MaxGrownRunFrame) {
		return Malformed
	}
	if largest > maxPayload {
		return PayloadTooLarge
	}
	if d.Event.HasTopic && (len(d.Event.Topic) > MaxTopicBytes ||
		topics.CheckName(string(d.Event.Topic)) != topics.Valid) {
		return BadTopic
	}
	return None
}

// CountEvents walks over a run; 0: its sizes do not add up.
func CountEvents(body []byte) (count int, largest uint32) {
	at := 0
	for at < len(body) {
		if len(body)-at < 4 {
			return 0, 0
		}
		size := le.Uint32(body[at:])
		if uint64(size) > uint64(len(body)-at-4) {
			return 0, 0
		}
		largest = max(largest, size)
		at += 4 + int(size)
		count++
	}
	return count, largest
}

// NextPayload takes the first payload of a checked run.
func NextPayload(body []byte) (payload, rest []byte) {
	end := 4 + int(le.Uint32(body))
	return body[4:end:end], body[end:]
}

// Ack answers a PUBLISH.
type Ack struct {
	Code         Code
	Number       uint64
	Count        uint32
	Local, Peers uint32
}

// ReadAck reads ACK.
func ReadAck(frame []byte) (Ack, Code) {
	if len(frame) < 28 {
		return Ack{}, Malformed
	}
	return Ack{
		Code: Code(le.Uint16(frame[6:])), Number: le.Uint64(frame[8:]), Count: le.Uint32(frame[16:]),
		Local: le.Uint32(frame[20:]), Peers: le.Uint32(frame[24:]),
	}, None
}

// Gap is a GAP, or a NOTICE.
type Gap struct {
	Reason                     DropReason
	Subscription               uint32
	Publisher, From, To, Count uint64
	Where                      string
}

// ReadGap reads GAP and NOTICE.
func ReadGap(frame []byte) (Gap, Code) {
	if len(frame) < 44 || !ValidText(frame[44:], 0, MaxNodeText) {
		return Gap{}, Malformed
	}
	g := Gap{
		Reason: DropReason(le.Uint16(frame[6:])), Subscription: le.Uint32(frame[8:]), Publisher: le.Uint64(frame[12:]),
		From: le.Uint64(frame[20:]), To: le.Uint64(frame[28:]), Count: le.Uint64(frame[36:]), Where: string(frame[44:]),
	}
	if g.Count == 0 || g.From > g.To || g.To > MaxNumber || (g.Publisher == 0 && g.To != 0) {
		return g, Malformed
	}
	return g, None
}

// Subscribed answers SUBSCRIBE; the rest after the text is of a subscription that is kept.
type Subscribed struct {
	Answer
	HasKeep   bool
	KeepMs    uint32
	Token     []byte    // empty: absent
	Position  *Position // nil: absent
	TakenOver bool
}

// ReadSubscribed reads SUBSCRIBED.
func ReadSubscribed(frame []byte) (Subscribed, Code) {
	if len(frame) < 12 || le.Uint16(frame[6:]) != 0 {
		answer, code := readAnswer(frame, MaxReasonText)
		return Subscribed{Answer: answer}, code
	}
	s := Subscribed{Answer: Answer{ID: le.Uint32(frame[8:])}}
	walk := properties{rest: frame[12:]}
	for {
		id, value, more := walk.next()
		if !more {
			break
		}
		if !s.take(id, value) {
			return s, Malformed
		}
	}
	if walk.bad {
		return s, Malformed
	}
	return s, None
}

func (s *Subscribed) take(id byte, value []byte) bool {
	switch id {
	case propKeep:
		s.HasKeep = true
		return takeU32(&s.KeepMs, value)
	case propKeepToken:
		s.Token = value
		return len(value) == KeepTokenBytes
	case propPosition:
		if len(value) != 16 {
			return false
		}
		s.Position = &Position{Runs: le.Uint64(value), Gaps: le.Uint64(value[8:])}
	case propTakenOver:
		if len(value) != 1 || value[0] > 1 {
			return false
		}
		s.TakenOver = value[0] == 1
	}
	return true
}

// Answer is UNSUBSCRIBED, PAUSED or RESULT: a code, an id and a text.
type Answer struct {
	Code Code
	ID   uint32
	Text []byte
}

// ReadAnswer reads UNSUBSCRIBED and PAUSED.
func ReadAnswer(frame []byte) (Answer, Code) { return readAnswer(frame, MaxReasonText) }

// ReadResult reads RESULT, whose text is as long as the frame.
func ReadResult(frame []byte) (Answer, Code) { return readAnswer(frame, len(frame)) }

func readAnswer(frame []byte, most int) (Answer, Code) {
	if len(frame) < 12 || !ValidText(frame[12:], 0, most) {
		return Answer{}, Malformed
	}
	return Answer{Code: Code(le.Uint16(frame[6:])), ID: le.Uint32(frame[8:]), Text: frame[12:]}, None
}

// Refusal is ERROR or GOAWAY.
type Refusal struct {
	Code      Code
	Closes    bool
	Reference uint64
	Text      string
}

// ReadRefusal reads ERROR and GOAWAY.
func ReadRefusal(frame []byte) (Refusal, Code) {
	if len(frame) < 16 || !ValidText(frame[16:], 0, MaxReasonText) {
		return Refusal{}, Malformed
	}
	return Refusal{
		Code: Code(le.Uint16(frame[6:])), Closes: frame[5]&FlagCloses != 0, Reference: le.Uint64(frame[8:]),
		Text: string(frame[16:]),
	}, None
}

// ReadPing reads PING and PONG.
func ReadPing(frame []byte) (uint64, Code) {
	if len(frame) < PingFrameBytes {
		return 0, Malformed
	}
	return le.Uint64(frame[8:]), None
}
