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

func TestBadFiltersFailAtTheCall(t *testing.T) {
	c := newTestClient(t, startFake(t).address())
	for what, bad := range map[string]struct {
		filters []string
		options []SubscribeOption
	}{
		"none":       {nil, nil},
		"too many":   {make([]string, 1025), nil},
		"wildcard":   {[]string{"a", "b#"}, nil},
		"mixed":      {[]string{"a", "$share/g/b"}, nil},
		"group":      {[]string{"a"}, []SubscribeOption{WithGroup("g/h")}},
		"no group":   {[]string{"a"}, []SubscribeOption{WithGroup("")}},
		"two groups": {[]string{"$share/g/a"}, []SubscribeOption{WithGroup("g")}},
	} {
		if _, err := c.Subscribe(context.Background(), bad.filters, bad.options...); !errors.Is(err, ErrSubscribe) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if c.State() != StateIdle {
		t.Errorf("the state is %s", c.State())
	}
}

// opened subscribes and lets the fake daemon confirm.
func opened(t *testing.T, c *Client, conn *fakeConn, options ...SubscribeOption) *Subscription {
	t.Helper()
	sub, err := c.Subscribe(context.Background(), []string{"a/#"}, options...)
	if err != nil {
		t.Fatal(err)
	}
	conn.send(confirmation(0, subscriptionID(conn.next(wire.KindSubscribe)), ""))
	if err := sub.Ready(testContext(t)); err != nil {
		t.Fatal(err)
	}
	return sub
}

func connected(t *testing.T, options ...Option) (*fakeDaemon, *Client, *fakeConn) {
	t.Helper()
	fake := startFake(t)
	c := newTestClient(t, fake.address(), options...)
	c.start()
	conn := fake.greeted(welcome{})
	eventually(t, "it is connected", func() bool { return c.State() == StateConnected })
	return fake, c, conn
}

func TestSubscribeSaysEverything(t *testing.T) {
	_, c, conn := connected(t)
	_, err := c.Subscribe(context.Background(), []string{"a/#", "b"}, WithGroup("g"), WithStrategy(StrategyLocalFirst),
		WithOverflow(OverflowConflate), WithBlockTimeout(time.Second), WithQueueLimits(10, 1000), WithReceiveBuffer(65536),
		WithoutRetained())
	if err != nil {
		t.Fatal(err)
	}
	got := conn.next(wire.KindSubscribe)
	timeout := uint32(1000)
	want := wire.AppendSubscribe(nil, &wire.Subscribe{
		NoRetained: true, ID: subscriptionID(got), Credit: 65536, Events: 10, Bytes: 1000, Overflow: 4, Strategy: 4,
		BlockTimeout: &timeout, Filters: []string{"$share/g/a/#", "$share/g/b"},
	})
	if string(got) != string(want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

func TestRefusedAndEndedSubscriptions(t *testing.T) {
	_, c, conn := connected(t)
	sub, err := c.Subscribe(context.Background(), []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	conn.send(confirmation(15, subscriptionID(conn.next(wire.KindSubscribe)), "not yours"))
	var e *Error
	if err := sub.Ready(testContext(t)); !errors.As(err, &e) || e.Kind != KindSubscribe || e.Code != 15 ||
		!strings.Contains(e.Text, "not yours") {
		t.Errorf("got %v", err)
	}
	if _, err := sub.Next(testContext(t)); !errors.Is(err, ErrSubscribe) {
		t.Errorf("got %v", err)
	}
	ended := opened(t, c, conn)
	conn.send(frame(wire.KindUnsubscribed, 0, 27, u32(ended.id), []byte("elsewhere")))
	if _, err := ended.NextBatch(testContext(t)); !errors.As(err, &e) || e.Code != 27 {
		t.Errorf("got %v", err)
	}
}

func TestEndsOfASubscription(t *testing.T) {
	_, c, conn := connected(t)
	for what, end := range map[string]func(s *Subscription, cancel context.CancelFunc){
		"close":   func(s *Subscription, _ context.CancelFunc) { _ = s.Close(); _ = s.Close() },
		"context": func(_ *Subscription, cancel context.CancelFunc) { cancel() },
		"loop": func(s *Subscription, _ context.CancelFunc) {
			s.All(context.Background())(func(m *Message, err error) bool { return false })
		},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		sub, err := c.Subscribe(ctx, []string{"a"})
		if err != nil {
			t.Fatal(err)
		}
		id := subscriptionID(conn.next(wire.KindSubscribe))
		conn.send(append(confirmation(0, id, ""), delivery(id, "a", 9, 1, 0, "1")...))
		eventually(t, "it came", func() bool { return c.Statistics().Received > 0 })
		end(sub, cancel)
		if got := conn.next(wire.KindUnsubscribe); subscriptionID(got) != id {
			t.Errorf("%s: got %x", what, got)
		}
		<-sub.done
		// What is still on its way is thrown away.
		conn.send(append(delivery(id, "a", 9, 2, 0, "2"), frame(wire.KindPing, 0, 0, u64(1))...))
		for got := conn.any(); got[4] != wire.KindPong; got = conn.any() {
			if got[4] != wire.KindPing {
				t.Errorf("%s: kind 0x%02x came", what, got[4])
			}
		}
		_, err = sub.Next(context.Background())
		if what == "context" && !errors.Is(err, context.Canceled) || what != "context" && !errors.Is(err, ErrClosed) {
			t.Errorf("%s: got %v", what, err)
		}
		if !errors.Is(sub.Err(), err) {
			t.Errorf("%s: Err gives %v", what, sub.Err())
		}
		cancel()
	}
}

func TestTakersOfMessages(t *testing.T) {
	_, c, conn := connected(t)
	sub := opened(t, c, conn)
	for i := 0; i < 5; i++ {
		conn.send(delivery(sub.id, "a/b", 9, uint64(10*i+1), 0, fmt.Sprint(i, "x"), fmt.Sprint(i, "y"), fmt.Sprint(i, "z")))
	}
	eventually(t, "all came", func() bool { return c.Statistics().Received == 15 })
	var got []string
	take := func(m *Message) {
		got = append(got, string(m.Payload))
		if want := string(m.Payload[:1]) + "xyz"; m.Topic != "a/b" || m.PublisherID() != 9 ||
			m.Number != uint64(10*int(want[0]-'0')+strings.IndexByte(want, m.Payload[1])) {
			t.Errorf("got %+v", m)
		}
	}
	first := mustNext(t, sub)
	take(first)
	clone := first.Clone()
	batch, err := sub.NextBatch(testContext(t)) // the rest of the run
	if err != nil || len(batch) != 2 {
		t.Fatalf("got %d messages, %v", len(batch), err)
	}
	for i := range batch {
		take(&batch[i])
	}
	take(mustNext(t, sub))
	for len(got) < 9 {
		take(mustNext(t, sub))
	}
	batch, err = sub.NextBatch(testContext(t))
	if err != nil || len(batch) != 6 {
		t.Fatalf("got %d messages, %v", len(batch), err)
	}
	for i := range batch {
		take(&batch[i])
	}
	if !slices.IsSorted(got) || len(got) != 15 {
		t.Errorf("got %v", got)
	}
	conn.send(delivery(sub.id, "a/b", 9, 100, 0, "5x"))
	select {
	case m := <-sub.Messages():
		if string(m.Payload) != "5x" || string(first.Payload) != "0x" || string(clone.Payload) != "0x" {
			t.Errorf("got %s, first was %s", m.Payload, first.Payload)
		}
	case <-time.After(waitLimit):
		t.Fatal("nothing came")
	}
	short, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, err := sub.Next(short); !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v", err)
	}
	_ = sub.Close()
	if _, open := <-sub.Messages(); open {
		t.Error("the channel is not closed")
	}
}

func TestCreditComesBackAsMessagesAreTaken(t *testing.T) {
	const buffer, size = 64 << 10, 4000
	_, c, conn := connected(t)
	sub := opened(t, c, conn, WithReceiveBuffer(buffer))
	one := delivery(sub.id, "a", 9, 1, 0, strings.Repeat("x", size))
	for i := 0; i < 10; i++ {
		one = delivery(sub.id, "a", 9, uint64(i+1), 0, strings.Repeat("x", size))
		conn.send(one)
	}
	eventually(t, "all came", func() bool { return c.Statistics().Received == 10 })
	conn.send(frame(wire.KindPing, 0, 0, u64(1)))
	if got := conn.any(); got[4] != wire.KindPong {
		t.Fatalf("kind 0x%02x came before anything was taken", got[4])
	}
	mustNext(t, sub)
	mustNext(t, sub)
	mustNext(t, sub)
	credit := conn.next(wire.KindCredit)
	if id, bytes := subscriptionID(credit), le.Uint32(credit[12:]); id != sub.id || bytes != uint32(3*len(one)) {
		t.Errorf("%d bytes of credit for %d, want %d", bytes, id, 3*len(one))
	}
	// Of a batch the credit comes back when the next one is asked for.
	if batch, _ := sub.NextBatch(testContext(t)); len(batch) != 7 {
		t.Fatalf("%d messages", len(batch))
	}
	conn.send(delivery(sub.id, "a", 9, 11, 0, "x"))
	if batch, _ := sub.NextBatch(testContext(t)); len(batch) != 1 {
		t.Fatalf("%d messages", len(batch))
	}
	if bytes := le.Uint32(conn.next(wire.KindCredit)[12:]); bytes != uint32(7*len(one)) {
		t.Errorf("%d bytes of credit, want %d", bytes, 7*len(one))
	}
}

func TestReconnectResumesAndCountsCreditAnew(t *testing.T) {
	fake, c, conn := connected(t)
	before := uint64(time.Now().UnixMilli()) << 16
	sub := opened(t, c, conn)
	conn.send(delivery(sub.id, "a", 9, 5, 0, "1", "2"))
	conn.send(delivery(sub.id, "a", 9, 3, wire.FlagReplayed, "0")) // older: does not count
	conn.send(delivery(sub.id, "a", 8, 9, wire.FlagRetain|wire.FlagRetained, "r"))
	mustNext(t, sub)
	query := make(chan error, 1)
	go func() {
		_, err := c.Query(testContext(t), "status")
		query <- err
	}()
	conn.next(wire.KindQuery)
	_ = conn.Close()
	again := fake.greeted(welcome{})
	got := again.next(wire.KindSubscribe)
	since := le.Uint64(got[27:])
	if since < before || since > uint64(time.Now().UnixMilli())<<16 {
		t.Errorf("since is %d", since)
	}
	want := wire.AppendSubscribe(nil, &wire.Subscribe{
		ID: sub.id, Credit: le.Uint32(got[12:]), HasResume: true, Since: since, Filters: []string{"a/#"},
		Resume: []wire.Resume{{Publisher: 9, Number: 6, Timestamp: 5 << 16}},
	})
	if string(got) != string(want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
	if credit := le.Uint32(got[12:]); credit >= 1<<20 || credit < 1<<20-1000 {
		t.Errorf("the credit is %d", credit)
	}
	again.send(frame(wire.KindResult, 0, 0, u32(le.Uint32(again.next(wire.KindQuery)[8:])), []byte("{}")))
	if err := <-query; err != nil {
		t.Error(err)
	}
	again.send(delivery(sub.id, "a", 9, 7, wire.FlagReplayed, "3"))
	for _, want := range []string{"2", "0", "r", "3"} {
		m := mustNext(t, sub)
		if string(m.Payload) != want || m.IsReplayed() != (want == "0" || want == "3") || m.IsRetained() != (want == "r") {
			t.Errorf("got %s, replayed %v, retained %v", m.Payload, m.IsReplayed(), m.IsRetained())
		}
	}
}

func TestResumeForgetsThePairHeardLongestAgo(t *testing.T) {
	var r received
	r.begin(time.UnixMilli(1))
	for publisher := uint64(1); publisher <= wire.MaxResumeEntries; publisher++ {
		r.note(&wire.Deliver{Publisher: publisher, Number: 1, Count: 1, Timestamp: 1<<20 + publisher})
	}
	r.note(&wire.Deliver{Publisher: 1, Number: 2, Count: 3, Timestamp: 1<<20 + 2000})
	r.note(&wire.Deliver{Publisher: 1, Number: 1, Count: 1, Timestamp: 1<<20 + 2001,
		Event: wire.EventProperties{Priority: 2}})
	all := r.list()
	if len(all) != wire.MaxResumeEntries || r.since != 1<<20+2 || all[0].Publisher != 3 {
		t.Errorf("%d entries, since %d, first %+v", len(all), r.since, all[0])
	}
	if had := all[len(all)-2]; had.Publisher != 1 || had.Number != 4 || had.Timestamp != 1<<20+2000 {
		t.Errorf("got %+v", had)
	}
}

func TestGapsAreTold(t *testing.T) {
	gaps := make(chan Gap, 1)
	_, c, conn := connected(t, OnGap(func(g Gap) {
		gaps <- g
		panic("swallowed")
	}))
	sub := opened(t, c, conn)
	for _, reason := range []uint16{1, 8, 77} {
		conn.send(frame(wire.KindGap, 0, reason, u32(sub.id), u64(9, 10, 20, 4), []byte("node-1")))
		g := <-gaps
		if g.Filters[0] != "a/#" || g.Publisher != 9 || g.From != 10 || g.To != 20 || g.Count != 4 || g.Node != "node-1" ||
			g.Reason != wire.DropReason(reason).String() {
			t.Errorf("got %+v", g)
		}
	}
	eventually(t, "the losses are counted, what was conflated is not", func() bool { return c.Statistics().Lost == 8 })
}

func TestAliasesOfTheDaemon(t *testing.T) {
	_, c, conn := connected(t)
	sub := opened(t, c, conn)
	for _, topic := range []string{"a/x", "a/y"} { // an alias may be declared again
		conn.send(frame(wire.KindTopic, 0, 0, u32(65536), []byte(topic)))
		conn.send(frame(wire.KindDeliver, 0, 0, u32(sub.id, 65536), u64(9, 1, 1), u32(1), []byte("p")))
		if m := mustNext(t, sub); m.Topic != topic || string(m.Payload) != "p" {
			t.Errorf("got %+v", m)
		}
	}
}

func TestGoAwayIsToldAndAnswered(t *testing.T) {
	notices := make(chan Notice, 1)
	fake, c, conn := connected(t, OnNotice(func(n Notice) { notices <- n }))
	conn.send(frame(wire.KindGoAway, 0, 19, u64(0), []byte("leaving")))
	if n := <-notices; n.Code != 19 || n.Text != "leaving" {
		t.Errorf("got %+v", n)
	}
	conn.next(wire.KindBye)
	if err := c.Publish(context.Background(), &PublishRequest{Topic: "a", Payload: []byte("later")}); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if got := events(fake.greeted(welcome{}).next(wire.KindPublish)); got[0] != "later" {
		t.Errorf("got %q", got)
	}
	if got := c.Statistics().InDoubt; got != 0 {
		t.Errorf("%d are in doubt", got)
	}
}

func TestCloseEndsAllWaits(t *testing.T) {
	_, c, conn := connected(t)
	sub := opened(t, c, conn)
	ended := make(chan error, 3)
	go func() { _, err := sub.Next(context.Background()); ended <- err }()
	go func() { _, err := c.Query(context.Background(), "status"); ended <- err }()
	go func() {
		for range sub.Messages() {
			t.Error("a message came")
		}
		ended <- sub.Err()
	}()
	conn.next(wire.KindQuery)
	go conn.drain()
	_ = c.Close()
	for i := 0; i < 3; i++ {
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
}

func TestRequestToAFakeDaemon(t *testing.T) {
	_, c, conn := connected(t)
	type outcome struct {
		m   *Message
		err error
	}
	replies := make(chan outcome, 1)
	go func() {
		m, err := c.Request(testContext(t), "rpc", []byte("q"))
		replies <- outcome{m, err}
	}()
	subscribe := conn.next(wire.KindSubscribe)
	if subscribe[5]&wire.FlagNoRetained == 0 || !strings.Contains(string(subscribe), "$reply/") {
		t.Errorf("got %q", subscribe)
	}
	conn.send(confirmation(0, subscriptionID(subscribe), ""))
	publish := wire.ReadPublish(conn.next(wire.KindPublish))
	properties, _ := wire.ReadEventProperties(publish.Props)
	topic := string(properties.ReplyTopic)
	if len(topic) != len("$reply/0123456789abcdef/1") || len(properties.CorrelationID) == 0 || publish.Flags != 2 {
		t.Errorf("got %+v", properties)
	}
	// The reply may come before the acknowledgement, and twice.
	conn.send(delivery(subscriptionID(subscribe), topic, 9, 1, 0, "first", "second"))
	if o := <-replies; o.err != nil || string(o.m.Payload) != "first" {
		t.Errorf("got %+v", o)
	}
	conn.send(ack(0, 1, 1, 1))
}
