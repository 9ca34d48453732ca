package nexusd

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nexusd/client-go/internal/wire"
)

var le = binary.LittleEndian

// fakeDaemon is a socket whose connections a test plays out by hand.
type fakeDaemon struct {
	t        *testing.T
	listener net.Listener
	path     string
}

func startFake(t *testing.T) *fakeDaemon {
	t.Helper()
	folder, err := os.MkdirTemp("", "nexusd-go")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeDaemon{t: t, path: filepath.Join(folder, "s")}
	f.listen()
	t.Cleanup(func() {
		_ = f.listener.Close()
		_ = os.RemoveAll(folder)
	})
	return f
}

func (f *fakeDaemon) listen() {
	listener, err := net.Listen("unix", f.path)
	if err != nil {
		f.t.Fatal(err)
	}
	f.listener = listener
}

func (f *fakeDaemon) address() string { return "unix:" + f.path }

// fakeConn is one connection of the client under test.
type fakeConn struct {
	net.Conn
	t       *testing.T
	pending []byte // read and not used yet
	hello   []byte
}

// accept waits for a connection, without greeting it.
func (f *fakeDaemon) accept() *fakeConn {
	f.t.Helper()
	_ = f.listener.(*net.UnixListener).SetDeadline(time.Now().Add(waitLimit))
	conn, err := f.listener.Accept()
	if err != nil {
		f.t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(waitLimit))
	f.t.Cleanup(func() { _ = conn.Close() })
	return &fakeConn{Conn: conn, t: f.t}
}

// welcome is what a fake daemon says; zero values are left out, except that id and number are 77 and 1.
type welcome struct {
	publisher, next                uint64
	maxAliases, maxFrame, maxBytes uint32
	idleMs                         uint32
}

func (w welcome) bytes() []byte {
	body := []byte{0x12, 8, 0}
	body = le.AppendUint64(body, max(w.publisher, 1))
	body = le.AppendUint64(append(body, 0x13, 8, 0), max(w.next, 1))
	for id, value := range map[byte]uint32{
		0x14: w.maxAliases, 0x15: w.maxFrame, 0x17: w.maxBytes, 0x19: w.idleMs,
	} {
		if value != 0 {
			body = le.AppendUint32(append(body, id, 4, 0), value)
		}
	}
	body = append(append(body, 0x20, 16, 0), "0123456789abcdef"...)
	return append([]byte("NXD1\x01\x00\x00\x00"), frame(wire.KindWelcome, 0, 0, body)...)
}

// greeted accepts a connection and welcomes the client.
func (f *fakeDaemon) greeted(w welcome) *fakeConn {
	f.t.Helper()
	c := f.accept()
	c.readHello()
	if w.next == 0 {
		w.next = c.helloNumber()
	}
	if w.publisher == 0 {
		w.publisher = 77
	}
	c.send(w.bytes())
	return c
}

func (c *fakeConn) readHello() {
	c.t.Helper()
	greeting := c.take(8)
	if string(greeting) != "NXD1\x01\x01\x00\x00" {
		c.t.Fatalf("the greeting is %q", greeting)
	}
	c.hello = c.next(wire.KindHello)
}

// helloNumber is the next number that HELLO named.
func (c *fakeConn) helloNumber() uint64 {
	if value := c.helloProperty(0x13); value != nil {
		return le.Uint64(value)
	}
	return 1
}

func (c *fakeConn) helloProperty(id byte) []byte {
	for rest := c.hello[8:]; len(rest) > 0; {
		size := int(le.Uint16(rest[1:]))
		if rest[0] == id {
			return rest[3 : 3+size]
		}
		rest = rest[3+size:]
	}
	return nil
}

func (c *fakeConn) take(count int) []byte {
	c.t.Helper()
	for len(c.pending) < count {
		buffer := make([]byte, 64<<10)
		got, err := c.Read(buffer)
		if got == 0 {
			c.t.Fatalf("%d bytes were to come, but %d and then %v", count, len(c.pending), err)
		}
		c.pending = append(c.pending, buffer[:got]...)
	}
	taken := c.pending[:count]
	c.pending = c.pending[count:]
	return taken
}

// any reads the next frame.
func (c *fakeConn) any() []byte {
	c.t.Helper()
	size := int(le.Uint32(c.take(4))) + 4
	c.pending = append(le.AppendUint32(nil, uint32(size-4)), c.pending...)
	return c.take(size)
}

// next reads the next frame that is neither TOPIC nor PING, which must be of a kind.
func (c *fakeConn) next(kind byte) []byte {
	c.t.Helper()
	for {
		got := c.any()
		if got[4] == kind {
			return got
		}
		if got[4] != wire.KindTopic && got[4] != wire.KindPing {
			c.t.Fatalf("a frame of kind 0x%02x came, not 0x%02x", got[4], kind)
		}
	}
}

func (c *fakeConn) send(bytes []byte) {
	c.t.Helper()
	if _, err := c.Write(bytes); err != nil {
		c.t.Fatal(err)
	}
}

// drain reads until the client closes.
func (c *fakeConn) drain() {
	_, _ = io.Copy(io.Discard, c)
}

func frame(kind, flags byte, extra uint16, body ...[]byte) []byte {
	whole := []byte{0, 0, 0, 0, kind, flags, byte(extra), byte(extra >> 8)}
	for _, part := range body {
		whole = append(whole, part...)
	}
	le.PutUint32(whole, uint32(len(whole)-4))
	return whole
}

func u32(values ...uint32) (all []byte) {
	for _, v := range values {
		all = le.AppendUint32(all, v)
	}
	return all
}

func u64(values ...uint64) (all []byte) {
	for _, v := range values {
		all = le.AppendUint64(all, v)
	}
	return all
}

func ack(code uint16, number uint64, count, local uint32) []byte {
	return frame(wire.KindAck, 0, code, u64(number), u32(count, local, 0))
}

func confirmation(code uint16, id uint32, text string) []byte {
	return frame(wire.KindSubscribed, 0, code, u32(id), []byte(text))
}

// subscriptionID is the id that a SUBSCRIBE names.
func subscriptionID(subscribe []byte) uint32 { return le.Uint32(subscribe[8:]) }

// delivery is a run with the topic as text.
func delivery(id uint32, topic string, publisher, number uint64, flags byte, payloads ...string) []byte {
	props := append([]byte{0x01, byte(len(topic)), byte(len(topic) >> 8)}, topic...)
	var run []byte
	for _, payload := range payloads {
		run = append(le.AppendUint32(run, uint32(len(payload))), payload...)
	}
	return frame(wire.KindDeliver, flags, uint16(len(props)), u32(id, 0), u64(publisher, number, number<<16), props, run)
}

// events gives the payloads of a PUBLISH.
func events(publish []byte) (payloads []string) {
	for body := wire.ReadPublish(publish).Body; len(body) > 0; {
		var payload []byte
		payload, body = wire.NextPayload(body)
		payloads = append(payloads, string(payload))
	}
	return payloads
}
