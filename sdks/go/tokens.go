package keyhaven

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/keyhaven/keyhaven/sdks/go/sdkerrors"
)

// Token is an access token and how long it lives.
type Token struct {
	AccessToken Secret
	// TokenType is Bearer unless the token is bound to a key.
	TokenType    string
	RefreshToken Secret
	// ExpiresAt is zero for a token without an end.
	ExpiresAt time.Time
	Scope     string
}

// TokenSource gives bearer tokens, to many callers at once.
type TokenSource interface {
	Token(ctx context.Context) (*Token, error)
	// Invalidate forgets this very token; a newer one stays.
	Invalidate(token *Token)
}

// ClientCredentials gets tokens of a client's own authority (RFC 6749 §4.4).
type ClientCredentials struct {
	// ServerURL is the issuer; TokenURL is /oauth2/token below it unless said otherwise.
	ServerURL    string
	TokenURL     string
	ClientID     string
	ClientSecret Secret
	Scopes       []string
	Resource     string
	Client       HTTPClient
	// Authentication takes the place of a secret, PrivateKeyJWT for one.
	Authentication ClientAuthentication
	// Store is where the token is kept; in memory unless said otherwise. StoreKey is its name there,
	// made from issuer, client, resource and scopes unless said otherwise.
	Store    TokenStore
	StoreKey string
	// Ours says whether the server gives tokens again under an Idempotency-Key, so that a grant that
	// works once may be repeated when its answer is lost. Its metadata says so unless this does.
	Ours *bool
	// OnTokenError is told of failures in the background, while the old token still counts.
	OnTokenError func(error)
}

func (c ClientCredentials) credential(ctx context.Context, s scheme) (string, *Token, error) {
	return Source{c.source()}.credential(ctx, s)
}

func (c ClientCredentials) source() TokenSource { return NewTokenSource(c) }

// NewTokenSource is a source that all callers of a process may share: one request at a time.
func NewTokenSource(c ClientCredentials) TokenSource {
	return c.shared(func(ctx context.Context, _ *Token) (*Token, error) {
		return c.ask(ctx, c.form("client_credentials"), "")
	})
}

// form asks for a token by a grant.
func (c ClientCredentials) form(grant string) url.Values {
	form := url.Values{"grant_type": {grant}}
	if len(c.Scopes) > 0 {
		form.Set("scope", strings.Join(c.Scopes, " "))
	}
	if c.Resource != "" {
		form.Set("resource", c.Resource)
	}
	return form
}

// shared is a source around a way to get tokens, and around the store if there is one.
func (c ClientCredentials) shared(renew renewal) TokenSource {
	return &source{renew: c.kept(renew), onError: c.OnTokenError}
}

// personal is a source of tokens of somebody, whose name a store must know.
func (c ClientCredentials) personal(renew renewal) TokenSource {
	if c.Store != nil && c.StoreKey == "" {
		return &source{renew: func(context.Context, *Token) (*Token, error) { return nil, errUnnamed }}
	}
	return c.shared(renew)
}

// NewRefreshSource is a source that renews by a refresh token, of which the newest is kept.
// A refresh whose answer was lost is repeated where the server gives the same answer again, and nowhere
// else: it would look like theft.
func NewRefreshSource(c ClientCredentials, refresh Secret) TokenSource {
	var dead Secret
	c.StoreKey, c.Scopes = c.refreshKey(), nil
	return c.shared(func(ctx context.Context, last *Token) (*Token, error) {
		if last != nil && last.RefreshToken != "" {
			refresh = last.RefreshToken
		}
		if refresh == "" || refresh == dead {
			return nil, reauthenticate("there is no refresh token", nil)
		}
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh.Reveal()}}
		token, err := c.askOnce(ctx, form)
		var refused *sdkerrors.OAuthError
		if errors.As(err, &refused) && refused.Code == "invalid_grant" {
			dead = refresh
			return nil, reauthenticate("the refresh token no longer counts", err)
		}
		if token != nil && token.RefreshToken == "" {
			token.RefreshToken = refresh
		}
		return token, err
	})
}

func (c ClientCredentials) refreshKey() string {
	c.Scopes = nil
	return c.storeKey()
}

func reauthenticate(message string, cause error) error {
	return &sdkerrors.ReauthenticationRequired{Local: sdkerrors.NewLocal("token", message, 1, cause)}
}

// StaticToken is a token that somebody else takes care of.
func StaticToken(token Secret) TokenSource { return static{token} }

type static struct{ token Secret }

func (s static) Token(context.Context) (*Token, error) { return &Token{AccessToken: s.token}, nil }
func (static) Invalidate(*Token)                       {}

func (c ClientCredentials) tokenURL() string {
	if c.TokenURL != "" {
		return c.TokenURL
	}
	return strings.TrimRight(c.ServerURL, "/") + "/oauth2/token"
}

func (c ClientCredentials) askAlone(ctx context.Context, form url.Values, key string) (*Token, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	response, body, err := c.post(ctx, c.tokenURL(), form, key)
	if err != nil {
		return nil, err
	}
	return readToken(response, body)
}

// post sends a form to an endpoint of OAuth as this client.
func (c ClientCredentials) post(ctx context.Context, endpoint string, form url.Values, key string) (*http.Response, []byte, error) {
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}
	if key != "" {
		// Spelled so that net/http does not see it: it would repeat a request by itself, with the same
		// proofs in it.
		header["idempotency-key"] = []string{key}
	}
	switch {
	case c.Authentication != nil:
		audience := c.ServerURL
		if audience == "" {
			audience = endpoint
		}
		if err := c.Authentication.Prove(ctx, form, header, audience); err != nil {
			return nil, nil, err
		}
	case c.ClientSecret == "":
		form.Set("client_id", c.ClientID)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, nil, err
	}
	request.Header = header
	if c.Authentication == nil && c.ClientSecret != "" {
		request.SetBasicAuth(url.QueryEscape(c.ClientID), url.QueryEscape(c.ClientSecret.Reveal()))
	}
	response, err := c.client().Do(request)
	if err != nil {
		return nil, nil, &sdkerrors.ConnectionError{Local: sdkerrors.NewLocal("token", "the token endpoint cannot be reached", 1, err)}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, nil, &sdkerrors.ConnectionError{Local: sdkerrors.NewLocal("token", "the answer was cut", 1, err)}
	}
	return response, body, nil
}

func (c ClientCredentials) client() HTTPClient {
	if c.Client == nil {
		return defaultClient
	}
	return c.Client
}

func readToken(response *http.Response, body []byte) (*Token, error) {
	var answer struct {
		AccessToken  Secret `json:"access_token"`
		TokenType    string `json:"token_type"`
		RefreshToken Secret `json:"refresh_token"`
		ExpiresIn    *int64 `json:"expires_in"`
		Scope        string `json:"scope"`
	}
	if response.StatusCode != 200 || json.Unmarshal(body, &answer) != nil || answer.AccessToken == "" {
		return nil, refusedToken(response, body)
	}
	life := 5 * time.Minute
	if answer.ExpiresIn != nil {
		life = time.Duration(*answer.ExpiresIn) * time.Second
	}
	return &Token{
		AccessToken: answer.AccessToken, TokenType: answer.TokenType, RefreshToken: answer.RefreshToken,
		ExpiresAt: time.Now().Add(life), Scope: answer.Scope,
	}, nil
}

// refusedToken is why there is no token.
func refusedToken(response *http.Response, body []byte) error {
	details := &sdkerrors.Details{
		OperationID: "token", StatusCode: response.StatusCode, Header: response.Header, Body: body,
		RetryAfter: retryAfter(response.Header), RequestID: response.Header.Get("X-Request-Id"), Attempts: 1,
	}
	refused := &sdkerrors.OAuthError{Details: details}
	if json.Unmarshal(body, refused) == nil && refused.Code != "" {
		details.Say(strings.TrimSuffix(refused.Code+": "+refused.Description, ": "))
		return refused
	}
	return &sdkerrors.APIError{Details: details}
}

// renewal gets a new token; last is the one before.
type renewal func(ctx context.Context, last *Token) (*Token, error)

// source shares one token, and one request for it, among all callers.
type source struct {
	renew   renewal
	onError func(error)

	mu     sync.Mutex
	held   *Token
	early  time.Time
	spent  *Token
	flight *flight
	failed error
	until  time.Time
}

type flight struct {
	done  chan struct{}
	token *Token
	err   error
}

const (
	earliest = time.Minute
	memory   = time.Second
	limit    = 30 * time.Second
)

func (s *source) Token(ctx context.Context) (*Token, error) {
	s.mu.Lock()
	held := s.held
	if held != nil && held != s.spent && held.lives() {
		if time.Now().After(s.early) && s.flight == nil {
			s.early = time.Now().Add(memory)
			s.fly(s.onError)
		}
		s.mu.Unlock()
		return held, nil
	}
	if s.failed != nil && time.Now().Before(s.until) {
		defer s.mu.Unlock()
		return nil, s.failed
	}
	if s.flight == nil {
		s.fly(nil)
	}
	flight := s.flight
	s.mu.Unlock()
	select {
	case <-flight.done:
		return flight.token, flight.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// scheme is the word that goes before the token (RFC 9449 §7.1).
func (t *Token) scheme() string {
	if t != nil && strings.EqualFold(t.TokenType, "DPoP") {
		return "DPoP "
	}
	return "Bearer "
}

func (t *Token) lives() bool { return t.ExpiresAt.IsZero() || time.Now().Before(t.ExpiresAt) }

// fly asks for a token, whoever of the callers gives up. The lock is held.
func (s *source) fly(onError func(error)) {
	f := &flight{done: make(chan struct{})}
	s.flight = f
	last := s.held
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*limit)
		defer cancel()
		f.token, f.err = s.renew(ctx, last)
		s.mu.Lock()
		s.land(f)
		s.mu.Unlock()
		close(f.done)
		if f.err != nil && onError != nil {
			onError(f.err)
		}
	}()
}

// land keeps what a flight brought. The lock is held.
func (s *source) land(f *flight) {
	s.flight = nil
	if f.err != nil {
		s.failed, s.until = f.err, time.Now().Add(memory)
		var ended *sdkerrors.ReauthenticationRequired
		if errors.As(f.err, &ended) {
			s.held = nil
		}
		return
	}
	s.held, s.failed, s.spent = f.token, nil, nil
	// The smaller of a minute and a tenth of its life, with jitter.
	ahead := min(earliest, time.Until(f.token.ExpiresAt)/10)
	s.early = f.token.ExpiresAt.Add(-time.Duration(float64(ahead) * (0.5 + rand.Float64()/2)))
	if f.token.ExpiresAt.IsZero() {
		s.early = time.Now().Add(365 * 24 * time.Hour)
	}
}

func (s *source) Invalidate(token *Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A late 401 for an old token must not drop the new one.
	if s.held != nil && token != nil && s.held.AccessToken == token.AccessToken {
		s.spent = s.held
	}
}

// Transport puts tokens of a source on requests of your own, and renews once after a 401.
func Transport(tokens TokenSource, base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{tokens, base}
}

type transport struct {
	tokens TokenSource
	base   http.RoundTripper
}

func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, token, err := t.once(request)
	again := request.Body == nil || request.GetBody != nil
	if err != nil || response.StatusCode != 401 || isNarrow(response) || !again {
		return response, err
	}
	t.tokens.Invalidate(token)
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16))
	_ = response.Body.Close()
	if request.GetBody != nil {
		body, err := request.GetBody()
		if err != nil {
			return nil, err
		}
		request = request.Clone(request.Context())
		request.Body = body
	}
	response, _, err = t.once(request)
	return response, err
}

func (t *transport) once(request *http.Request) (*http.Response, *Token, error) {
	token, err := t.tokens.Token(request.Context())
	if err != nil {
		return nil, nil, err
	}
	sent := request.Clone(request.Context())
	sent.Header.Set("Authorization", token.scheme()+token.AccessToken.Reveal())
	response, err := t.base.RoundTrip(sent)
	return response, token, err
}
