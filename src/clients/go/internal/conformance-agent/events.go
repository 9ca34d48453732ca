package main

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strconv"
	"strings"
	"time"

	nexusd "github.com/nexusd/client-go"
)

const longestPayloadTold = 4096

func doPublish(ctx context.Context, client *agentClient, c *command) (answer, error) {
	switch c.Do {
	case "request":
		ctx, cancel := withTimeout(ctx, c)
		defer cancel()
		message, err := client.Request(ctx, c.Topic, []byte(c.Payload))
		if err != nil {
			return nil, err
		}
		return answer{"message": told(message)}, nil
	case "publish_numbers":
		for i := int64(0); i < c.Count; i++ {
			err := client.Publish(ctx, &nexusd.PublishRequest{Topic: c.Topic, Payload: numbered(c.From+i, c.Size)})
			if err != nil {
				return answer{"published": i}, err
			}
		}
		return answer{"published": c.Count}, nil
	case "publish_many":
		payloads := make([][]byte, c.Count)
		for i := range payloads {
			payloads[i] = numbered(c.From+int64(i), c.Size)
		}
		taken, err := client.PublishMany(ctx, c.Topic, payloads)
		return answer{"published": taken}, err
	}
	request := &nexusd.PublishRequest{
		Topic: c.Topic, Payload: []byte(c.Payload), ContentType: c.ContentType, CorrelationID: c.CorrelationID,
		Headers: c.Headers, TTL: time.Duration(c.TTLMs) * time.Millisecond, Retain: c.Retain, ReplyTopic: c.ReplyTopic,
	}
	if c.Size != nil {
		request.Payload = []byte(strings.Repeat("x", *c.Size))
	}
	switch c.Priority {
	case "high":
		request.Priority = nexusd.PriorityHigh
	case "low":
		request.Priority = nexusd.PriorityLow
	}
	if !c.Ack {
		return nil, client.Publish(ctx, request)
	}
	result, err := client.PublishWithResult(ctx, request)
	if err != nil {
		return nil, err
	}
	return answer{"local": result.Local, "peers": result.Peers, "number": decimal(result.Number)}, nil
}

func numbered(number int64, size *int) []byte {
	text := strconv.FormatInt(number, 10)
	if size != nil && len(text) < *size {
		text += strings.Repeat(" ", *size-len(text))
	}
	return []byte(text)
}

func (a *agent) subscribe(ctx context.Context, client *agentClient, c *command) error {
	options, err := subscribeOptions(c.Options)
	if err != nil {
		return err
	}
	sub, err := client.Subscribe(context.Background(), c.Filters, options...)
	if err != nil {
		return err
	}
	if err := sub.Ready(ctx); err != nil {
		_ = sub.Close()
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.subs[c.Sub] = sub
	return nil
}

func subscribeOptions(given map[string]any) ([]nexusd.SubscribeOption, error) {
	var options []nexusd.SubscribeOption
	if on, ok := given["receive_retained"].(bool); ok && !on {
		options = append(options, nexusd.WithoutRetained())
	}
	if on, ok := given["resume"].(bool); ok && !on {
		options = append(options, nexusd.WithoutResume())
	}
	if group, ok := given["group"].(string); ok {
		options = append(options, nexusd.WithGroup(group))
	}
	if name, ok := given["strategy"].(string); ok {
		strategy, known := map[string]nexusd.Strategy{
			"sticky": nexusd.StrategySticky, "round-robin": nexusd.StrategyRoundRobin,
			"least-pending": nexusd.StrategyLeastPending, "local-first": nexusd.StrategyLocalFirst,
		}[name]
		if !known {
			return nil, errUnsupported("strategy " + name)
		}
		options = append(options, nexusd.WithStrategy(strategy))
	}
	if name, ok := given["overflow"].(string); ok {
		policy, known := map[string]nexusd.OverflowPolicy{
			"drop-oldest": nexusd.OverflowDropOldest, "drop-newest": nexusd.OverflowDropNewest,
			"block": nexusd.OverflowBlock, "conflate": nexusd.OverflowConflate,
		}[name]
		if !known {
			return nil, errUnsupported("overflow " + name)
		}
		options = append(options, nexusd.WithOverflow(policy))
	}
	if d, ok := milliseconds(given, "block_timeout_ms"); ok {
		options = append(options, nexusd.WithBlockTimeout(d))
	}
	events, _ := given["queue_events"].(float64)
	bytes, _ := given["queue_bytes"].(float64)
	options = append(options, nexusd.WithQueueLimits(int(events), int(bytes)))
	if bytes, ok := given["receive_buffer_bytes"].(float64); ok {
		options = append(options, nexusd.WithReceiveBuffer(int(bytes)))
	}
	if d, ok := milliseconds(given, "keep_ms"); ok {
		options = append(options, nexusd.WithKeep(d))
	}
	if token, ok := given["token"].(string); ok {
		options = append(options, nexusd.WithResumeToken(token))
	}
	return options, nil
}

func (a *agent) doSubscription(ctx context.Context, c *command) (answer, error) {
	sub, err := a.subscription(c.Sub)
	if err != nil {
		return nil, err
	}
	switch c.Do {
	case "unsubscribe":
		return nil, sub.Close()
	case "token":
		if token := sub.ResumeToken(); token != "" {
			return answer{"token": token}, nil
		}
		return answer{"token": nil}, nil
	case "pause":
		return nil, sub.Pause(ctx, time.Duration(c.LimitMs)*time.Millisecond)
	case "resume":
		return nil, sub.Resume(ctx)
	case "read":
		return read(ctx, sub, c)
	}
	return readNumbers(ctx, sub, c)
}

// next takes a message; ended: nothing follows, in time or at all.
func next(ctx, limit context.Context, sub *nexusd.Subscription) (message *nexusd.Message, ended bool, err error) {
	message, err = sub.Next(limit)
	switch {
	case err == nil:
		return message, false, nil
	case ctx.Err() != nil:
		return nil, false, err
	case errors.Is(err, nexusd.ErrClosed):
		return nil, true, nil
	case errors.Is(err, nexusd.ErrTimeout):
		return nil, false, nil
	}
	return nil, false, err
}

func read(ctx context.Context, sub *nexusd.Subscription, c *command) (answer, error) {
	limit, cancel := withTimeout(ctx, c)
	defer cancel()
	messages := []answer{}
	for int64(len(messages)) < c.Count {
		message, ended, err := next(ctx, limit, sub)
		if err != nil && len(messages) > 0 && errors.Is(err, nexusd.ErrSubscribe) {
			return answer{"messages": messages, "ended": true}, nil // the next read gets the error
		}
		if err != nil {
			return nil, err
		}
		if message == nil {
			return answer{"messages": messages, "ended": ended}, nil
		}
		messages = append(messages, told(message))
	}
	return answer{"messages": messages, "ended": false}, nil
}

func readNumbers(ctx context.Context, sub *nexusd.Subscription, c *command) (answer, error) {
	limit, cancel := withTimeout(ctx, c)
	defer cancel()
	var count, first, last, duplicates, replayed int64
	ordered := true
	sum := new(big.Int)
	seen := make(map[int64]bool)
	for count < c.Count {
		message, _, err := next(ctx, limit, sub)
		if err != nil {
			return nil, err
		}
		if message == nil {
			break
		}
		number, err := strconv.ParseInt(strings.TrimRight(string(message.Payload), " "), 10, 64)
		if err != nil {
			return nil, err
		}
		if count == 0 {
			first = number
		} else {
			ordered = ordered && number > last
		}
		if seen[number] {
			duplicates++
		}
		seen[number] = true
		if message.IsReplayed() {
			replayed++
		}
		last = number
		count++
		sum.Add(sum, big.NewInt(number))
	}
	result := answer{
		"count": count, "ordered": ordered, "duplicates": duplicates, "sum": sum, "replayed": replayed,
	}
	if count > 0 {
		result["first"], result["last"] = first, last
	}
	return result, nil
}

func respond(ctx context.Context, client *agentClient, filter string) error {
	sub, err := client.Subscribe(context.Background(), []string{filter})
	if err != nil {
		return err
	}
	if err := sub.Ready(ctx); err != nil {
		return err
	}
	go func() {
		for message := range sub.Messages() {
			answered := append([]byte("re:"), message.Payload...)
			if err := client.Reply(context.Background(), message, answered); err != nil {
				fmt.Fprintln(os.Stderr, "reply:", err)
			}
		}
	}()
	return nil
}

func told(m *nexusd.Message) answer {
	t := answer{
		"topic": m.Topic, "size": len(m.Payload), "publisher": decimal(m.PublisherID()), "number": decimal(m.Number),
		"priority": m.Priority().String(), "retained": m.IsRetained(), "replayed": m.IsReplayed(),
	}
	if len(m.Payload) <= longestPayloadTold {
		t["payload"] = string(m.Payload)
	}
	for name, text := range map[string]string{
		"content_type": m.ContentType(), "correlation_id": m.CorrelationID(), "reply_topic": m.ReplyTopic(),
	} {
		if text != "" {
			t[name] = text
		}
	}
	if headers := m.Headers(); headers != nil {
		t["headers"] = headers
	}
	if ttl := m.TTL(); ttl != 0 {
		t["ttl_ms"] = ttl.Milliseconds()
	}
	return t
}
