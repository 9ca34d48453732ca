package nexusd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestAKeptSubscriptionLosesNothingWhenItsConnectionBreaks(t *testing.T) {
	const rounds, each = 20, 2000
	daemon := startDaemon(t)
	publisher := newTestClient(t, daemon.address())
	subscriber := newTestClient(t, daemon.address(), OnGap(func(g Gap) { t.Errorf("a gap: %+v", g) }))
	sub := subscribed(t, subscriber, []string{"k/#"}, WithKeep(time.Minute), WithQueueLimits(1<<20, 128<<20))
	token := sub.ResumeToken()
	go func() {
		for i := 1; i <= rounds*each; i++ {
			topic := fmt.Sprintf("k/%d", i%7)
			if err := publisher.Publish(context.Background(), &PublishRequest{Topic: topic, Payload: number(i)}); err != nil {
				t.Error(err)
				return
			}
			if i%each == each/2 {
				subscriber.abort(nil)
			}
		}
	}()
	for want := 1; want <= rounds*each; {
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
	if subscriber.Statistics().Connections < 2 || sub.ResumeToken() != token {
		t.Errorf("%+v, token %s became %s", subscriber.Statistics(), token, sub.ResumeToken())
	}
}

// The process that TestAnotherProcessGoesOnWithTheToken kills: it tells its token, takes five messages, and waits for
// its end without coming back for more.
func TestMain(m *testing.M) {
	address := os.Getenv("NEXUSD_GO_KEPT")
	if address == "" {
		os.Exit(m.Run())
	}
	c, err := NewClient(address)
	if err == nil {
		err = takeFive(c)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func takeFive(c *Client) error {
	ctx := context.Background()
	sub, err := c.Subscribe(ctx, []string{"p"}, WithKeep(time.Minute))
	if err != nil {
		return err
	}
	if err := sub.Ready(ctx); err != nil {
		return err
	}
	fmt.Println(sub.ResumeToken())
	for i := 0; i < 5; i++ {
		m, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		fmt.Println(string(m.Payload))
	}
	_, err = bufio.NewReader(os.Stdin).ReadString('\n')
	return err
}

func TestAnotherProcessGoesOnWithTheToken(t *testing.T) {
	daemon := startDaemon(t)
	first := exec.Command(os.Args[0])
	first.Env = append(os.Environ(), "NEXUSD_GO_KEPT="+daemon.address())
	first.Stderr = os.Stderr
	input, err := first.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := first.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	defer input.Close()
	said := bufio.NewScanner(output)
	line := func() string {
		if !said.Scan() {
			t.Fatalf("the process ended: %v", said.Err())
		}
		return said.Text()
	}
	token := line()
	publisher := newTestClient(t, daemon.address())
	for i := 1; i <= 5; i++ {
		mustPublish(t, publisher, &PublishRequest{Topic: "p", Payload: number(i)})
		if got := line(); got != string(number(i)) {
			t.Fatalf("got %s, want %d", got, i)
		}
	}
	_ = first.Process.Kill()
	_ = first.Wait()
	for i := 6; i <= 8; i++ {
		mustPublish(t, publisher, &PublishRequest{Topic: "p", Payload: number(i)})
	}
	sub := subscribed(t, newTestClient(t, daemon.address()), []string{"p"}, WithKeep(time.Minute), WithResumeToken(token))
	if sub.ResumeToken() != token {
		t.Errorf("the token %s became %s", token, sub.ResumeToken())
	}
	// The fifth was taken and not come back for, those before may or may not have been confirmed in time.
	m := mustNext(t, sub)
	for ; m.Number < 5; m = mustNext(t, sub) {
		if !m.IsReplayed() {
			t.Errorf("%s comes again without saying so", m.Payload)
		}
	}
	for want := 5; ; want++ {
		checkNumber(t, m, want)
		if m.IsReplayed() != (want == 5) {
			t.Errorf("%s: replayed is %v", m.Payload, m.IsReplayed())
		}
		if want == 8 {
			break
		}
		m = mustNext(t, sub)
	}
}

// publishedPast publishes numbers and waits until another subscription of the same session has them, so that what is
// to come for the others has come.
func publishedPast(t *testing.T, publisher *Client, probe *Subscription, from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		mustPublish(t, publisher, &PublishRequest{Topic: "w", Payload: number(i)})
		checkNumber(t, mustNext(t, probe), i)
	}
}

func TestAPauseHoldsEventsBackAndOutlivesACut(t *testing.T) {
	daemon := startDaemon(t)
	publisher, c := newTestClient(t, daemon.address()), newTestClient(t, daemon.address())
	sub, probe := subscribed(t, c, []string{"w"}, WithKeep(time.Minute)), subscribed(t, c, []string{"w"})
	if err := sub.Pause(testContext(t), time.Minute); err != nil {
		t.Fatal(err)
	}
	publishedPast(t, publisher, probe, 1, 3)
	c.abort(nil)
	eventually(t, "it is connected again", func() bool { return c.Statistics().Connections == 2 })
	if _, err := c.Query(testContext(t), "status"); err != nil { // answered behind SUBSCRIBE
		t.Fatal(err)
	}
	publishedPast(t, publisher, probe, 4, 5)
	if got := c.Statistics().Received; got != 5 {
		t.Errorf("%d events have come, those of the probe are 5", got)
	}
	if err := sub.Resume(testContext(t)); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 5; i++ {
		checkNumber(t, mustNext(t, sub), i)
	}
}

func TestAPausedSubscriptionWaitsForTheNextProcess(t *testing.T) {
	daemon := startDaemon(t)
	publisher, c := newTestClient(t, daemon.address()), newTestClient(t, daemon.address())
	sub := subscribed(t, c, []string{"w"}, WithKeep(time.Minute))
	if err := sub.Pause(testContext(t), time.Minute); err != nil {
		t.Fatal(err)
	}
	token := sub.ResumeToken()
	_ = c.Close()
	for i := 1; i <= 4; i++ {
		mustPublish(t, publisher, &PublishRequest{Topic: "w", Payload: number(i)})
	}
	second := newTestClient(t, daemon.address())
	goesOn := subscribed(t, second, []string{"w"}, WithKeep(time.Minute), WithResumeToken(token))
	for i := 1; i <= 4; i++ {
		m := mustNext(t, goesOn)
		checkNumber(t, m, i)
		if m.IsReplayed() {
			t.Errorf("%s says that it was replayed", m.Payload)
		}
	}
}

func TestAPauseThatIsTooLongEndsTheSubscription(t *testing.T) {
	c := newTestClient(t, startDaemon(t).address())
	sub := subscribed(t, c, []string{"w"}, WithKeep(time.Minute))
	if err := sub.Pause(testContext(t), 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	var e *Error
	if _, err := sub.Next(testContext(t)); !errors.As(err, &e) || e.Kind != KindSubscribe || e.Code != 26 {
		t.Errorf("got %v", err)
	}
}

func TestARestartedDaemonHasKeptNothing(t *testing.T) {
	notices := make(chan Notice, 10)
	daemon := startDaemon(t)
	c := newTestClient(t, daemon.address(), OnNotice(func(n Notice) { notices <- n }))
	sub := subscribed(t, c, []string{"w"}, WithKeep(time.Minute))
	token := sub.ResumeToken()
	daemon.kill()
	daemon.start()
	select {
	case n := <-notices:
		if n.Code != 26 {
			t.Errorf("got %+v", n)
		}
	case <-testContext(t).Done():
		t.Fatal("no notice came")
	}
	if now := sub.ResumeToken(); now == "" || now == token {
		t.Errorf("the token %s became %q", token, now)
	}
	mustPublish(t, c, &PublishRequest{Topic: "w", Payload: number(1)})
	checkNumber(t, mustNext(t, sub), 1)
}

func TestLargeEventsComeWhereTheDaemonTakesThem(t *testing.T) {
	c := newTestClient(t, startDaemon(t, "--max-payload=16MiB", "--subscriber-queue-bytes=64MiB").address())
	sub := subscribed(t, c, []string{"w"})
	for _, size := range []int{5 << 20, 16 << 20, 10} {
		mustPublish(t, c, &PublishRequest{Topic: "w", Payload: []byte(strings.Repeat("x", size))})
		if m := mustNext(t, sub); len(m.Payload) != size {
			t.Errorf("got %d bytes, want %d", len(m.Payload), size)
		}
	}
}
