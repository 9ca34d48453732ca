// Command conformance-agent turns the lines of tests/conformance/README.md into calls of the client and back.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	nexusd "github.com/nexusd/client-go"
)

// command is a line of the driver; each uses the members that it needs.
type command struct {
	ID            json.RawMessage   `json:"id"`
	Do            string            `json:"do"`
	Client        string            `json:"client"`
	Sub           string            `json:"sub"`
	Address       *string           `json:"address"`
	Options       map[string]any    `json:"options"`
	TimeoutMs     *int64            `json:"timeout_ms"`
	LimitMs       int64             `json:"limit_ms"`
	Topic         string            `json:"topic"`
	Payload       string            `json:"payload"`
	Size          *int              `json:"size"`
	Ack           bool              `json:"ack"`
	Retain        bool              `json:"retain"`
	TTLMs         int64             `json:"ttl_ms"`
	Priority      string            `json:"priority"`
	ContentType   string            `json:"content_type"`
	CorrelationID string            `json:"correlation_id"`
	Headers       map[string]string `json:"headers"`
	ReplyTopic    string            `json:"reply_topic"`
	From          int64             `json:"from"`
	Count         int64             `json:"count"`
	Filters       []string          `json:"filters"`
	Filter        string            `json:"filter"`
	Target        json.RawMessage   `json:"target"`
	What          string            `json:"what"`
}

type answer map[string]any

// agent holds what the driver has made, by the driver's names.
type agent struct {
	mu      sync.Mutex
	out     *json.Encoder
	clients map[string]*agentClient
	subs    map[string]*nexusd.Subscription
	running map[string]context.CancelFunc
}

type agentClient struct {
	*nexusd.Client
	mu  sync.Mutex
	log []answer
}

func (c *agentClient) note(entry answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = append(c.log, entry)
}

type errUnsupported string

func (e errUnsupported) Error() string { return "this agent does not know " + string(e) }

func main() {
	a := &agent{
		out: json.NewEncoder(os.Stdout), clients: make(map[string]*agentClient),
		subs: make(map[string]*nexusd.Subscription), running: make(map[string]context.CancelFunc),
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 64<<10), 64<<20)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			fmt.Fprintln(os.Stderr, "not understood:", err)
			continue
		}
		ctx, cancel := context.WithCancel(context.Background())
		a.mu.Lock()
		a.running[string(c.ID)] = cancel
		a.mu.Unlock()
		if quick[c.Do] {
			a.handle(ctx, &c) // what follows relies on it
		} else {
			go a.handle(ctx, &c)
		}
	}
}

// quick commands never wait; in their order a driver may name what it made a line before.
var quick = map[string]bool{"new": true, "state": true, "log": true, "statistics": true, "cancel": true}

func (a *agent) handle(ctx context.Context, c *command) {
	result, err := a.do(ctx, c)
	if result == nil {
		result = answer{}
	}
	result["id"] = c.ID
	if err == nil {
		result["ok"] = true
	} else {
		result["error"], result["text"] = kindOf(err), err.Error()
		var e *nexusd.Error
		if errors.As(err, &e) && e.Code != 0 {
			result["code"] = e.Code
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running[string(c.ID)]()
	delete(a.running, string(c.ID))
	if err := a.out.Encode(result); err != nil {
		fmt.Fprintln(os.Stderr, "cannot answer:", err)
	}
}

func kindOf(err error) string {
	var e *nexusd.Error
	var unsupported errUnsupported
	switch {
	case errors.As(err, &e):
		return string(e.Kind)
	case errors.As(err, &unsupported):
		return "unsupported"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	}
	return "other"
}

func (a *agent) client(name string) (*agentClient, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.clients[name]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("there is no client %q", name)
}

func (a *agent) subscription(name string) (*nexusd.Subscription, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.subs[name]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("there is no subscription %q", name)
}
