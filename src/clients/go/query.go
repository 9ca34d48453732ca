package nexusd

import (
	"context"

	"github.com/nexusd/client-go/internal/wire"
)

type pendingQuery struct {
	text   string
	answer chan queryAnswer // takes one answer without waiting
}

type queryAnswer struct {
	json []byte
	err  error
}

// Query asks the daemon for its status as JSON: "status", "peers", "topics", "clients", "retained", or
// "retained FILTER". A query that the daemon does not know or refuses is ErrQuery.
func (c *Client) Query(ctx context.Context, what string) ([]byte, error) {
	if !wire.ValidText([]byte(what), 1, wire.MaxQueryText) {
		return nil, refusal(KindQuery, wire.UnknownQuery, "a query has 1 to %d bytes of UTF-8", wire.MaxQueryText)
	}
	c.start()
	query := &pendingQuery{text: what, answer: make(chan queryAnswer, 1)}
	o := c.outbox
	o.mu.Lock()
	if o.closing {
		o.mu.Unlock()
		return nil, closedError()
	}
	id := c.nextID()
	c.queries[id] = query
	o.sendControl(func(to []byte) []byte { return wire.AppendQuery(to, id, what) })
	o.mu.Unlock()
	select {
	case answer := <-query.answer:
		return answer.json, answer.err
	case <-ctx.Done():
		o.mu.Lock()
		delete(c.queries, id)
		o.mu.Unlock()
		return nil, contextError(ctx, "waiting for the answer to a query")
	}
}

func (c *Client) onResult(frame []byte) *Error {
	result, code := wire.ReadResult(frame)
	if code != wire.None {
		return c.lostStep("RESULT")
	}
	c.outbox.mu.Lock()
	query := c.queries[result.ID]
	delete(c.queries, result.ID)
	c.outbox.mu.Unlock()
	if query == nil {
		return nil
	}
	text := string(result.Text)
	if result.Code == wire.None {
		query.answer <- queryAnswer{json: []byte(text)}
		return nil
	}
	if text == "" {
		text = result.Code.String()
	}
	query.answer <- queryAnswer{err: refusal(KindQuery, result.Code, "the daemon refused the query: %s", text)}
	return nil
}
