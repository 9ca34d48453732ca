package wire

import (
	"bytes"
	"unicode/utf8"
)

// properties walks over a list of (id, length, bytes).
type properties struct {
	rest []byte
	bad  bool
}

func (p *properties) next() (id byte, value []byte, ok bool) {
	if len(p.rest) == 0 {
		return 0, nil, false
	}
	if len(p.rest) < 3 {
		p.bad = true
		return 0, nil, false
	}
	size := int(le.Uint16(p.rest[1:]))
	if len(p.rest) < 3+size {
		p.bad = true
		return 0, nil, false
	}
	id, value = p.rest[0], p.rest[3:3+size]
	p.rest = p.rest[3+size:]
	return id, value, true
}

func appendProperty(to []byte, id byte, value []byte) []byte {
	to = append(to, id, byte(len(value)), byte(len(value)>>8))
	return append(to, value...)
}

func appendText(to []byte, id byte, value string) []byte {
	to = append(to, id, byte(len(value)), byte(len(value)>>8))
	return append(to, value...)
}

// ValidText says whether a text keeps the rules for texts: UTF-8 without NUL, of so many bytes.
func ValidText(text []byte, least, most int) bool {
	return len(text) >= least && len(text) <= most && bytes.IndexByte(text, 0) < 0 && utf8.Valid(text)
}

// EventProperties is what an event carries beside its payload. Slices point into the frame.
type EventProperties struct {
	HasTopic      bool
	Topic         []byte
	ContentType   []byte
	CorrelationID []byte
	ReplyTopic    []byte
	TTL           uint32 // milliseconds; 0: none
	Priority      byte
	headers       int
}

// ReadEventProperties reads and checks a list, but not whether the topic is a name.
func ReadEventProperties(list []byte) (EventProperties, Code) {
	var found EventProperties
	walk := properties{rest: list}
	size := len(list)
	for {
		id, value, more := walk.next()
		if !more {
			break
		}
		if id == propTopic {
			if found.HasTopic {
				return found, Malformed
			}
			found.HasTopic, found.Topic = true, value
			size -= 3 + len(value)
		} else if !found.take(id, value) {
			return found, Malformed
		}
	}
	if walk.bad || size > MaxEventProperties || found.headers > MaxHeaders {
		return found, Malformed
	}
	return found, None
}

func (e *EventProperties) take(id byte, value []byte) bool {
	switch id {
	case propContentType:
		e.ContentType = value
		return ValidText(value, 1, MaxShortText)
	case propCorrelation:
		e.CorrelationID = value
		return len(value) >= 1 && len(value) <= MaxShortText
	case propHeader:
		e.headers++
		return len(value) >= 1 && 1+int(value[0]) <= len(value) && ValidText(value[1:1+int(value[0])], 1, MaxShortText)
	case propTTL:
		if len(value) != 4 {
			return false
		}
		e.TTL = le.Uint32(value)
		return e.TTL != 0
	case propPriority:
		if len(value) != 1 {
			return false
		}
		e.Priority = value[0]
		return e.Priority <= 2
	case propReplyTopic:
		e.ReplyTopic = value
		return ValidText(value, 1, MaxTopicBytes)
	}
	return true
}

// Headers calls for each header of a checked list, in the order in which they stand.
func Headers(list []byte, call func(key, value []byte)) {
	walk := properties{rest: list}
	for {
		id, value, more := walk.next()
		if !more {
			return
		}
		if id == propHeader {
			key := 1 + int(value[0])
			call(value[1:key], value[key:])
		}
	}
}

// The writers of event properties, in the order in which they must be called. What they are given was checked.

// AppendTopicProperty writes the topic of a run without alias.
func AppendTopicProperty(to []byte, topic string) []byte { return appendText(to, propTopic, topic) }

// AppendContentType writes the content type.
func AppendContentType(to []byte, text string) []byte { return appendText(to, propContentType, text) }

// AppendCorrelation writes the correlation id.
func AppendCorrelation(to, id []byte) []byte { return appendProperty(to, propCorrelation, id) }

// AppendHeader writes one header.
func AppendHeader(to []byte, key, value string) []byte {
	size := 1 + len(key) + len(value)
	to = append(to, propHeader, byte(size), byte(size>>8), byte(len(key)))
	return append(append(to, key...), value...)
}

// AppendTTL writes the time to live.
func AppendTTL(to []byte, milliseconds uint32) []byte {
	return le.AppendUint32(append(to, propTTL, 4, 0), milliseconds)
}

// AppendPriority writes the priority.
func AppendPriority(to []byte, priority byte) []byte { return append(to, propPriority, 1, 0, priority) }

// AppendReplyTopic writes the reply topic.
func AppendReplyTopic(to []byte, topic string) []byte { return appendText(to, propReplyTopic, topic) }
