package keyhaven_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	sdk "github.com/keyhaven/keyhaven/sdks/go"
	"github.com/keyhaven/keyhaven/sdks/go/operations"
	"github.com/keyhaven/keyhaven/sdks/go/sdkerrors"
	"github.com/keyhaven/keyhaven/sdks/go/shared"
)

type scenario struct {
	Name      string          `json:"name"`
	Operation string          `json:"operation"`
	Request   json.RawMessage `json:"request"`
	Responses json.RawMessage `json:"responses"`
	Security  string          `json:"security"`
	Base      string          `json:"base"`
	Options   struct {
		Retries *struct {
			Strategy   string `json:"strategy"`
			MaxRetries int    `json:"maxRetries"`
			Backoff    struct {
				InitialInterval int `json:"initialInterval"`
				MaxInterval     int `json:"maxInterval"`
			} `json:"backoff"`
		} `json:"retries"`
		RetryCodes     []string          `json:"retryCodes"`
		TimeoutMs      int               `json:"timeoutMs"`
		TotalTimeoutMs int               `json:"totalTimeoutMs"`
		IdempotencyKey string            `json:"idempotencyKey"`
		Headers        map[string]string `json:"headers"`
	} `json:"options"`
	Expect struct {
		OK           bool              `json:"ok"`
		Error        string            `json:"error"`
		Status       int               `json:"status"`
		Fields       map[string]any    `json:"fields"`
		Value        any               `json:"value"`
		Attempts     int               `json:"attempts"`
		Count        *int              `json:"count"`
		Same         string            `json:"same"`
		Query        map[string]string `json:"query"`
		MinMs        int               `json:"minMs"`
		MaxMs        int               `json:"maxMs"`
		RetryAfterMs int               `json:"retryAfterMs"`
		Replay       bool              `json:"replay"`
		Header       map[string]string `json:"header"`
		StepUp       json.RawMessage   `json:"stepUp"`
		Challenges   []struct {
			Scheme string            `json:"scheme"`
			Params map[string]string `json:"params"`
		} `json:"challenges"`
		Requests []struct {
			Method  string            `json:"method"`
			Path    string            `json:"path"`
			Headers map[string]string `json:"headers"`
			Body    any               `json:"body"`
		} `json:"requests"`
	} `json:"expect"`
}

// given is a request in the wire's names.
type given struct {
	Organization       string                    `json:"organization"`
	ID                 string                    `json:"id"`
	Email              *string                   `json:"email"`
	Limit              *int64                    `json:"limit"`
	CreateOrganization shared.CreateOrganization `json:"create_organization"`
	UpdateOrganization shared.UpdateOrganization `json:"update_organization"`
	AuthTokenRequest   shared.AuthTokenRequest   `json:"auth_token_request"`
	RevokeTokenRequest shared.RevokeTokenRequest `json:"revoke_token_request"`
}

// perform calls an operation; the value is nil where there is none.
func perform(ctx context.Context, s *sdk.Keyhaven, operation string, g given) (any, operations.HTTP, error) {
	switch operation {
	case "list_signing_keys":
		return value(s.SigningKeys.ListSigningKeys(ctx))
	case "show_organization":
		return value(s.Organizations.ShowOrganization(ctx, operations.ShowOrganizationRequest{Organization: g.Organization}))
	case "update_organization":
		return value(s.Organizations.UpdateOrganization(ctx, operations.UpdateOrganizationRequest{Organization: g.Organization, UpdateOrganization: g.UpdateOrganization}))
	case "delete_organization":
		return value(s.Organizations.DeleteOrganization(ctx, operations.DeleteOrganizationRequest{Organization: g.Organization}))
	case "create_organization":
		return value(s.Organizations.CreateOrganization(ctx, g.CreateOrganization))
	case "list_users":
		return value(s.Users.ListUsers(ctx, operations.ListUsersRequest{Email: g.Email, Limit: g.Limit}))
	case "create_auth_token":
		return value(s.Authentication.CreateAuthToken(ctx, operations.CreateAuthTokenRequest{AuthTokenRequest: g.AuthTokenRequest}))
	case "revoke_auth_token":
		return value(s.Authentication.RevokeAuthToken(ctx, operations.RevokeAuthTokenRequest{RevokeTokenRequest: g.RevokeTokenRequest}))
	case "auth_logout":
		return value(s.Auth.Logout(ctx, operations.LogoutSecurity{Session: "kh_test"}))
	case "fetch_token_groups":
		security := operations.FetchTokenGroupsSecurity{OAuth2: "kh_test"}
		return value(s.Oauth.FetchTokenGroups(ctx, operations.FetchTokenGroupsRequest{ID: g.ID}, security))
	}
	panic("no runner for " + operation)
}

// value takes an answer apart: its exchange, and its one body.
func value[T any](response *T, err error) (any, operations.HTTP, error) {
	if err != nil {
		return nil, operations.HTTP{}, err
	}
	fields := reflect.ValueOf(response).Elem()
	var body any
	if fields.NumField() > 1 {
		body = fields.Field(1).Interface()
	}
	return body, fields.Field(0).Interface().(operations.HTTP), nil
}

func TestSharedCases(t *testing.T) {
	text, err := os.ReadFile("../wire/scenarios.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []scenario
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		t.Run(strings.ReplaceAll(s.Name, "/", "∕"), func(t *testing.T) {
			t.Parallel()
			s.run(t)
		})
	}
}

func (s scenario) options() []sdk.Option {
	var options []sdk.Option
	if retries := s.Options.Retries; retries != nil {
		options = append(options, sdk.WithRetries(sdk.Retries{
			None:            retries.Strategy == "none",
			InitialInterval: time.Duration(retries.Backoff.InitialInterval) * time.Millisecond,
			MaxInterval:     time.Duration(retries.Backoff.MaxInterval) * time.Millisecond,
			MaxRetries:      retries.MaxRetries,
		}))
	}
	if s.Options.RetryCodes != nil {
		options = append(options, sdk.WithRetryCodes(s.Options.RetryCodes...))
	}
	if ms := s.Options.TimeoutMs; ms > 0 {
		options = append(options, sdk.WithTimeout(time.Duration(ms)*time.Millisecond))
	}
	if ms := s.Options.TotalTimeoutMs; ms > 0 {
		options = append(options, sdk.WithTotalTimeout(time.Duration(ms)*time.Millisecond))
	}
	if key := s.Options.IdempotencyKey; key != "" {
		options = append(options, sdk.WithIdempotencyKey(key))
	}
	for name, text := range s.Options.Headers {
		options = append(options, sdk.WithHeader(name, text))
	}
	switch s.Security {
	case "bearer":
		options = append(options, sdk.WithSecurity(sdk.Bearer("kh_test")))
	case "client":
		options = append(options, sdk.WithSecurity(sdk.Basic{Username: "id:odd", Password: "a b%"}))
	}
	return options
}

func (s scenario) run(t *testing.T) {
	base, came := tell(t, s.Responses)
	var g given
	if err := json.Unmarshal(s.Request, &g); err != nil {
		t.Fatal(err)
	}
	// Connections of its own: a kept one that the fault server cuts is tried again by net/http itself.
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	options := append(s.options(), sdk.WithServerURL(base+s.Base), sdk.WithHTTPClient(&http.Client{Transport: transport}))
	client := sdk.New(options...)
	started := time.Now()
	body, exchange, err := perform(context.Background(), client, s.Operation, g)
	took := time.Since(started)
	requests := came()
	if (err == nil) != s.Expect.OK {
		t.Fatalf("err = %v", err)
	}
	attempts := exchange.Attempts
	if err != nil {
		attempts = s.refused(t, err)
	}
	if want := s.Expect.Attempts; want > 0 && (attempts != want || len(requests) != want) {
		t.Errorf("%d attempts, %d requests, want %d", attempts, len(requests), want)
	}
	if want := s.Expect.Count; want != nil && len(requests) != *want {
		t.Errorf("%d requests, want %d", len(requests), *want)
	}
	if s.Expect.Value != nil && !same(body, s.Expect.Value) {
		t.Errorf("value %v, want %v", body, s.Expect.Value)
	}
	if ms := int(took.Milliseconds()); ms < s.Expect.MinMs || (s.Expect.MaxMs > 0 && ms > s.Expect.MaxMs) {
		t.Errorf("%d ms", ms)
	}
	if s.Expect.Replay && !exchange.IdempotentReplay {
		t.Error("no replay")
	}
	for name, want := range s.Expect.Header {
		if got := exchange.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	s.sent(t, requests)
}

// same compares as JSON.
func same(one, other any) bool {
	text, _ := json.Marshal(one)
	var parsed any
	_ = json.Unmarshal(text, &parsed)
	return reflect.DeepEqual(parsed, other)
}

// refused checks an error; it gives its attempts.
func (s scenario) refused(t *testing.T, err error) int {
	t.Helper()
	kind := strings.TrimPrefix(reflect.TypeOf(err).String(), "*sdkerrors.")
	if kind != s.Expect.Error {
		t.Fatalf("%s, want %s: %v", kind, s.Expect.Error, err)
	}
	var answer sdkerrors.HTTPError
	if !errors.As(err, &answer) {
		local := reflect.ValueOf(err).Elem().Field(0).Interface().(*sdkerrors.Local)
		return local.Attempts
	}
	details := answer.Common()
	if want := s.Expect.Status; want > 0 && details.StatusCode != want {
		t.Errorf("status %d, want %d", details.StatusCode, want)
	}
	var told map[string]any
	_ = json.Unmarshal(details.Body, &told)
	for name, want := range s.Expect.Fields {
		if !reflect.DeepEqual(told[name], want) {
			t.Errorf("%s is %v, want %v", name, told[name], want)
		}
	}
	if want := s.Expect.RetryAfterMs; want > 0 && int(details.RetryAfter.Milliseconds()) != want {
		t.Errorf("retry after %v", details.RetryAfter)
	}
	for at, want := range s.Expect.Challenges {
		if got := details.Challenges()[at]; got.Scheme != want.Scheme || !reflect.DeepEqual(got.Params, want.Params) {
			t.Errorf("challenge %v, want %v", got, want)
		}
	}
	s.stepUp(t, details.StepUp())
	return details.Attempts
}

// stepUp compares what another sign-in must bring.
func (s scenario) stepUp(t *testing.T, got *sdkerrors.StepUp) {
	t.Helper()
	if s.Expect.StepUp == nil {
		return
	}
	var want *struct {
		Scope            string `json:"scope"`
		ACRValues        string `json:"acr_values"`
		MaxAge           *int   `json:"max_age"`
		ResourceMetadata string `json:"resource_metadata"`
	}
	if err := json.Unmarshal(s.Expect.StepUp, &want); err != nil {
		t.Fatal(err)
	}
	if (got == nil) != (want == nil) || (got != nil && !reflect.DeepEqual(*got, sdkerrors.StepUp(*want))) {
		t.Errorf("step up %+v, want %s", got, s.Expect.StepUp)
	}
}

func (s scenario) sent(t *testing.T, requests []arrived) {
	t.Helper()
	for at, want := range s.Expect.Requests {
		got := requests[at]
		if want.Method != "" && got.Method != want.Method {
			t.Errorf("method %s", got.Method)
		}
		if want.Path != "" && got.Path != want.Path {
			t.Errorf("path %s, want %s", got.Path, want.Path)
		}
		if want.Body != nil && !same(json.RawMessage(got.Body), want.Body) {
			t.Errorf("body %s, want %v", got.Body, want.Body)
		}
		for name, text := range want.Headers {
			if got.Headers[name] != text {
				t.Errorf("%s: %q, want %q", name, got.Headers[name], text)
			}
		}
	}
	if name := s.Expect.Same; name != "" {
		for _, request := range requests {
			if text := request.Headers[name]; text == "" || text != requests[0].Headers[name] {
				t.Errorf("%s: %q", name, text)
			}
		}
	}
	if s.Expect.Query != nil {
		_, text, _ := strings.Cut(requests[0].Path, "?")
		query, _ := url.ParseQuery(text)
		for name, want := range s.Expect.Query {
			if query.Get(name) != want {
				t.Errorf("%s = %q, want %q", name, query.Get(name), want)
			}
		}
	}
}
