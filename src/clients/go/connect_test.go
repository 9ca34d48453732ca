package nexusd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nexusd/client-go/internal/wire"
)

func TestMakingAClientDoesNoIO(t *testing.T) {
	c, err := NewClient("unix:/nowhere/nexusd.sock")
	if err != nil {
		t.Fatal(err)
	}
	if c.State() != StateIdle {
		t.Errorf("the state is %s", c.State())
	}
	if err := c.Close(); err != nil || c.State() != StateClosed {
		t.Errorf("got %v, the state is %s", err, c.State())
	}
	for what, err := range map[string]error{
		"publish":   c.Publish(context.Background(), &PublishRequest{Topic: "a"}),
		"flush":     c.Flush(context.Background()),
		"waitReady": c.WaitReady(context.Background()),
		"close":     errors.Join(c.Close(), ErrClosed),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if _, err := c.Subscribe(context.Background(), []string{"a"}); !errors.Is(err, ErrClosed) {
		t.Errorf("subscribe: got %v", err)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for what, option := range map[string]Option{
		"buffer": WithPublishBuffer(1), "token": WithToken(make([]byte, 1025)), "time": WithKeepAlive(0),
		"waits": WithReconnectWait(time.Second, time.Millisecond),
	} {
		if _, err := NewClient("a", option); !errors.Is(err, ErrArgument) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if _, err := NewClient("http://a"); !errors.Is(err, ErrArgument) {
		t.Errorf("address: got %v", err)
	}
	c, _ := NewClient("a")
	for what, option := range map[string]SubscribeOption{
		"buffer": WithReceiveBuffer(1), "queue": WithQueueLimits(-1, 0), "strategy": WithStrategy(9),
		"time": WithBlockTimeout(-1),
	} {
		if _, err := c.Subscribe(context.Background(), []string{"a"}, option); !errors.Is(err, ErrArgument) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func TestHelloSaysWhoTheClientIs(t *testing.T) {
	fake := startFake(t)
	long := strings.Repeat("ä", 100)
	c := newTestClient(t, fake.address(), WithName(long), WithToken([]byte("secret")))
	c.start()
	conn := fake.greeted(welcome{publisher: 5})
	if name := string(conn.helloProperty(0x10)); name != long[:128] {
		t.Errorf("the name is %q", name)
	}
	if library := string(conn.helloProperty(0x11)); library != "go/"+Version {
		t.Errorf("the library is %q", library)
	}
	if string(conn.helloProperty(0x16)) != "secret" || conn.helloProperty(0x12) != nil || conn.helloNumber() != 1 {
		t.Errorf("HELLO is %x", conn.hello)
	}
	_ = conn.Close()
	again := fake.greeted(welcome{})
	if id := again.helloProperty(0x12); id == nil || le.Uint64(id) != 5 {
		t.Errorf("the second HELLO is %x", again.hello)
	}
}

func TestAnotherProgramAtThePort(t *testing.T) {
	for answer, guess := range map[string]string{
		"HTTP/1.1 400 Bad Request\r\n\r\n": "HTTP",
		"AMQP\x00\x00\x09\x01":             "AMQP",
		"-ERR unknown command\r\n":         "Redis",
		"\x15\x03\x01\x00\x02\x02\x46":     "TLS",
		"SSH-2.0-x\r\n":                    "SSH",
		"INFO {}\r\n":                      "NATS",
		"?":                                "another program",
	} {
		t.Run(guess, func(t *testing.T) {
			fake := startFake(t)
			c := newTestClient(t, fake.address())
			result := make(chan error, 1)
			go func() { result <- c.WaitReady(testContext(t)) }()
			conn := fake.accept()
			conn.readHello()
			conn.send([]byte(answer))
			_ = conn.Close()
			err := <-result
			var e *Error
			if !errors.As(err, &e) || e.Kind != KindConnection || !e.Permanent || !strings.Contains(e.Text, guess) {
				t.Errorf("got %#v", err)
			}
			fake.greeted(welcome{}) // the client goes on trying
			eventually(t, "it is connected", func() bool { return c.State() == StateConnected })
		})
	}
}

func TestRefusalsInTheGreeting(t *testing.T) {
	for code, permanent := range map[uint16]bool{8: true, 14: true, 15: true, 13: false} {
		t.Run(wire.Code(code).String(), func(t *testing.T) {
			fake := startFake(t)
			c := newTestClient(t, fake.address())
			c.start()
			conn := fake.accept()
			conn.readHello()
			greeting := "NXD1\x01\x00\x00\x00"
			if code == 8 {
				greeting = "NXD1\x00\x00\x00\x00"
			}
			conn.send(append([]byte(greeting), frame(wire.KindError, 1, code, u64(0), []byte("the reason"))...))
			_ = conn.Close()
			eventually(t, "the attempt failed", func() bool { return c.lastReason() != nil })
			var e *Error
			if err := c.lastReason(); !errors.As(err, &e) || e.Code != int(code) || e.Permanent != permanent ||
				!strings.Contains(e.Text, "the reason") {
				t.Errorf("got %#v", err)
			}
		})
	}
}

func TestGreetingCutAtEveryByte(t *testing.T) {
	fake := startFake(t)
	c := newTestClient(t, fake.address(), WithReconnectWait(time.Microsecond, time.Microsecond))
	c.start()
	whole := welcome{}.bytes()
	for cut := 0; cut < len(whole); cut++ {
		conn := fake.accept()
		conn.readHello()
		conn.send(whole[:cut])
		_ = conn.Close()
	}
	fake.greeted(welcome{})
	if err := c.WaitReady(testContext(t)); err != nil {
		t.Error(err)
	}
	if got := c.Statistics().Connections; got != 1 {
		t.Errorf("%d connections were made", got)
	}
}

func TestSilentProgramIsLeftAndTheNextAddressTried(t *testing.T) {
	silent, fake := startFake(t), startFake(t)
	c := newTestClient(t, silent.address()+","+fake.address(), WithConnectTimeout(30*time.Millisecond))
	c.start()
	silent.accept()
	fake.greeted(welcome{})
	if err := c.WaitReady(testContext(t)); err != nil {
		t.Error(err)
	}
}

func TestWaitReadySaysWhy(t *testing.T) {
	fake := startFake(t)
	_ = fake.listener.Close()
	c := newTestClient(t, fake.address())
	c.start()
	eventually(t, "an attempt failed", func() bool { return c.State() == StateReconnecting })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := c.WaitReady(ctx); !errors.Is(err, ErrConnection) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	cancelled, stop := context.WithCancel(context.Background())
	stop()
	if err := c.WaitReady(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestStatesAreToldInOrderAndPanicsSwallowed(t *testing.T) {
	var told []string
	changes := make(chan string, 100)
	fake := startFake(t)
	c := newTestClient(t, fake.address(), OnStateChange(func(s StateChange) {
		changes <- fmt.Sprint(s.From, "-", s.To)
		panic("swallowed")
	}))
	c.start()
	conn := fake.greeted(welcome{})
	eventually(t, "it is connected", func() bool { return c.State() == StateConnected })
	_ = conn.Close()
	eventually(t, "it is reconnecting", func() bool { return c.State() == StateReconnecting })
	again := fake.greeted(welcome{})
	eventually(t, "it is connected again", func() bool { return c.State() == StateConnected })
	go again.drain()
	_ = c.Close()
	for len(changes) > 0 {
		told = append(told, <-changes)
	}
	want := "idle-connecting connecting-connected connected-reconnecting reconnecting-connected"
	if got := strings.Join(told, " "); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "-closed") {
		t.Errorf("got %s", got)
	}
}

func TestBackoff(t *testing.T) {
	least := backoff{least: 100, bound: 100, most: 350, random: func() float64 { return 0 }}
	most := backoff{least: 100, bound: 100, most: 350, random: func() float64 { return 1 }}
	for _, bound := range []time.Duration{100, 200, 350, 350} {
		if got := least.next(); got != 10 {
			t.Errorf("the shortest wait is %d", got)
		}
		if got := most.next(); got != bound {
			t.Errorf("the longest wait is %d, want %d", got, bound)
		}
	}
	most.reset()
	if got := most.next(); got != 100 {
		t.Errorf("after a connection the longest wait is %d", got)
	}
}

func TestSignsOfLife(t *testing.T) {
	fake := startFake(t)
	c := newTestClient(t, fake.address(), WithKeepAlive(40*time.Millisecond))
	c.start()
	conn := fake.greeted(welcome{})
	if ping := conn.any(); ping[4] != wire.KindPing {
		t.Fatalf("kind 0x%02x came", ping[4])
	}
	conn.send(frame(wire.KindPing, 0, 0, u64(0x1122334455667788)))
	for {
		if got := conn.any(); got[4] == wire.KindPong {
			if le.Uint64(got[8:]) != 0x1122334455667788 {
				t.Errorf("PONG has the body %x", got[8:])
			}
			break
		}
	}
	// Nothing more is answered: the connection counts as broken.
	fake.greeted(welcome{})
	eventually(t, "it is connected again", func() bool { return c.Statistics().Connections == 2 })
}

func TestIdleTimeoutOfTheDaemonIsKept(t *testing.T) {
	fake := startFake(t)
	c := newTestClient(t, fake.address())
	c.start()
	conn := fake.greeted(welcome{idleMs: 300})
	for i := 0; i < 2; i++ {
		if ping := conn.any(); ping[4] != wire.KindPing {
			t.Fatalf("kind 0x%02x came", ping[4])
		}
	}
}

func TestFramesThatBreakTheProtocolEndTheConnection(t *testing.T) {
	for what, bytes := range map[string][]byte{
		"kind 0":        frame(0, 0, 0),
		"too large":     {0xFF, 0xFF, 0xFF, 0xFF, wire.KindDeliver, 0, 0, 0},
		"ack of none":   ack(0, 1, 1, 1),
		"short pong":    frame(wire.KindPong, 0, 0),
		"unknown alias": frame(wire.KindDeliver, 0, 0, u32(1, 9), u64(1, 1, 1), u32(0)),
		"bad topic":     frame(wire.KindTopic, 0, 0, u32(1), []byte("a/#")),
	} {
		t.Run(what, func(t *testing.T) {
			fake := startFake(t)
			c := newTestClient(t, fake.address())
			c.start()
			fake.greeted(welcome{}).send(bytes)
			conn := fake.greeted(welcome{})
			conn.send(frame(0x7F, 0, 0, []byte("later"))) // an unknown kind is skipped
			conn.send(frame(wire.KindPing, 0, 0, u64(1)))
			conn.next(wire.KindPong)
		})
	}
}
