package keyhaven

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/keyhaven/keyhaven/sdks/go/operations"
	"github.com/keyhaven/keyhaven/sdks/go/sdkerrors"
)

// operation is what the generator writes of each: data, no behaviour.
type operation struct {
	id, method, path string
	// sends and gives are content types; "" is no body.
	sends, gives string
	ok           int
	// refuses is the content type of refusals, errors their classes by status.
	refuses  string
	errors   map[int]string
	retry    string
	keyed    bool
	security [][]scheme
}

// call is one call of an operation.
type call struct {
	op     *operation
	path   map[string]string
	query  url.Values
	header map[string]*string
	body   any
	own    named
	cfg    config

	url      string
	sent     []byte
	attempt  int
	deadline time.Time
}

const problemType = "application/problem+json"

// send performs a call; into gets the body of a success.
func (s *Keyhaven) send(ctx context.Context, c *call, into any, options []Option) (operations.HTTP, error) {
	c.cfg = s.config
	if c.own != nil && !c.own.isEmpty() {
		c.cfg.security = c.own
	}
	for _, option := range options {
		option(&c.cfg)
	}
	if err := c.prepare(); err != nil {
		return operations.HTTP{}, err
	}
	ctx, cancel := context.WithDeadline(ctx, c.deadline)
	defer cancel()
	return c.attempts(ctx, into)
}

func (c *call) prepare() error {
	if c.cfg.totalTimeout == 0 {
		c.cfg.totalTimeout = time.Minute
	}
	if c.cfg.timeout == 0 {
		c.cfg.timeout = 30 * time.Second
	}
	c.deadline = time.Now().Add(c.cfg.totalTimeout)
	path := c.op.path
	for name, value := range c.path {
		if value == "" || value == "." || value == ".." {
			return c.invalid(fmt.Sprintf("%s is %q, which is no part of a path", name, value), nil)
		}
		path = strings.ReplaceAll(path, "{"+name+"}", escape(value))
	}
	c.url = strings.TrimRight(c.cfg.serverURL, "/") + path
	if len(c.query) > 0 {
		c.url += "?" + c.query.Encode()
	}
	if base, err := url.Parse(c.cfg.serverURL); err != nil || base.Host == "" {
		return c.invalid("the server URL is no URL", err)
	}
	if c.op.sends != "" {
		sent, err := json.Marshal(c.body)
		if err != nil {
			return c.invalid("the request is no JSON", err)
		}
		c.sent = sent
	}
	if c.op.keyed && c.cfg.idempotencyKey == "" {
		c.cfg.idempotencyKey = newKey()
	}
	return nil
}

// escape writes a segment as encodeURIComponent does: url.PathEscape leaves "&", "=", "+" and ":".
func escape(segment string) string {
	return strings.ReplaceAll(url.QueryEscape(segment), "+", "%20")
}

// newKey is a UUID of version 7: a server keeps what grows with time side by side.
func newKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	var now [8]byte
	binary.BigEndian.PutUint64(now[:], uint64(time.Now().UnixMilli()))
	copy(b[:6], now[2:])
	b[6], b[8] = b[6]&0x0f|0x70, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (c *call) invalid(message string, cause error) error {
	return &sdkerrors.InvalidRequestError{Local: sdkerrors.NewLocal(c.op.id, message, c.attempt, cause)}
}

// attempts sends until an answer counts.
func (c *call) attempts(ctx context.Context, into any) (operations.HTTP, error) {
	retries := c.cfg.retries.plan()
	budget := c.deadline
	if limit := retries.MaxElapsedTime; limit > 0 && time.Now().Add(limit).Before(budget) {
		budget = time.Now().Add(limit)
	}
	renewed := 0
	for {
		c.attempt++
		response, body, token, err := c.once(ctx)
		if err == nil && response.StatusCode == c.op.ok {
			return c.settle(response, body, into)
		}
		worth := !retries.NoConnectionErrors
		if err == nil {
			err = c.refusal(response, body)
			worth = isWorth(c.op, c.cfg.retryCodes, response)
		} else if !isTransport(err) {
			return operations.HTTP{}, err
		}
		if failed := c.each(func(h Hooks, at HookContext) error {
			if h.AfterError == nil {
				return nil
			}
			return h.AfterError(ctx, at, err)
		}); failed != nil {
			return operations.HTTP{}, failed
		}
		if token != nil && renewed == 0 && response != nil && response.StatusCode == 401 && !isNarrow(response) {
			renewed = 1
			c.cfg.security.(Source).Invalidate(token)
			continue
		}
		if c.op.retry == "never" || retries.None || !worth || c.attempt-renewed > retries.MaxRetries {
			return operations.HTTP{}, err
		}
		if over := c.wait(ctx, retries, renewed, budget, err); over != nil {
			return operations.HTTP{}, over
		}
	}
}

// wait sleeps before the next attempt, or gives the error that ends the call.
func (c *call) wait(ctx context.Context, retries Retries, renewed int, budget time.Time, err error) error {
	var told time.Duration
	var answer sdkerrors.HTTPError
	if errors.As(err, &answer) {
		told = answer.Common().RetryAfter
	}
	delay := retries.delay(c.attempt-renewed, told)
	if time.Now().Add(delay).After(budget) {
		return err
	}
	if failed := c.each(func(h Hooks, at HookContext) error {
		if h.OnRetry == nil {
			return nil
		}
		return h.OnRetry(ctx, at, err, delay)
	}); failed != nil {
		return failed
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return c.ended(ctx.Err())
	}
}

func isTransport(err error) bool {
	var connection *sdkerrors.ConnectionError
	var timeout *sdkerrors.RequestTimeoutError
	return errors.As(err, &connection) || errors.As(err, &timeout)
}

// isNarrow says that the token lives but does not reach so far: no reason for another one.
func isNarrow(response *http.Response) bool {
	return strings.Contains(response.Header.Get("WWW-Authenticate"), "insufficient_scope")
}

// ended is the error of a context that ended.
func (c *call) ended(cause error) error {
	if errors.Is(cause, context.Canceled) {
		return &sdkerrors.RequestAbortedError{Local: sdkerrors.NewLocal(c.op.id, "aborted", c.attempt, cause)}
	}
	return &sdkerrors.RequestTimeoutError{Local: sdkerrors.NewLocal(c.op.id, "no answer in time", c.attempt, cause)}
}

// once is one request and its answer, body included, in the time of one attempt.
func (c *call) once(ctx context.Context) (*http.Response, []byte, *Token, error) {
	if ctx.Err() != nil {
		return nil, nil, nil, c.ended(ctx.Err())
	}
	limited, cancel := context.WithTimeout(ctx, c.cfg.timeout)
	defer cancel()
	request, token, err := c.request(limited)
	if err != nil {
		return nil, nil, nil, err
	}
	started := time.Now()
	response, err := c.cfg.client.Do(request)
	var body []byte
	if err == nil {
		defer response.Body.Close()
		body, err = io.ReadAll(response.Body)
	}
	if err != nil {
		if limited.Err() != nil {
			return nil, nil, nil, c.ended(limited.Err())
		}
		return nil, nil, nil, &sdkerrors.ConnectionError{Local: sdkerrors.NewLocal(c.op.id, "the connection failed", c.attempt, err)}
	}
	if c.cfg.logger != nil {
		c.cfg.logger.DebugContext(ctx, c.op.method+" "+c.op.path, "status", response.StatusCode,
			"took", time.Since(started), "attempt", c.attempt, "request_id", response.Header.Get("X-Request-Id"))
	}
	failed := c.each(func(h Hooks, at HookContext) error {
		if h.AfterResponse == nil {
			return nil
		}
		return h.AfterResponse(ctx, at, response)
	})
	return response, body, token, failed
}

func (c *call) request(ctx context.Context) (*http.Request, *Token, error) {
	var body io.Reader
	if c.op.sends != "" {
		body = bytes.NewReader(c.sent)
	}
	request, err := http.NewRequestWithContext(ctx, c.op.method, c.url, body)
	if err != nil {
		return nil, nil, c.invalid("the request cannot be written", err)
	}
	header := request.Header
	set := func(name, value string) {
		if value != "" {
			header.Set(name, value)
		}
	}
	set("Content-Type", c.op.sends)
	set("Accept", c.op.gives)
	set("Idempotency-Key", c.cfg.idempotencyKey)
	set("User-Agent", strings.TrimSpace(c.cfg.userAgent+" keyhaven-sdk-go"))
	if c.attempt > 1 {
		set("X-Retry-Count", strconv.Itoa(c.attempt-1))
	}
	for name, value := range c.header {
		if value != nil {
			set(name, *value)
		}
	}
	for name, values := range c.cfg.headers {
		header[name] = values
	}
	token, satisfied, err := authorize(ctx, c.op, c.cfg.security, header)
	if err != nil {
		return nil, nil, c.unauthorized(ctx, err)
	}
	if !satisfied {
		return nil, nil, c.invalid("no credential that this operation takes", nil)
	}
	err = c.each(func(h Hooks, at HookContext) error {
		if h.BeforeRequest == nil {
			return nil
		}
		return h.BeforeRequest(ctx, at, request)
	})
	return request, token, err
}

// unauthorized is the error of a credential that could not be had.
func (c *call) unauthorized(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return c.ended(ctx.Err())
	}
	var known sdkerrors.HTTPError
	var reauthenticate *sdkerrors.ReauthenticationRequired
	if errors.As(err, &known) || errors.As(err, &reauthenticate) || isTransport(err) {
		return err
	}
	return &sdkerrors.UnexpectedClientError{Local: sdkerrors.NewLocal(c.op.id, "no credential", c.attempt, err)}
}

// each runs one hook of all.
func (c *call) each(run func(Hooks, HookContext) error) error {
	at := HookContext{OperationID: c.op.id, Attempt: c.attempt, BaseURL: c.cfg.serverURL}
	for _, hooks := range c.cfg.hooks {
		if err := run(hooks, at); err != nil {
			return &sdkerrors.UnexpectedClientError{Local: sdkerrors.NewLocal(c.op.id, "a hook failed", c.attempt, err)}
		}
	}
	return nil
}

// settle reads a success.
func (c *call) settle(response *http.Response, body []byte, into any) (operations.HTTP, error) {
	header := response.Header
	replay := header.Get("Idempotent-Replayed")
	meta := operations.HTTP{
		StatusCode: response.StatusCode, Header: header, Attempts: c.attempt,
		RequestID: header.Get("X-Request-Id"), IdempotentReplay: replay == "true",
	}
	if c.op.gives == "" {
		return meta, nil
	}
	details := c.details(response, body)
	wrong := func(message string, cause error) error {
		details.Say(message)
		return &sdkerrors.ResponseValidationError{Details: details, Cause: cause}
	}
	if details.ContentType != c.op.gives {
		return meta, wrong("the answer is "+details.ContentType, nil)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return meta, wrong("the answer is not what is documented", err)
	}
	return meta, nil
}

func (c *call) details(response *http.Response, body []byte) *sdkerrors.Details {
	kind, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
	return &sdkerrors.Details{
		OperationID: c.op.id, StatusCode: response.StatusCode, Header: response.Header,
		ContentType: strings.ToLower(strings.TrimSpace(kind)), Body: body,
		RetryAfter: retryAfter(response.Header), RequestID: response.Header.Get("X-Request-Id"),
		Attempts: c.attempt,
	}
}

// refusal is the error that an answer is.
func (c *call) refusal(response *http.Response, body []byte) error {
	details := c.details(response, body)
	if details.ContentType == c.op.refuses {
		if c.op.refuses == problemType {
			problem := &sdkerrors.Problem{Details: details}
			if json.Unmarshal(body, problem) == nil {
				details.Say(problem.Detail)
				return sdkerrors.OfStatus(problem)
			}
		} else if known := sdkerrors.Parse(c.op.errors[details.StatusCode], details); known != nil {
			return known
		}
	}
	return &sdkerrors.APIError{Details: details}
}
