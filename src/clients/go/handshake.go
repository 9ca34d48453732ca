package nexusd

import (
	"bytes"
	"context"
	"net"

	"github.com/nexusd/client-go/internal/address"
	"github.com/nexusd/client-go/internal/wire"
)

// greet sends greeting and HELLO and waits for WELCOME.
func (c *Client) greet(ctx context.Context, conn net.Conn) (*wire.Welcome, *Error) {
	opening := wire.AppendHello(wire.AppendGreeting(nil, wire.Version, wire.Version), c.hello())
	if _, err := conn.Write(opening); err != nil {
		// What the other side said before it closed is worth more than that it closed.
		_ = c.reader.fill(conn)
		return nil, c.wrongAnswer(ctx, err)
	}
	for len(c.reader.bytes()) < wire.GreetingBytes {
		if err := c.reader.fill(conn); err != nil {
			return nil, c.wrongAnswer(ctx, err)
		}
		if known := c.reader.bytes(); !bytes.HasPrefix([]byte("NXD1"), known[:min(4, len(known))]) {
			return nil, c.wrongAnswer(ctx, nil)
		}
	}
	version, code := wire.ReadGreeting(c.reader.bytes())
	if code != wire.None {
		return nil, c.wrongAnswer(ctx, nil)
	}
	c.reader.start += wire.GreetingBytes
	frame, reason := c.firstFrame(ctx, conn)
	if reason != nil {
		return nil, reason
	}
	if frame[4] == wire.KindError {
		if refused, code := wire.ReadRefusal(frame); code == wire.None {
			return nil, c.refused(refused)
		}
	}
	if version != wire.Version {
		return nil, c.refused(wire.Refusal{Code: wire.UnsupportedVersion})
	}
	if frame[4] == wire.KindWelcome {
		if welcome, code := wire.ReadWelcome(frame); code == wire.None {
			return &welcome, nil
		}
	}
	return nil, refusal(KindConnection, wire.Malformed,
		"nexusd at %s did not answer with WELCOME; is it an incompatible version?", c.address)
}

func (c *Client) firstFrame(ctx context.Context, conn net.Conn) ([]byte, *Error) {
	for {
		frame, code := c.reader.cut()
		if code != wire.None {
			return nil, c.wrongAnswer(ctx, nil)
		}
		if frame != nil {
			return frame, nil
		}
		if err := c.reader.fill(conn); err != nil {
			return nil, c.greetingEnded(ctx, err)
		}
	}
}

// refused says what an ERROR that ends the connection means to the application.
func (c *Client) refused(r wire.Refusal) *Error {
	said := r.Text
	if said == "" {
		said = r.Code.String()
	}
	e := refusal(KindConnection, r.Code, "nexusd at %s ended the connection: %s", c.address, said)
	e.Permanent = r.Code == wire.UnsupportedVersion || r.Code == wire.Unauthenticated || r.Code == wire.Forbidden
	return e
}

func (c *Client) greetingEnded(ctx context.Context, err error) *Error {
	if ctx.Err() != nil {
		return c.unreachable(ctx, err)
	}
	e := failure(KindConnection,
		"%s closed the connection during the greeting. Is nexusd listening there, and not another program?", c.address)
	e.Cause = err
	return e
}

// wrongAnswer tells which other program seems to be at the port.
func (c *Client) wrongAnswer(ctx context.Context, err error) *Error {
	answer := c.reader.bytes()
	if len(answer) == 0 || bytes.HasPrefix(answer, []byte("NXD1")) && err != nil {
		return c.greetingEnded(ctx, err)
	}
	e := refusal(KindConnection, wire.BadGreeting,
		"%s is %s, not nexusd: it answered '%s'. Check the address (argument or %s) and nexusd's --app-port", c.address,
		guessProgram(answer), printable(answer), address.Variable)
	e.Permanent = true
	return e
}

func guessProgram(answer []byte) string {
	for _, known := range [...]struct{ start, program string }{
		{"AMQP", "an AMQP broker such as RabbitMQ, which has the same default port"},
		{"HTTP/", "an HTTP server"},
		{"INFO ", "a NATS server"},
		{"SSH-", "an SSH server"},
		{"-ERR", "a Redis server"},
		{"-DENIED", "a Redis server"},
		{"\x15\x03", "a server that wants TLS"},
		{"\x16\x03", "a server that wants TLS"},
		{"NXD1", "a program that begins like nexusd but breaks the protocol"},
	} {
		if bytes.HasPrefix(answer, []byte(known.start)) {
			return known.program
		}
	}
	return "another program"
}

func printable(answer []byte) string {
	text := append([]byte(nil), answer[:min(len(answer), 40)]...)
	for i, b := range text {
		if b < 0x20 || b >= 0x7F {
			text[i] = '.'
		}
	}
	return string(text)
}
