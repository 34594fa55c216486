package integration_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/net/websocket"
)

// bidi is a session of WebDriver BiDi (W3C), by which browsers other than Chromium are
// driven. It is safe for concurrent use.
type bidi struct {
	conn *websocket.Conn

	mu     sync.Mutex
	last   int
	calls  map[int]chan bidiReply
	closed error
}

type bidiReply struct {
	ID      int
	Result  json.RawMessage
	Error   string
	Message string
}

// bidiOrigin is whom the browser is told to listen to: the library always says one.
const bidiOrigin = "http://localhost"

// dialBidi opens a session at an address of a browser.
func dialBidi(ctx context.Context, address string) (*bidi, error) {
	config, err := websocket.NewConfig(address, bidiOrigin)
	if err != nil {
		return nil, err
	}
	conn, err := config.DialContext(ctx)
	if err != nil {
		return nil, err
	}
	s := &bidi{conn: conn, calls: map[int]chan bidiReply{}}
	go s.receive()
	trusting := map[string]any{"acceptInsecureCerts": true, "unhandledPromptBehavior": map[string]string{"default": "dismiss"}}
	return s, s.call(ctx, "session.new", map[string]any{"capabilities": map[string]any{"alwaysMatch": trusting}}, nil)
}

// receive gives answers to who waits for them. Events, which nobody asks for, have no
// number.
func (s *bidi) receive() {
	for {
		var reply bidiReply
		if err := websocket.JSON.Receive(s.conn, &reply); err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.closed = fmt.Errorf("the session has ended: %w", err)
			for _, call := range s.calls {
				close(call)
			}
			return
		}
		s.mu.Lock()
		call := s.calls[reply.ID]
		delete(s.calls, reply.ID)
		s.mu.Unlock()
		if call != nil {
			call <- reply
		}
	}
}

// call carries out a command. Where result is not nil, it gets what the command returns.
func (s *bidi) call(ctx context.Context, method string, params, result any) error {
	answer := make(chan bidiReply, 1)
	s.mu.Lock()
	if s.closed != nil {
		defer s.mu.Unlock()
		return s.closed
	}
	s.last++
	id := s.last
	s.calls[id] = answer
	err := websocket.JSON.Send(s.conn, map[string]any{"id": id, "method": method, "params": params})
	s.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case reply, ok := <-answer:
		switch {
		case !ok:
			return s.closed
		case reply.Error != "":
			return fmt.Errorf("%s: %s: %s", method, reply.Error, reply.Message)
		case result != nil:
			return json.Unmarshal(reply.Result, result)
		}
		return nil
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.calls, id)
		return fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

// evaluate evaluates an expression in a tab, the value of which is a string. It waits for
// no promise: where scripts are switched off, that would take forever.
func (s *bidi) evaluate(ctx context.Context, tab, expression string) (string, error) {
	var outcome struct {
		Result           struct{ Value string }
		ExceptionDetails struct{ Text string }
	}
	err := s.call(ctx, "script.evaluate", map[string]any{
		"expression":   expression,
		"target":       map[string]string{"context": tab},
		"awaitPromise": false,
	}, &outcome)
	if err == nil && outcome.ExceptionDetails.Text != "" {
		err = errors.New(outcome.ExceptionDetails.Text)
	}
	return outcome.Result.Value, err
}
