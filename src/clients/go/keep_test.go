package nexusd

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nexusd/client-go/internal/wire"
)

var keptToken = []byte("0123456789abcdef")

// keptConfirmation is SUBSCRIBED of a kept subscription.
func keptConfirmation(id uint32, runs, gaps uint64, takenOver bool) []byte {
	body := append(append(u32(id), 0x44, 4, 0), u32(60_000)...)
	body = append(append(body, 0x45, 16, 0), keptToken...)
	body = append(append(body, 0x46, 16, 0), u64(runs, gaps)...)
	if takenOver {
		body = append(body, 0x47, 1, 0, 1)
	}
	return frame(wire.KindSubscribed, 0, 0, body)
}

// openedKept subscribes with a keep time and lets the fake daemon confirm.
func openedKept(t *testing.T, c *Client, conn *fakeConn) *Subscription {
	t.Helper()
	sub, err := c.Subscribe(context.Background(), []string{"a"}, WithKeep(time.Minute), WithReceiveBuffer(64<<10))
	if err != nil {
		t.Fatal(err)
	}
	got := conn.next(wire.KindSubscribe)
	want := wire.AppendSubscribe(nil, &wire.Subscribe{ID: sub.id, Credit: 64 << 10, KeepMs: 60_000, Filters: sub.filters})
	if !bytes.Equal(got, want) {
		t.Fatalf("got  %x\nwant %x", got, want)
	}
	conn.send(keptConfirmation(sub.id, 0, 0, false))
	if err := sub.Ready(testContext(t)); err != nil {
		t.Fatal(err)
	}
	return sub
}

// expectCredit reads CREDIT frames until they sum up.
func expectCredit(t *testing.T, conn *fakeConn, id uint32, sum int) {
	t.Helper()
	for sum > 0 {
		got := conn.next(wire.KindCredit)
		if le.Uint32(got[8:]) != id {
			t.Fatalf("credit for %d, want %d", le.Uint32(got[8:]), id)
		}
		sum -= int(le.Uint32(got[12:]))
	}
	if sum != 0 {
		t.Fatalf("%d bytes of credit too many", -sum)
	}
}

// nextWaits lets a reader wait for a message, so that it has come back for all before.
func nextWaits(t *testing.T, sub *Subscription) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := sub.Next(ctx)
		done <- err
	}()
	eventually(t, "the reader waits", func() bool { return sub.waiting.Load() > 0 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestCreditConfirmsWhatWasTakenAndReconnectsNameThePosition(t *testing.T) {
	fake, c, conn := connected(t)
	sub := openedKept(t, c, conn)
	if got := sub.ResumeToken(); got != hex.EncodeToString(keptToken) {
		t.Errorf("the token is %q", got)
	}
	first, second := delivery(sub.id, "a", 9, 1, 0, "1", "2"), delivery(sub.id, "a", 9, 3, 0, "333")
	conn.send(first)
	conn.send(second)
	if m := mustNext(t, sub); string(m.Payload) != "1" {
		t.Fatalf("got %s", m.Payload)
	}
	mustNext(t, sub)
	mustNext(t, sub)
	nextWaits(t, sub)
	expectCredit(t, conn, sub.id, len(first)+len(second))

	// Received and not taken when the connection breaks.
	conn.send(delivery(sub.id, "a", 9, 4, 0, "4"))
	conn.send(delivery(sub.id, "a", 9, 5, 0, "5"))
	conn.send(frame(wire.KindGap, 0, 1, u32(sub.id), u64(9, 6, 7, 2), []byte("n")))
	eventually(t, "all has come", func() bool { return c.Statistics().Lost == 2 })
	_ = conn.Close()
	conn = fake.greeted(welcome{})
	got := conn.next(wire.KindSubscribe)
	want := wire.AppendSubscribe(nil, &wire.Subscribe{
		ID: sub.id, Credit: 64 << 10, HasResume: true, Since: sub.had.since,
		Resume: []wire.Resume{{Publisher: 9, Number: 5, Timestamp: 5 << 16}}, KeepMs: 60_000, KeepToken: keptToken,
		Position: &wire.Position{Runs: 4, Gaps: 1}, Filters: sub.filters,
	})
	if !bytes.Equal(got, want) {
		t.Fatalf("got  %x\nwant %x", got, want)
	}
	conn.send(keptConfirmation(sub.id, 4, 1, true))
	third := delivery(sub.id, "a", 9, 8, 0, "8")
	conn.send(third)
	for _, text := range []string{"4", "5", "8"} {
		if m := mustNext(t, sub); string(m.Payload) != text {
			t.Fatalf("got %s, want %s", m.Payload, text)
		}
	}
	nextWaits(t, sub)
	// Nothing for what came in the connection before.
	expectCredit(t, conn, sub.id, len(third))
}

func TestAKeptRunCountsAsTakenWhenTheReaderComesBack(t *testing.T) {
	_, c, conn := connected(t)
	sub := openedKept(t, c, conn)
	run := delivery(sub.id, "a", 9, 1, 0, strings.Repeat("x", 32<<10))
	conn.send(append(run, delivery(sub.id, "a", 9, 2, 0, "2")...))
	mustNext(t, sub)
	conn.send(frame(wire.KindPing, 0, 0, u64(1)))
	if got := conn.any(); got[4] != wire.KindPong {
		t.Fatalf("kind 0x%02x came before the reader had come back", got[4])
	}
	batch, err := sub.NextBatch(testContext(t))
	if err != nil || string(batch[0].Payload) != "2" {
		t.Fatalf("got %v, %v", batch, err)
	}
	expectCredit(t, conn, sub.id, len(run))
}

func TestAChannelOfAKeptSubscriptionTakesNothingAhead(t *testing.T) {
	_, c, conn := connected(t)
	sub := openedKept(t, c, conn)
	runs := [][]byte{delivery(sub.id, "a", 9, 1, 0, "1"), delivery(sub.id, "a", 9, 2, 0, "2")}
	conn.send(append(runs[0], runs[1]...))
	for _, want := range []string{"1", "2"} {
		if m := <-sub.Messages(); string(m.Payload) != want {
			t.Fatalf("got %s, want %s", m.Payload, want)
		}
	}
	expectCredit(t, conn, sub.id, len(runs[0])+len(runs[1]))
}

func TestWhatTheDaemonNoLongerKeepsIsTold(t *testing.T) {
	notices := make(chan Notice, 10)
	fake, c, conn := connected(t, OnNotice(func(n Notice) { notices <- n }))
	sub := openedKept(t, c, conn)
	_ = conn.Close()
	conn = fake.greeted(welcome{})
	conn.next(wire.KindSubscribe)
	conn.send(keptConfirmation(sub.id, 0, 0, false))
	select {
	case n := <-notices:
		if n.Code != 26 || n.Text == "" {
			t.Errorf("got %+v", n)
		}
	case <-testContext(t).Done():
		t.Fatal("no notice came")
	}
	conn.send(frame(wire.KindUnsubscribed, 0, 27, u32(sub.id), []byte("elsewhere")))
	var e *Error
	if _, err := sub.Next(testContext(t)); !errors.As(err, &e) || e.Kind != KindSubscribe || e.Code != 27 {
		t.Errorf("got %v", err)
	}
	if err := sub.Pause(testContext(t), time.Second); !errors.As(err, &e) || e.Code != 27 {
		t.Errorf("got %v", err)
	}
}

// pausing starts a call and gives the PAUSE that it sends.
func pausing(conn *fakeConn, call func() error) ([]byte, chan error) {
	done := make(chan error, 1)
	go func() { done <- call() }()
	return conn.next(wire.KindPause), done
}

func paused(code uint16, id uint32, text string) []byte {
	return frame(wire.KindPaused, 0, code, u32(id), []byte(text))
}

func TestAPauseIsAskedForAgainInANewConnection(t *testing.T) {
	fake, c, conn := connected(t)
	sub := openedKept(t, c, conn)
	ctx := testContext(t)
	got, done := pausing(conn, func() error { return sub.Pause(ctx, time.Hour) })
	if want := wire.AppendPause(nil, sub.id, 3_600_000); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	// The answer is lost; that in the next connection ends the wait.
	_ = conn.Close()
	conn = fake.greeted(welcome{})
	conn.next(wire.KindSubscribe)
	again := conn.next(wire.KindPause)
	if left := le.Uint32(again[12:]); left == 0 || left > 3_600_000 {
		t.Errorf("a pause of %d ms is asked for", left)
	}
	conn.send(keptConfirmation(sub.id, 0, 0, true))
	conn.send(paused(0, sub.id, ""))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	got, done = pausing(conn, func() error { return sub.Resume(ctx) })
	if want := wire.AppendPause(nil, sub.id, 0); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	conn.send(paused(0, sub.id, ""))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	_, done = pausing(conn, func() error { return sub.Pause(ctx, time.Hour) })
	conn.send(paused(12, sub.id, "not open"))
	var e *Error
	if err := <-done; !errors.As(err, &e) || e.Kind != KindSubscribe || e.Code != 12 ||
		!strings.Contains(e.Text, "not open") {
		t.Errorf("got %v", err)
	}
	_ = sub.Close()
	conn.next(wire.KindUnsubscribe)
}

func TestAPausedSubscriptionIsLeftToItsSuccessor(t *testing.T) {
	_, c, conn := connected(t)
	sub := openedKept(t, c, conn)
	ctx := testContext(t)
	_, done := pausing(conn, func() error { return sub.Pause(ctx, time.Hour) })
	conn.send(paused(0, sub.id, ""))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	_ = sub.Close()
	conn.send(frame(wire.KindPing, 0, 0, u64(1)))
	if got := conn.any(); got[4] != wire.KindPong {
		t.Errorf("kind 0x%02x came", got[4])
	}
	if err := sub.Resume(ctx); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestCloseEndsTheWaitForAPause(t *testing.T) {
	_, c, conn := connected(t)
	sub := openedKept(t, c, conn)
	ctx := testContext(t)
	_, done := pausing(conn, func() error { return sub.Pause(ctx, time.Hour) })
	_ = sub.Close()
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestOptionsOfKeptSubscriptionsAreChecked(t *testing.T) {
	c := newTestClient(t, startFake(t).address())
	token := strings.Repeat("a", 32)
	for what, options := range map[string][]SubscribeOption{
		"no time":       {WithKeep(0)},
		"too long":      {WithKeep(MaxKeep + 1)},
		"large buffer":  {WithKeep(time.Second), WithReceiveBuffer(16<<20 + 1)},
		"bad token":     {WithKeep(time.Second), WithResumeToken("abc")},
		"no hex":        {WithKeep(time.Second), WithResumeToken(strings.Repeat("g", 32))},
		"token without": {WithResumeToken(token)},
	} {
		if _, err := c.Subscribe(context.Background(), []string{"a"}, options...); !errors.Is(err, ErrArgument) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	plain, err := c.Subscribe(context.Background(), []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	if err := plain.Pause(context.Background(), time.Second); !errors.Is(err, ErrArgument) {
		t.Errorf("got %v", err)
	}
	kept, err := c.Subscribe(context.Background(), []string{"a"}, WithKeep(time.Second), WithResumeToken(token))
	if err != nil {
		t.Fatal(err)
	}
	if err := kept.Pause(context.Background(), 0); !errors.Is(err, ErrArgument) {
		t.Errorf("got %v", err)
	}
	if plain.ResumeToken() != "" || kept.ResumeToken() != "" {
		t.Error("a token is told before the daemon has confirmed")
	}
}
