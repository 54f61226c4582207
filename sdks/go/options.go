package keyhaven

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/keyhaven/keyhaven/sdks/go/shared"
)

// Secret is text that does not print.
type Secret = shared.Secret

// HTTPClient sends requests; *http.Client is one.
type HTTPClient interface {
	Do(*http.Request) (*http.Response, error)
}

// Retries says how and whether a call is repeated. The zero value of each member is the default:
// 2 retries, 500 ms doubling up to 8 s, within the time of the call.
type Retries struct {
	// None makes one attempt.
	None            bool
	InitialInterval time.Duration
	MaxInterval     time.Duration
	Exponent        float64
	MaxElapsedTime  time.Duration
	// MaxRetries is 2 for 0; None switches retries off.
	MaxRetries int
	// NoConnectionErrors leaves failed connections alone.
	NoConnectionErrors bool
}

// HookContext says where a hook is called.
type HookContext struct {
	OperationID string
	Attempt     int
	BaseURL     string
}

// Hooks are called in order, for every attempt. One that fails fails the call.
type Hooks struct {
	BeforeRequest  func(context.Context, HookContext, *http.Request) error
	AfterResponse  func(context.Context, HookContext, *http.Response) error
	AfterError     func(context.Context, HookContext, error) error
	OnRetry        func(context.Context, HookContext, error, time.Duration) error
	OnTokenRefresh func(context.Context, HookContext, *Token) error
}

type config struct {
	serverURL      string
	security       Security
	client         HTTPClient
	retries        Retries
	retryCodes     []string
	timeout        time.Duration
	totalTimeout   time.Duration
	headers        http.Header
	idempotencyKey string
	userAgent      string
	hooks          []Hooks
	logger         *slog.Logger
}

// Option changes a client, or a single call.
type Option func(*config)

// WithServerURL says where the server is.
func WithServerURL(url string) Option { return func(c *config) { c.serverURL = url } }

// WithSecurity gives a credential: Bearer, Basic, APIKey, Session, a token source.
func WithSecurity(security Security) Option {
	// A source keeps its token over all calls.
	if kept, ok := security.(interface{ source() TokenSource }); ok {
		security = Source{kept.source()}
	}
	return func(c *config) { c.security = security }
}

// WithHTTPClient replaces the HTTP client. An *http.Client without a CheckRedirect of its own follows
// no redirect here: credentials must not travel to another origin.
func WithHTTPClient(client HTTPClient) Option {
	if own, ok := client.(*http.Client); ok && own.CheckRedirect == nil {
		copied := *own
		copied.CheckRedirect = defaultClient.CheckRedirect
		client = &copied
	}
	return func(c *config) { c.client = client }
}

// WithRetries says how calls are repeated.
func WithRetries(retries Retries) Option { return func(c *config) { c.retries = retries } }

// WithRetryCodes replaces the statuses worth repeating: "429", "5XX".
func WithRetryCodes(codes ...string) Option { return func(c *config) { c.retryCodes = codes } }

// WithTimeout limits one attempt, reading the body included: 30 s unless said otherwise.
func WithTimeout(limit time.Duration) Option { return func(c *config) { c.timeout = limit } }

// WithTotalTimeout limits the call, waiting included: 60 s unless said otherwise.
func WithTotalTimeout(limit time.Duration) Option { return func(c *config) { c.totalTimeout = limit } }

// WithHeader adds a header.
func WithHeader(name, value string) Option {
	return func(c *config) {
		c.headers = c.headers.Clone()
		if c.headers == nil {
			c.headers = http.Header{}
		}
		c.headers.Set(name, value)
	}
}

// WithIdempotencyKey makes a call that may be sent twice happen once.
func WithIdempotencyKey(key string) Option { return func(c *config) { c.idempotencyKey = key } }

// WithUserAgent is put before ours.
func WithUserAgent(name string) Option { return func(c *config) { c.userAgent = name } }

// WithHooks adds hooks.
func WithHooks(hooks Hooks) Option {
	return func(c *config) { c.hooks = append(c.hooks[:len(c.hooks):len(c.hooks)], hooks) }
}

// WithLogger shows requests at debug level: method, path template, status, time. Never a body.
func WithLogger(logger *slog.Logger) Option { return func(c *config) { c.logger = logger } }
