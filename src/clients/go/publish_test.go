package nexusd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nexusd/client-go/internal/wire"
)

func TestBadPublishesFailAtTheCall(t *testing.T) {
	c := newTestClient(t, startFake(t).address())
	headers := make(map[string]string)
	for i := 0; i < 65; i++ {
		headers[fmt.Sprint(i)] = ""
	}
	for what, bad := range map[string]struct {
		code    int
		request PublishRequest
	}{
		"wildcard":       {6, PublishRequest{Topic: "a/#"}},
		"empty":          {6, PublishRequest{}},
		"system":         {6, PublishRequest{Topic: "$nexusd/x"}},
		"payload":        {4, PublishRequest{Topic: "a", Payload: make([]byte, wire.DefaultMaxPayload+1)}},
		"content type":   {22, PublishRequest{Topic: "a", ContentType: strings.Repeat("x", 256)}},
		"correlation id": {22, PublishRequest{Topic: "a", CorrelationID: strings.Repeat("x", 256)}},
		"headers":        {22, PublishRequest{Topic: "a", Headers: headers}},
		"header key":     {22, PublishRequest{Topic: "a", Headers: map[string]string{"": "v"}}},
		"together":       {22, PublishRequest{Topic: "a", Headers: map[string]string{"k": strings.Repeat("v", 16_384)}}},
		"time to live":   {22, PublishRequest{Topic: "a", TTL: time.Microsecond}},
		"priority":       {22, PublishRequest{Topic: "a", Priority: 3}},
		"reply topic":    {22, PublishRequest{Topic: "a", ReplyTopic: "a\x00"}},
	} {
		var e *Error
		if err := c.Publish(context.Background(), &bad.request); !errors.As(err, &e) || e.Kind != KindPublish ||
			e.Code != bad.code {
			t.Errorf("%s: got %v", what, err)
		}
		if _, err := c.PublishWithResult(context.Background(), &bad.request); !errors.Is(err, ErrPublish) {
			t.Errorf("%s, acknowledged: got %v", what, err)
		}
	}
	if got := c.Statistics(); got.Published != 0 || got.BufferedBytes != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestEventsOfOneTopicAndPropertiesShareARun(t *testing.T) {
	fake := startFake(t)
	c := newTestClient(t, fake.address())
	ctx := context.Background()
	for i := 0; i < 6; i++ {
		request := &PublishRequest{Topic: "a", Payload: []byte{'0' + byte(i)}}
		if i >= 3 {
			request.Headers = map[string]string{"k": "v", "l": "w"}
		}
		if err := c.Publish(ctx, request); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = c.PublishMany(ctx, "$reply/1/1", [][]byte{{'6'}})
	conn := fake.greeted(welcome{})
	first, second, reply := conn.next(wire.KindPublish), conn.next(wire.KindPublish), conn.next(wire.KindPublish)
	if !slices.Equal(events(first), []string{"0", "1", "2"}) || !slices.Equal(events(second), []string{"3", "4", "5"}) {
		t.Errorf("got %q and %q", events(first), events(second))
	}
	if p := wire.ReadPublish(reply); p.Alias != 0 || string(p.Props) != "\x01\x0a\x00$reply/1/1" {
		t.Errorf("a reply goes as %+v", p)
	}
}

func TestAcknowledgements(t *testing.T) {
	fake := startFake(t)
	c := newTestClient(t, fake.address())
	type outcome struct {
		result *PublishResult
		err    error
	}
	outcomes := make(chan outcome, 3)
	for i := 0; i < 3; i++ {
		go func() {
			result, err := c.PublishWithResult(testContext(t), &PublishRequest{Topic: "a"})
			outcomes <- outcome{result, err}
		}()
	}
	eventually(t, "all are buffered", func() bool { return c.Statistics().Published == 3 })
	conn := fake.greeted(welcome{publisher: 9, next: 1000}) // another number than asked for is in force
	if got := len(events(conn.next(wire.KindPublish))); got != 3 {
		t.Fatalf("%d events share the run", got)
	}
	conn.send(ack(0, 1000, 3, 2))
	var numbers []uint64
	for i := 0; i < 3; i++ {
		o := <-outcomes
		if o.err != nil || o.result.Local != 2 {
			t.Fatalf("got %+v, %v", o.result, o.err)
		}
		numbers = append(numbers, o.result.Number)
	}
	slices.Sort(numbers)
	if !slices.Equal(numbers, []uint64{1000, 1001, 1002}) {
		t.Errorf("the numbers are %v", numbers)
	}
	go func() {
		_, err := c.PublishWithResult(testContext(t), &PublishRequest{Topic: "a"})
		outcomes <- outcome{nil, err}
	}()
	conn.next(wire.KindPublish)
	conn.send(ack(15, 1003, 1, 0))
	var e *Error
	if o := <-outcomes; !errors.As(o.err, &e) || e.Kind != KindPublish || e.Code != 15 {
		t.Errorf("got %v", o.err)
	}
	eventually(t, "nothing is held any more", func() bool { return c.Statistics().BufferedBytes == 0 })
	if got := c.Statistics(); got.Published != 4 || got.InDoubt != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestWaitsForAcknowledgementsEnd(t *testing.T) {
	fake := startFake(t)
	c := newTestClient(t, fake.address(), WithAcknowledgeTimeout(20*time.Millisecond))
	if _, err := c.PublishWithResult(context.Background(), &PublishRequest{Topic: "a"}); !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v", err)
	}
	slow := newTestClient(t, fake.address())
	cancelled, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 2)
	go func() {
		_, err := slow.PublishWithResult(cancelled, &PublishRequest{Topic: "a"})
		failed <- err
	}()
	eventually(t, "it is buffered", func() bool { return slow.Statistics().Published == 1 })
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	go func() {
		_, err := slow.PublishWithResult(context.Background(), &PublishRequest{Topic: "a"})
		failed <- err
	}()
	eventually(t, "it is buffered", func() bool { return slow.Statistics().Published == 2 })
	slow.options.closeTimeout = time.Millisecond
	_ = slow.Close()
	if err := <-failed; !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// TestConnectionCutAtEveryByte breaks the connection after each number of bytes that the daemon has read: whatever the
// client had written, the acknowledged events come with the numbers that they had.
func TestConnectionCutAtEveryByte(t *testing.T) {
	// f1, f2 fire-and-forget; a3, a4 acknowledged; f5.
	names := []string{"f1", "f2", "a3", "a4", "f5"}
	const most = 130
	for cut := 0; cut <= most; cut++ {
		fake := startFake(t)
		c := newTestClient(t, fake.address())
		results := make(chan *PublishResult, 2)
		for i, name := range names {
			request := &PublishRequest{Topic: "t/" + name[:1], Payload: []byte(name)}
			if name[0] == 'a' {
				go func() {
					result, err := c.PublishWithResult(testContext(t), request)
					if err != nil {
						t.Error(err)
					}
					results <- result
				}()
			} else if err := c.Publish(context.Background(), request); err != nil {
				t.Fatal(err)
			}
			eventually(t, "it is buffered", func() bool { return c.Statistics().Published == uint64(i+1) })
		}
		conn := fake.greeted(welcome{})
		conn.take(min(cut, 100))
		_ = conn.Close()
		again := fake.greeted(welcome{})
		first := again.helloNumber()
		if first != 1 && first != 3 {
			t.Fatalf("cut after %d: goes on with number %d", cut, first)
		}
		var got []string
		number := first
		for number <= uint64(len(names)) {
			publish := again.next(wire.KindPublish)
			payloads := events(publish)
			if publish[5]&wire.FlagAcknowledge != 0 {
				again.send(ack(0, number, uint32(len(payloads)), 1))
			}
			number += uint64(len(payloads))
			got = append(got, payloads...)
		}
		if !slices.Equal(got, names[first-1:]) {
			t.Fatalf("cut after %d: from number %d on came %q", cut, first, got)
		}
		numbers := []uint64{(<-results).Number, (<-results).Number}
		slices.Sort(numbers)
		if !slices.Equal(numbers, []uint64{3, 4}) {
			t.Fatalf("cut after %d: acknowledged with the numbers %v", cut, numbers)
		}
		if s := c.Statistics(); s.InDoubt != first-1 {
			t.Fatalf("cut after %d: %d are in doubt, %d came again", cut, s.InDoubt, len(got))
		}
		go again.drain()
		_ = again.Close()
		_ = c.Close()
	}
}

func TestInDoubtAreThoseThatNothingConfirmed(t *testing.T) {
	fake := startFake(t)
	c := newTestClient(t, fake.address())
	publish := func() {
		if err := c.Publish(context.Background(), &PublishRequest{Topic: "a"}); err != nil {
			t.Fatal(err)
		}
	}
	publish()
	publish()
	conn := fake.greeted(welcome{})
	conn.next(wire.KindPublish)
	flushed := make(chan error, 1)
	go func() { flushed <- c.Flush(testContext(t)) }()
	ping := conn.any()
	conn.send(frame(wire.KindPong, 0, 0, ping[8:]))
	if err := <-flushed; err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 3; i++ {
		publish()
	}
	for got := 0; got < 3; {
		got += len(events(conn.next(wire.KindPublish)))
	}
	_ = conn.Close()
	again := fake.greeted(welcome{})
	if got := again.helloNumber(); got != 6 {
		t.Errorf("goes on with number %d", got)
	}
	if got := c.Statistics().InDoubt; got != 3 {
		t.Errorf("%d are in doubt", got)
	}
}

func TestFullBufferFailsWhileTheDaemonIsAway(t *testing.T) {
	fake := startFake(t)
	_ = fake.listener.Close()
	c := newTestClient(t, fake.address(), WithPublishBuffer(1<<20), WithCloseTimeout(time.Millisecond))
	payload := make([]byte, 10_000)
	var err error
	taken := 0
	for err == nil {
		if err = c.Publish(context.Background(), &PublishRequest{Topic: "a", Payload: payload}); err == nil {
			taken++
		}
	}
	if !errors.Is(err, ErrBufferFull) || taken < 90 || taken > 104 {
		t.Errorf("after %d events: %v", taken, err)
	}
	if _, err := c.PublishWithResult(context.Background(), &PublishRequest{Topic: "b", Payload: payload}); !errors.Is(err,
		ErrBufferFull) {
		t.Errorf("acknowledged: got %v", err)
	}
	if s := c.Statistics(); s.Refused != 2 || s.BufferedBytes > 1<<20 {
		t.Errorf("got %+v", s)
	}
	fake.listen()
	conn := fake.greeted(welcome{})
	for got := 0; got < taken; {
		got += len(events(conn.next(wire.KindPublish)))
	}
}

func TestPublisherWaitsForASlowDaemon(t *testing.T) {
	fake := startFake(t)
	c := newTestClient(t, fake.address(), WithCloseTimeout(time.Millisecond))
	c.start()
	conn := fake.greeted(welcome{})
	eventually(t, "it is connected", func() bool { return c.State() == StateConnected })
	payload := make([]byte, 10_000)
	limited, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	taken := 0
	var err error
	for err == nil {
		if err = c.Publish(limited, &PublishRequest{Topic: "a", Payload: payload}); err == nil {
			taken++
		}
	}
	if !errors.Is(err, ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if held := c.Statistics().BufferedBytes; held > unsentWhileConnected {
		t.Errorf("%d bytes wait", held)
	}
	waiting := make(chan error, 1)
	go func() {
		waiting <- c.Publish(context.Background(), &PublishRequest{Topic: "a", Payload: payload})
	}()
	for got := 0; got < taken+1; {
		got += len(events(conn.next(wire.KindPublish)))
	}
	if err := <-waiting; err != nil {
		t.Error(err)
	}
}

func TestDaemonThatTakesLess(t *testing.T) {
	fake := startFake(t)
	c := newTestClient(t, fake.address())
	ctx := context.Background()
	refused := make(chan error, 1)
	go func() {
		_, err := c.PublishWithResult(testContext(t), &PublishRequest{Topic: "a", Payload: make([]byte, 1000)})
		refused <- err
	}()
	eventually(t, "it is buffered", func() bool { return c.Statistics().Published == 1 })
	for _, topic := range []string{"a", "b", "c"} {
		if err := c.Publish(ctx, &PublishRequest{Topic: topic, Payload: []byte(topic)}); err != nil {
			t.Fatal(err)
		}
	}
	fake.greeted(welcome{maxBytes: 100, maxAliases: 1})
	var e *Error
	if err := <-refused; !errors.As(err, &e) || e.Kind != KindPublish || e.Code != 4 {
		t.Errorf("got %v", err)
	}
	// The numbers are new, so the next connection has a new publisher id.
	conn := fake.greeted(welcome{maxBytes: 100, maxAliases: 1})
	if conn.helloProperty(0x12) != nil || conn.helloNumber() != 1 {
		t.Errorf("HELLO is %x", conn.hello)
	}
	for _, topic := range []string{"a", "b", "c"} {
		publish := wire.ReadPublish(conn.next(wire.KindPublish))
		if (publish.Alias == 0) != (topic != "a") {
			t.Errorf("%s goes with alias %d", topic, publish.Alias)
		}
		if topic != "a" && string(publish.Props) != "\x01\x01\x00"+topic {
			t.Errorf("%s goes with the properties %q", topic, publish.Props)
		}
	}
	if err := c.Publish(ctx, &PublishRequest{Topic: "a", Payload: make([]byte, 101)}); !errors.Is(err, ErrPublish) {
		t.Errorf("got %v", err)
	}
	if got := c.Statistics().Published; got != 4 {
		t.Errorf("%d were taken for sending", got)
	}
}

func TestCloseSendsWhatIsBuffered(t *testing.T) {
	fake := startFake(t)
	c := newTestClient(t, fake.address(), WithCloseTimeout(waitLimit))
	if err := c.Publish(context.Background(), &PublishRequest{Topic: "a", Payload: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- c.Close() }()
	conn := fake.greeted(welcome{})
	conn.next(wire.KindPublish)
	ping := conn.any()
	conn.send(frame(wire.KindPong, 0, 0, ping[8:]))
	conn.next(wire.KindBye)
	_ = conn.Close()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if got := c.Statistics().InDoubt; got != 0 {
		t.Errorf("%d are in doubt", got)
	}
}

func TestRefusedEventsAndLossesAreTold(t *testing.T) {
	notices, losses := make(chan Notice, 1), make(chan PublishLoss, 1)
	fake := startFake(t)
	c := newTestClient(t, fake.address(), OnNotice(func(n Notice) { notices <- n }),
		OnPublishLoss(func(l PublishLoss) { losses <- l }))
	c.start()
	conn := fake.greeted(welcome{})
	conn.send(frame(wire.KindError, 0, 6, u64(5), []byte("no such topic")))
	if n := <-notices; n.Code != 6 || n.Reference != 5 || n.Text != "no such topic" {
		t.Errorf("got %+v", n)
	}
	conn.send(frame(wire.KindNotice, 0, 77, u32(0), u64(9, 10, 20, 4), []byte("node-1")))
	want := PublishLoss{Publisher: 9, From: 10, To: 20, Count: 4, Reason: "reason_77", Node: "node-1"}
	if l := <-losses; l != want {
		t.Errorf("got %+v", l)
	}
}

func TestPublishingAllocatesNothing(t *testing.T) {
	c := newTestClient(t, startFake(t).address(), WithCloseTimeout(time.Millisecond))
	payload := make([]byte, 100)
	ctx := context.Background()
	for what, publish := range map[string]func() error{
		"plain": func() error { return c.Publish(ctx, &PublishRequest{Topic: "a", Payload: payload}) },
		"with properties": func() error {
			return c.Publish(ctx, &PublishRequest{Topic: "b", Payload: payload, ContentType: "text", Priority: PriorityHigh})
		},
	} {
		allocations := testing.AllocsPerRun(2000, func() {
			if err := publish(); err != nil {
				t.Fatal(err)
			}
		})
		if allocations != 0 {
			t.Errorf("%s: %v allocations", what, allocations)
		}
	}
}
