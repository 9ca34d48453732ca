package nexusd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nexusd/client-go/internal/wire"
)

func TestEverythingOfAnEventArrives(t *testing.T) {
	c := newTestClient(t, startDaemon(t).address())
	sub := subscribed(t, c, []string{"a/*/c"})
	result := mustPublish(t, c, &PublishRequest{
		Topic: "a/b/c", Payload: []byte("hello"), ContentType: "text/plain", CorrelationID: "\x00\xff",
		Headers: map[string]string{"k": "v", "ä": ""}, TTL: time.Minute, Priority: PriorityHigh, ReplyTopic: "r/1",
	})
	if result.Local != 1 || result.Peers != 0 || result.Number != 1 {
		t.Errorf("got %+v", result)
	}
	m := mustNext(t, sub)
	if m.Topic != "a/b/c" || string(m.Payload) != "hello" || m.Number != 1 || m.ContentType() != "text/plain" ||
		m.CorrelationID() != "\x00\xff" || m.TTL() != time.Minute || m.Priority() != PriorityHigh ||
		m.ReplyTopic() != "r/1" || m.IsRetained() || m.IsReplayed() || len(m.Headers()) != 2 {
		t.Errorf("got %+v", m)
	}
	if value, ok := m.Header("k"); !ok || value != "v" {
		t.Errorf("header k is %q", value)
	}
	if age := time.Since(m.Timestamp()); age < -time.Minute || age > time.Minute {
		t.Errorf("the time-stamp is %s", m.Timestamp())
	}
	info, ok := c.Daemon()
	if !ok || info.NodeName != "test" || m.PublisherID() != info.PublisherID {
		t.Errorf("the daemon is %+v, the publisher %d", info, m.PublisherID())
	}
}

func TestManyEventsArriveInOrder(t *testing.T) {
	const events = 50_000
	daemon := startDaemon(t)
	publisher, subscriber := newTestClient(t, daemon.address()), newTestClient(t, daemon.address())
	sub := subscribed(t, subscriber, []string{"n/#"}, WithOverflow(OverflowBlock), WithBlockTimeout(10*time.Minute))
	done := make(chan error, 1)
	go func() {
		for i := 1; i <= events; i++ {
			topic := "n/" + strconv.Itoa(i/1000%3)
			if err := publisher.Publish(context.Background(), &PublishRequest{Topic: topic, Payload: number(i)}); err != nil {
				done <- err
				return
			}
		}
		done <- publisher.Flush(testContext(t))
	}()
	for want := 1; want <= events; {
		if want%7 == 0 {
			batch, err := sub.NextBatch(testContext(t))
			if err != nil {
				t.Fatal(err)
			}
			for i := range batch {
				checkNumber(t, &batch[i], want)
				want++
			}
			continue
		}
		checkNumber(t, mustNext(t, sub), want)
		want++
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func number(i int) []byte { return []byte(fmt.Sprintf("%08d", i)) }

func checkNumber(t *testing.T, m *Message, want int) {
	t.Helper()
	if string(m.Payload) != string(number(want)) || m.Number != uint64(want) {
		t.Fatalf("got %s with number %d, want %d", m.Payload, m.Number, want)
	}
}

func TestPublishesFromManyGoroutines(t *testing.T) {
	const goroutines, each = 8, 500
	c := newTestClient(t, startDaemon(t).address())
	sub := subscribed(t, c, []string{"g/#"})
	var group sync.WaitGroup
	for g := 0; g < goroutines; g++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := 0; i < each; i++ {
				request := &PublishRequest{Topic: "g/" + strconv.Itoa(g), Payload: number(i)}
				if i%50 == 0 {
					if _, err := c.PublishWithResult(context.Background(), request); err != nil {
						t.Error(err)
					}
				} else if err := c.Publish(context.Background(), request); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	next := make(map[string]int)
	for i := 0; i < goroutines*each; i++ {
		m := mustNext(t, sub)
		if string(m.Payload) != string(number(next[m.Topic])) {
			t.Fatalf("%s: got %s, want %d", m.Topic, m.Payload, next[m.Topic])
		}
		next[m.Topic]++
	}
	group.Wait()
}

func TestAllIsTakenOverAKillAndARestart(t *testing.T) {
	daemon := startDaemon(t)
	c := newTestClient(t, daemon.address())
	sub := subscribed(t, c, []string{"k"})
	mustPublish(t, c, &PublishRequest{Topic: "k", Payload: []byte("before")})
	if m := mustNext(t, sub); string(m.Payload) != "before" {
		t.Fatalf("got %s", m.Payload)
	}
	daemon.kill()
	eventually(t, "the client notices", func() bool { return c.State() == StateReconnecting })
	acknowledged := make(chan error, 1)
	go func() {
		_, err := c.PublishWithResult(testContext(t), &PublishRequest{Topic: "k", Payload: []byte("meanwhile")})
		acknowledged <- err
	}()
	eventually(t, "it is buffered", func() bool { return c.Statistics().Published == 2 })
	if err := c.Publish(context.Background(), &PublishRequest{Topic: "k", Payload: []byte("after")}); err != nil {
		t.Fatal(err)
	}
	daemon.start()
	for _, want := range []string{"meanwhile", "after"} {
		if m := mustNext(t, sub); string(m.Payload) != want {
			t.Fatalf("got %s, want %s", m.Payload, want)
		}
	}
	if err := <-acknowledged; err != nil {
		t.Fatal(err)
	}
	if s := c.Statistics(); s.Connections != 2 || s.InDoubt != 0 || s.Published != 3 {
		t.Errorf("got %+v", s)
	}
}

func TestMissedEventsAreReplayed(t *testing.T) {
	daemon := startDaemon(t, "--recovery-events=1000")
	publisher, subscriber := newTestClient(t, daemon.address()), newTestClient(t, daemon.address())
	sub := subscribed(t, subscriber, []string{"r/#"})
	mustPublish(t, publisher, &PublishRequest{Topic: "r/x", Payload: number(1)})
	checkNumber(t, mustNext(t, sub), 1)
	// The connection breaks; what is published before the next one is replayed from the daemon's ring.
	subscriber.abort(nil)
	for i := 2; i <= 100; i++ {
		mustPublish(t, publisher, &PublishRequest{Topic: "r/x", Payload: number(i)})
	}
	for i := 2; i <= 100; i++ {
		checkNumber(t, mustNext(t, sub), i)
	}
}

func TestSlowReaderIsToldItsGapAndHoldsUpNobody(t *testing.T) {
	const events, size = 3000, 4096
	gaps := make(chan Gap, 100)
	daemon := startDaemon(t, "--subscriber-queue-limit=200")
	c := newTestClient(t, daemon.address(), OnGap(func(g Gap) { gaps <- g }))
	slow := subscribed(t, c, []string{"s"}, WithReceiveBuffer(64<<10))
	fast := subscribed(t, c, []string{"s"}, WithQueueLimits(events, events*2*size))
	for i := 1; i <= events; i++ {
		payload := append(number(i), make([]byte, size)...)
		if err := c.Publish(context.Background(), &PublishRequest{Topic: "s", Payload: payload}); err != nil {
			t.Fatal(err)
		}
	}
	for i := 1; i <= events; i++ {
		if m := mustNext(t, fast); m.Number != uint64(i) {
			t.Fatalf("got number %d, want %d", m.Number, i)
		}
	}
	var got, lost uint64
	for last := uint64(0); last < events; got++ {
		m := mustNext(t, slow)
		if m.Number <= last {
			t.Fatalf("number %d came after %d", m.Number, last)
		}
		last = m.Number
	}
	for len(gaps) > 0 {
		g := <-gaps
		if g.Reason != "queue_full" || g.Node != "test" || len(g.Filters) != 1 {
			t.Errorf("got %+v", g)
		}
		lost += g.Count
	}
	if lost == 0 || got+lost != events {
		t.Errorf("%d came and %d were told as lost, of %d", got, lost, events)
	}
}

func TestGroupOfTwoSharesTheEvents(t *testing.T) {
	const events = 200
	daemon := startDaemon(t)
	c := newTestClient(t, daemon.address())
	one := subscribed(t, c, []string{"w/#"}, WithGroup("g"), WithStrategy(StrategyRoundRobin))
	two := subscribed(t, newTestClient(t, daemon.address()), []string{"$share/g/w/#"}, WithStrategy(StrategyRoundRobin))
	for i := 0; i < events; i++ {
		mustPublish(t, c, &PublishRequest{Topic: "w/" + strconv.Itoa(i), Payload: number(i)})
	}
	seen := make(map[string]bool)
	for counts := [2]int{}; len(seen) < events; {
		var m *Message
		select {
		case m = <-one.Messages():
			counts[0]++
		case m = <-two.Messages():
			counts[1]++
		case <-time.After(waitLimit):
			t.Fatalf("only %d events came", len(seen))
		}
		if seen[m.Topic] {
			t.Fatalf("%s came twice", m.Topic)
		}
		seen[m.Topic] = true
		if len(seen) == events && (counts[0] < events/4 || counts[1] < events/4) {
			t.Errorf("the members got %v", counts)
		}
	}
}

func TestRetainedEventComesFirstAndIsMarked(t *testing.T) {
	c := newTestClient(t, startDaemon(t).address())
	mustPublish(t, c, &PublishRequest{Topic: "c/1", Payload: []byte("old"), Retain: true})
	without := subscribed(t, c, []string{"c/#"}, WithoutRetained())
	sub := subscribed(t, c, []string{"c/#"})
	if m := mustNext(t, sub); string(m.Payload) != "old" || !m.IsRetained() {
		t.Errorf("got %s, retained %v", m.Payload, m.IsRetained())
	}
	mustPublish(t, c, &PublishRequest{Topic: "c/1", Payload: []byte("new")})
	for _, s := range []*Subscription{sub, without} {
		if m := mustNext(t, s); string(m.Payload) != "new" || m.IsRetained() {
			t.Errorf("got %s, retained %v", m.Payload, m.IsRetained())
		}
	}
}

func TestRequestsAreReplied(t *testing.T) {
	daemon := startDaemon(t)
	c, responder := newTestClient(t, daemon.address()), newTestClient(t, daemon.address())
	work := subscribed(t, responder, []string{"rpc/*"})
	go func() {
		for m := range work.Messages() {
			if err := responder.Reply(context.Background(), m, append([]byte("re:"), m.Payload...)); err != nil {
				t.Error(err)
			}
		}
	}()
	for i := 0; i < 20; i++ {
		m, err := c.Request(testContext(t), "rpc/echo", number(i))
		if err != nil {
			t.Fatal(err)
		}
		if string(m.Payload) != "re:"+string(number(i)) {
			t.Errorf("got %s", m.Payload)
		}
	}
	if _, err := c.Request(testContext(t), "nobody", nil); !errors.Is(err, ErrNoResponder) {
		t.Errorf("got %v", err)
	}
	subscribed(t, c, []string{"silent"})
	short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Request(short, "silent", nil); !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v", err)
	}
	props := wire.AppendReplyTopic(nil, "$reply/0123456789abcdef/1")
	if err := c.Reply(testContext(t), &Message{run: &run{props: props}}, nil); !errors.Is(err, ErrNoResponder) {
		t.Errorf("got %v", err)
	}
	if err := c.Reply(testContext(t), &Message{run: &run{}}, nil); !errors.Is(err, ErrArgument) {
		t.Errorf("got %v", err)
	}
}

func TestQueries(t *testing.T) {
	c := newTestClient(t, startDaemon(t).address())
	if document, err := c.Query(testContext(t), "status"); err != nil || document[0] != '{' {
		t.Errorf("got %s, %v", document, err)
	}
	_, err := c.Query(testContext(t), "nonsense")
	var e *Error
	if !errors.Is(err, ErrQuery) || !errors.As(err, &e) || e.Code != 21 {
		t.Errorf("got %v", err)
	}
}

func TestPublishManyAndLargePayloads(t *testing.T) {
	c := newTestClient(t, startDaemon(t).address())
	sub := subscribed(t, c, []string{"m"}, WithOverflow(OverflowBlock), WithBlockTimeout(time.Minute))
	payloads := make([][]byte, 5000)
	for i := range payloads {
		payloads[i] = number(i + 1)
	}
	payloads[7] = append(number(8), make([]byte, 1<<20)...)
	if taken, err := c.PublishMany(testContext(t), "m", payloads); taken != len(payloads) || err != nil {
		t.Fatalf("%d taken, %v", taken, err)
	}
	for i := range payloads {
		m := mustNext(t, sub)
		if len(m.Payload) != len(payloads[i]) || string(m.Payload[:8]) != string(number(i+1)) {
			t.Fatalf("event %d: got %d bytes", i, len(m.Payload))
		}
	}
	_, err := c.PublishMany(testContext(t), "m", [][]byte{nil, make([]byte, 5<<20)})
	if !errors.Is(err, ErrPublish) {
		t.Errorf("got %v", err)
	}
}

func TestLeavingDaemonEndsNothing(t *testing.T) {
	notices := make(chan Notice, 10)
	daemon := startDaemon(t)
	c := newTestClient(t, daemon.address(), OnNotice(func(n Notice) { notices <- n }))
	sub := subscribed(t, c, []string{"l"})
	if err := daemon.process.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := daemon.process.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := <-notices; n.Code != 19 {
		t.Errorf("got %+v", n)
	}
	daemon.start()
	for {
		// The subscription may be restored a moment after the publish of another goroutine would be taken: not of this
		// client, which restores it first.
		if mustPublish(t, c, &PublishRequest{Topic: "l"}).Local == 1 {
			break
		}
	}
	mustNext(t, sub)
}
