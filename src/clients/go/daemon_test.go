package nexusd

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// waitLimit is how long a test waits for a state before it fails loudly.
const waitLimit = 20 * time.Second

// realDaemon is a nexusd process with a folder and ports of its own.
type realDaemon struct {
	t       *testing.T
	folder  string
	options []string
	process *exec.Cmd
}

// startDaemon starts the daemon of NEXUSD_BIN_DIR; without it the test is skipped.
func startDaemon(t *testing.T, options ...string) *realDaemon {
	t.Helper()
	folder := os.Getenv("NEXUSD_BIN_DIR")
	if folder == "" {
		t.Skip("NEXUSD_BIN_DIR is not set: the client was NOT tested against the real daemon")
	}
	if _, err := os.Stat(filepath.Join(folder, "nexusd")); err != nil {
		t.Skipf("there is no nexusd in NEXUSD_BIN_DIR: the client was NOT tested against the real daemon (%v)", err)
	}
	// t.TempDir makes names that are too long for a Unix socket.
	temporary, err := os.MkdirTemp("", "nexusd-go")
	if err != nil {
		t.Fatal(err)
	}
	d := &realDaemon{t: t, folder: temporary, options: options}
	t.Cleanup(func() {
		d.kill()
		_ = os.RemoveAll(temporary)
	})
	d.start()
	return d
}

func (d *realDaemon) address() string { return "unix:" + filepath.Join(d.folder, "s") }

// start starts the process and waits for its ready line.
func (d *realDaemon) start() {
	d.t.Helper()
	arguments := append([]string{
		"--app-socket=" + filepath.Join(d.folder, "s"), "--app-port=off", "--health-port=off", "--mesh-port=0",
		"--discovery=static", "--node-name=test",
	}, d.options...)
	d.process = exec.Command(filepath.Join(os.Getenv("NEXUSD_BIN_DIR"), "nexusd"), arguments...)
	output, err := d.process.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.process.Start(); err != nil {
		d.t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil || !strings.Contains(line, "ready") {
		d.t.Fatalf("nexusd did not get ready: %q, %v", line, err)
	}
}

// kill ends the process as a crash would.
func (d *realDaemon) kill() {
	_ = d.process.Process.Kill()
	_ = d.process.Wait()
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	t.Cleanup(cancel)
	return ctx
}

// newTestClient makes a client that comes back fast and is closed at the end of the test.
func newTestClient(t *testing.T, address string, options ...Option) *Client {
	t.Helper()
	options = append([]Option{
		WithReconnectWait(5*time.Millisecond, 50*time.Millisecond), WithCloseTimeout(10 * time.Millisecond),
	}, options...)
	c, err := NewClient(address, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func subscribed(t *testing.T, c *Client, filters []string, options ...SubscribeOption) *Subscription {
	t.Helper()
	sub, err := c.Subscribe(context.Background(), filters, options...)
	if err != nil {
		t.Fatal(err)
	}
	if err := sub.Ready(testContext(t)); err != nil {
		t.Fatal(err)
	}
	return sub
}

func mustNext(t *testing.T, sub *Subscription) *Message {
	t.Helper()
	m, err := sub.Next(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mustPublish(t *testing.T, c *Client, request *PublishRequest) *PublishResult {
	t.Helper()
	result, err := c.PublishWithResult(testContext(t), request)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// eventually waits for a state.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(waitLimit); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in %s: %s", waitLimit, what)
		}
	}
}
