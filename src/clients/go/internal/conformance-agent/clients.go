package main

import (
	"context"
	"strconv"
	"time"

	nexusd "github.com/nexusd/client-go"
)

// ofClients are the commands that name a client.
var ofClients = map[string]bool{
	"subscribe": true, "respond": true, "publish": true, "publish_numbers": true, "publish_many": true, "request": true,
	"wait_ready": true, "state": true, "flush": true, "close": true, "query": true, "log": true, "statistics": true,
}

func (a *agent) do(ctx context.Context, c *command) (answer, error) {
	switch c.Do {
	case "new":
		return nil, a.makeClient(c)
	case "cancel":
		a.mu.Lock()
		defer a.mu.Unlock()
		if cancel := a.running[string(c.Target)]; cancel != nil {
			cancel()
		}
		return nil, nil
	case "read", "read_numbers", "unsubscribe", "token", "pause", "resume":
		return a.doSubscription(ctx, c)
	}
	if !ofClients[c.Do] {
		return nil, errUnsupported(c.Do)
	}
	client, err := a.client(c.Client)
	if err != nil {
		return nil, err
	}
	switch c.Do {
	case "subscribe":
		return nil, a.subscribe(ctx, client, c)
	case "respond":
		return nil, respond(ctx, client, c.Filter)
	case "publish", "publish_numbers", "publish_many", "request":
		return doPublish(ctx, client, c)
	}
	return doClient(ctx, client, c)
}

func doClient(ctx context.Context, client *agentClient, c *command) (answer, error) {
	ctx, cancel := withTimeout(ctx, c)
	defer cancel()
	switch c.Do {
	case "wait_ready":
		return nil, client.WaitReady(ctx)
	case "state":
		return answer{"state": client.State().String()}, nil
	case "flush":
		return nil, client.Flush(ctx)
	case "close":
		return nil, client.Close()
	case "query":
		document, err := client.Query(ctx, c.What)
		return answer{"json": string(document)}, err
	case "log":
		client.mu.Lock()
		defer client.mu.Unlock()
		entries := client.log
		client.log = nil
		if entries == nil {
			entries = []answer{}
		}
		return answer{"entries": entries}, nil
	case "statistics":
		s := client.Statistics()
		return answer{
			"published": s.Published, "received": s.Received, "in_doubt": s.InDoubt, "connections": s.Connections,
			"buffered_bytes": s.BufferedBytes, "refused": s.Refused, "lost": s.Lost,
		}, nil
	}
	return nil, errUnsupported(c.Do)
}

func withTimeout(ctx context.Context, c *command) (context.Context, context.CancelFunc) {
	if c.TimeoutMs == nil {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Duration(*c.TimeoutMs)*time.Millisecond)
}

func (a *agent) makeClient(c *command) error {
	client := &agentClient{}
	options := []nexusd.Option{
		nexusd.OnStateChange(func(s nexusd.StateChange) {
			text := ""
			if s.Reason != nil {
				text = s.Reason.Text
			}
			client.note(answer{"kind": "state", "state": s.To.String(), "text": text})
		}),
		nexusd.OnGap(func(g nexusd.Gap) {
			entry := loss("gap", g.From, g.To, g.Count, g.Reason, g.Node)
			entry["filters"], entry["publisher"] = g.Filters, decimal(g.Publisher)
			client.note(entry)
		}),
		nexusd.OnPublishLoss(func(l nexusd.PublishLoss) {
			client.note(loss("publish_loss", l.From, l.To, l.Count, l.Reason, l.Node))
		}),
		nexusd.OnNotice(func(n nexusd.Notice) {
			client.note(answer{"kind": "notice", "code": n.Code, "text": n.Text})
		}),
	}
	options = append(options, clientOptions(c.Options)...)
	address := ""
	if c.Address != nil {
		address = *c.Address
		if address == "" {
			address = " " // given, and blank: none of the forms
		}
	}
	made, err := nexusd.NewClient(address, options...)
	if err != nil {
		return err
	}
	client.Client = made
	a.mu.Lock()
	defer a.mu.Unlock()
	a.clients[c.Client] = client
	return nil
}

func loss(kind string, from, to, count uint64, reason, node string) answer {
	return answer{
		"kind": kind, "from": decimal(from), "to": decimal(to), "count": decimal(count), "reason": reason, "node": node,
	}
}

func clientOptions(given map[string]any) []nexusd.Option {
	var options []nexusd.Option
	if name, ok := given["name"].(string); ok {
		options = append(options, nexusd.WithName(name))
	}
	if bytes, ok := given["publish_buffer_bytes"].(float64); ok {
		options = append(options, nexusd.WithPublishBuffer(int(bytes)))
	}
	for name, option := range map[string]func(time.Duration) nexusd.Option{
		"connect_timeout_ms": nexusd.WithConnectTimeout, "acknowledge_timeout_ms": nexusd.WithAcknowledgeTimeout,
		"close_timeout_ms": nexusd.WithCloseTimeout, "keep_alive_ms": nexusd.WithKeepAlive,
	} {
		if d, ok := milliseconds(given, name); ok {
			options = append(options, option(d))
		}
	}
	first, hasFirst := milliseconds(given, "reconnect_min_ms")
	longest, hasLongest := milliseconds(given, "reconnect_max_ms")
	if hasFirst || hasLongest {
		if !hasFirst {
			first = min(100*time.Millisecond, longest)
		}
		if !hasLongest {
			longest = max(30*time.Second, first)
		}
		options = append(options, nexusd.WithReconnectWait(first, longest))
	}
	return options
}

func milliseconds(given map[string]any, name string) (time.Duration, bool) {
	number, ok := given[name].(float64)
	return time.Duration(number * float64(time.Millisecond)), ok
}

func decimal(number uint64) string { return strconv.FormatUint(number, 10) }
