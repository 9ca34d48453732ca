package wire

import "encoding/binary"

var le = binary.LittleEndian

// Cut looks for a whole frame at the start of data.
//
// A size of 0 without a code: more bytes are needed. Before the header is complete nothing is told; after it a frame
// that is too large or of a kind that is never assigned is refused at once.
func Cut(data []byte, maxFrame int) (size int, kind byte, code Code) {
	if len(data) < HeaderBytes {
		return 0, 0, None
	}
	length := uint64(le.Uint32(data))
	kind = data[4]
	if length+4 > uint64(maxFrame) {
		return 0, kind, FrameTooLarge
	}
	if length < 4 || kind == 0 || kind >= 0xF0 {
		return 0, kind, Malformed
	}
	if uint64(len(data)) < length+4 {
		return 0, kind, None
	}
	return int(length) + 4, kind, None
}

// FrameSize is the length of the frame that starts a log of whole frames.
func FrameSize(data []byte) int { return int(le.Uint32(data)) + 4 }

// AppendGreeting writes the client's first bytes.
func AppendGreeting(to []byte, lowest, highest byte) []byte {
	return append(to, 'N', 'X', 'D', '1', lowest, highest, 0, 0)
}

// ReadGreeting reads the daemon's answer of 8 bytes.
func ReadGreeting(data []byte) (version byte, code Code) {
	if len(data) < GreetingBytes || string(data[:4]) != "NXD1" {
		return 0, BadGreeting
	}
	return data[4], None
}

func putHeader(frame []byte, size int, kind, flags byte, extra uint16) {
	le.PutUint32(frame, uint32(size-4))
	frame[4] = kind
	frame[5] = flags
	le.PutUint16(frame[6:], extra)
}

// begin appends a header whose length end puts in.
func begin(to []byte, kind, flags byte, extra uint16) ([]byte, int) {
	at := len(to)
	to = append(to, 0, 0, 0, 0, kind, flags, 0, 0)
	le.PutUint16(to[at+6:], extra)
	return to, at
}

func end(to []byte, at int) []byte {
	le.PutUint32(to[at:], uint32(len(to)-at-4))
	return to
}
