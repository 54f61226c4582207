package keyhaven_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	url_ "net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/keyhaven/keyhaven/sdks/go"
	"github.com/keyhaven/keyhaven/sdks/go/operations"
	"github.com/keyhaven/keyhaven/sdks/go/sdkerrors"
	"github.com/keyhaven/keyhaven/sdks/go/shared"
)

type answer map[string]any

func token(name string) answer {
	return answer{"status": 200, "body": answer{"access_token": name, "expires_in": 600}}
}

// endpoint is a token endpoint with these answers, and a source there.
func endpoint(t *testing.T, answers ...answer) (sdk.TokenSource, func() []arrived) {
	t.Helper()
	url, came := tell(t, answers)
	return sdk.NewTokenSource(sdk.ClientCredentials{ServerURL: url, ClientID: "id", ClientSecret: "secret"}), came
}

// api takes only one bearer.
func api(t *testing.T, good string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+good {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(401)
			fmt.Fprint(w, `{"title":"no","detail":"dead","status":401}`)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"items":[]}`)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func atOnce(t *testing.T, count int, call func() error) {
	t.Helper()
	var all sync.WaitGroup
	failures := make(chan error, count)
	for range count {
		all.Add(1)
		go func() {
			defer all.Done()
			if err := call(); err != nil {
				failures <- err
			}
		}()
	}
	all.Wait()
	close(failures)
	for err := range failures {
		t.Fatal(err)
	}
}

func TestCallsAtOnceAreOneTokenRequest(t *testing.T) {
	for _, count := range []int{20, 1000} {
		slow := token("t1")
		slow["delayMs"] = 50
		source, came := endpoint(t, slow)
		atOnce(t, count, func() error {
			_, err := source.Token(context.Background())
			return err
		})
		if got := len(came()); got != 1 {
			t.Errorf("%d calls: %d token requests", count, got)
		}
	}
}

func TestSourcesOfOneKeyShareOneRequest(t *testing.T) {
	slow := token("t1")
	slow["delayMs"] = 1500
	url, came := tell(t, []answer{slow})
	client := sdk.ClientCredentials{ServerURL: url, ClientID: "id", ClientSecret: "secret", Scopes: []string{"a", "b"}}
	turned := client
	turned.Scopes = []string{"b", "a"}
	var sources []sdk.TokenSource
	for _, one := range []sdk.ClientCredentials{client, turned, client, turned} {
		sources = append(sources, sdk.NewTokenSource(one))
	}
	var calls atomic.Int64
	atOnce(t, 1000, func() error {
		got, err := sources[calls.Add(1)%4].Token(context.Background())
		if err == nil && got.AccessToken != "t1" {
			err = fmt.Errorf("%q is another token", got.AccessToken.Reveal())
		}
		return err
	})
	if got := len(came()); got != 1 {
		t.Errorf("%d token requests", got)
	}
}

func TestSourcesOfOtherKeysShareNothing(t *testing.T) {
	slow := token("t1")
	slow["delayMs"] = 300
	url, came := tell(t, []answer{slow})
	client := sdk.ClientCredentials{ServerURL: url, ClientID: "id", ClientSecret: "secret"}
	others := []sdk.TokenSource{sdk.NewTokenSource(client)}
	for _, edit := range []func(*sdk.ClientCredentials){
		func(c *sdk.ClientCredentials) { c.ClientSecret = "wrong" },
		func(c *sdk.ClientCredentials) { c.ClientID = "other" },
		func(c *sdk.ClientCredentials) { c.Resource = "https://api.example" },
		func(c *sdk.ClientCredentials) { c.Scopes = []string{"a"} },
		func(c *sdk.ClientCredentials) { c.Client = &http.Client{} },
	} {
		other := client
		edit(&other)
		others = append(others, sdk.NewTokenSource(other))
	}
	subject := func(name sdk.Secret) sdk.TokenSource {
		return sdk.NewExchangeSource(client, sdk.Exchange{Subject: sdk.Always(name)})
	}
	others = append(others, subject("ada"), subject("bob"), sdk.NewAssertionSource(client, sdk.Always("a")))
	var calls atomic.Int64
	atOnce(t, len(others), func() error {
		_, err := others[calls.Add(1)-1].Token(context.Background())
		return err
	})
	if got := len(came()); got != len(others) {
		t.Errorf("%d token requests of %d sources", got, len(others))
	}
}

func TestAStaleTokenUnderManyCallsIsOneRenewal(t *testing.T) {
	source, came := endpoint(t, token("old"), token("new"))
	client := sdk.New(sdk.WithServerURL(api(t, "new")), sdk.WithSecurity(sdk.Source{TokenSource: source}))
	if _, err := source.Token(context.Background()); err != nil {
		t.Fatal(err)
	}
	atOnce(t, 20, func() error {
		_, err := client.SigningKeys.ListSigningKeys(context.Background())
		return err
	})
	if got := len(came()); got != 2 {
		t.Errorf("%d token requests", got)
	}
}

func TestA401IsRenewedOnce(t *testing.T) {
	source, came := endpoint(t, token("a"), token("b"), token("c"))
	client := sdk.New(sdk.WithServerURL(api(t, "none of them")), sdk.WithSecurity(sdk.Source{TokenSource: source}))
	_, err := client.SigningKeys.ListSigningKeys(context.Background())
	var refused *sdkerrors.Unauthorized
	if !errors.As(err, &refused) || len(came()) != 2 {
		t.Fatalf("%v after %d token requests", err, len(came()))
	}
}

func TestALate401LeavesTheNewToken(t *testing.T) {
	source, came := endpoint(t, token("old"), token("new"))
	old, _ := source.Token(context.Background())
	source.Invalidate(old)
	_, _ = source.Token(context.Background())
	source.Invalidate(old)
	if got, _ := source.Token(context.Background()); got.AccessToken.Reveal() != "new" || len(came()) != 2 {
		t.Errorf("%q after %d", got.AccessToken.Reveal(), len(came()))
	}
}

func TestInvalidGrantAsksForANewSignIn(t *testing.T) {
	url, _ := tell(t, []answer{{"status": 400, "body": answer{"error": "invalid_grant"}}})
	source := sdk.NewRefreshSource(sdk.ClientCredentials{ServerURL: url, ClientID: "id"}, "r1")
	_, err := source.Token(context.Background())
	var ended *sdkerrors.ReauthenticationRequired
	if !errors.As(err, &ended) {
		t.Fatalf("%v", err)
	}
	var refused *sdkerrors.OAuthError
	if !errors.As(err, &refused) || refused.Code != "invalid_grant" {
		t.Fatalf("%v", err)
	}
}

func TestACancelEndsTheCallWithin50ms(t *testing.T) {
	ok := answer{"status": 200, "body": answer{"items": []any{}}}
	flight := answer{"status": 200, "body": answer{"items": []any{}}, "delayMs": 20000}
	body := answer{"status": 200, "body": answer{"items": []any{}}, "after": 20000}
	backoff := answer{"status": 503, "headers": answer{"retry-after": "30"}}
	slow := token("t")
	slow["delayMs"] = 20000
	waiting, _ := endpoint(t, slow)
	for name, c := range map[string]struct {
		answer   answer
		security sdk.Security
	}{
		"in flight": {flight, sdk.Bearer("x")}, "in the body": {body, sdk.Bearer("x")},
		"in backoff": {backoff, sdk.Bearer("x")}, "in token wait": {ok, sdk.Source{TokenSource: waiting}},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := tell(t, []answer{c.answer})
			client := sdk.New(sdk.WithServerURL(url), sdk.WithSecurity(c.security))
			// The best of five, because the machine may be busy.
			best := time.Hour
			for range 5 {
				ctx, cancel := context.WithCancel(context.Background())
				at := make(chan time.Time, 1)
				time.AfterFunc(120*time.Millisecond, func() { at <- time.Now(); cancel() })
				_, err := client.SigningKeys.ListSigningKeys(ctx)
				var aborted *sdkerrors.RequestAbortedError
				if !errors.As(err, &aborted) || !errors.Is(err, context.Canceled) {
					t.Fatalf("%v", err)
				}
				best = min(best, time.Since(<-at))
			}
			if best > 50*time.Millisecond {
				t.Errorf("%v", best)
			}
		})
	}
}

func TestNoSecretIsPrinted(t *testing.T) {
	url, _ := tell(t, []answer{{"status": 200, "body": answer{
		"token_type": "opaque", "access_token": "GOT", "refresh_token": "GOT", "expires_in": 1, "scope": "",
	}}})
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	basic := sdk.Basic{Username: "id", Password: "SENT"}
	client := sdk.New(sdk.WithServerURL(url), sdk.WithSecurity(basic), sdk.WithLogger(logger))
	secret := shared.Secret("SENT")
	request := operations.CreateAuthTokenRequest{AuthTokenRequest: shared.AuthTokenRequest{
		GrantType: shared.TokenGrantTypeClientCredentials, ClientSecret: &secret,
	}}
	response, err := client.Authentication.CreateAuthToken(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	if response.AuthToken.AccessToken.Reveal() != "GOT" {
		t.Error("the token is lost")
	}
	logger.Info("all of it", "basic", basic, "token", response.AuthToken.AccessToken)
	log.WriteString(fmt.Sprintf("%v %+v %#v %s %q", *response.AuthToken, *response.AuthToken, *response.AuthToken, secret, secret))
	if text := log.String(); strings.Contains(text, "GOT") || strings.Contains(text, "SENT") {
		t.Error(text)
	}
}

func TestPagesAreOneSequence(t *testing.T) {
	url, came := tell(t, []answer{
		{"status": 200, "body": answer{"items": []answer{{"slug": "a"}, {"slug": "b"}}, "next": "c2"}},
		{"status": 200, "body": answer{"items": []answer{{"slug": "c"}}}},
	})
	client := sdk.New(sdk.WithServerURL(url), sdk.WithSecurity(sdk.Bearer("x")))
	var slugs []string
	for organization, err := range client.Organizations.ListOrganizationsItems(context.Background(), operations.ListOrganizationsRequest{}) {
		if err != nil {
			t.Fatal(err)
		}
		slugs = append(slugs, organization.Slug)
	}
	if strings.Join(slugs, "") != "abc" || !strings.Contains(came()[1].Path, "cursor=c2") {
		t.Errorf("%v", slugs)
	}
}

func TestTransportRenewsOnce(t *testing.T) {
	source, came := endpoint(t, token("old"), token("new"))
	client := &http.Client{Transport: sdk.Transport(source, nil)}
	response, err := client.Post(api(t, "new"), "text/plain", strings.NewReader("body"))
	if err != nil || response.StatusCode != 200 {
		t.Fatalf("%v %v", response, err)
	}
	_ = response.Body.Close()
	if len(came()) != 2 {
		t.Errorf("%d token requests", len(came()))
	}
}

func TestAHookThatFailsFailsTheCall(t *testing.T) {
	boom := errors.New("boom")
	hooks := sdk.Hooks{BeforeRequest: func(context.Context, sdk.HookContext, *http.Request) error { return boom }}
	client := sdk.New(sdk.WithServerURL(faults), sdk.WithSecurity(sdk.Bearer("x")), sdk.WithHooks(hooks))
	_, err := client.SigningKeys.ListSigningKeys(context.Background())
	var unexpected *sdkerrors.UnexpectedClientError
	if !errors.As(err, &unexpected) || !errors.Is(err, boom) {
		t.Fatalf("%v", err)
	}
}

func TestAnExchangeNamesSubjectActorAndAudience(t *testing.T) {
	url, came := tell(t, []answer{token("t")})
	client := sdk.ClientCredentials{ServerURL: url, ClientID: "id", Scopes: []string{"a", "b"}}
	source := sdk.NewExchangeSource(client, sdk.Exchange{
		Subject: sdk.Always("subject"), Actor: sdk.Always("actor"), Audience: "api",
	})
	if got, err := source.Token(context.Background()); err != nil || got.AccessToken != "t" {
		t.Fatalf("%v %v", got, err)
	}
	form, _ := url_.ParseQuery(came()[0].Body)
	kind := "urn:ietf:params:oauth:token-type:access_token"
	for name, want := range map[string]string{
		"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "client_id": "id",
		"subject_token": "subject", "subject_token_type": kind, "actor_token": "actor",
		"actor_token_type": kind, "audience": "api", "scope": "a b",
	} {
		if form.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, form.Get(name), want)
		}
	}
}

func TestAnAssertionIsAskedForAnewForEveryToken(t *testing.T) {
	url, came := tell(t, []answer{token("t1"), token("t2")})
	asked := 0
	source := sdk.NewAssertionSource(sdk.ClientCredentials{ServerURL: url, ClientID: "id"}, func(context.Context) (sdk.Secret, error) {
		asked++
		return sdk.Secret(fmt.Sprintf("a%d", asked)), nil
	})
	first, err := source.Token(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	source.Invalidate(first)
	if _, err := source.Token(context.Background()); err != nil {
		t.Fatal(err)
	}
	for at, request := range came() {
		form, _ := url_.ParseQuery(request.Body)
		if want := fmt.Sprintf("a%d", at+1); form.Get("assertion") != want {
			t.Errorf("assertion %q, want %q", form.Get("assertion"), want)
		}
	}
}

func TestNullRemovesAMemberOfAChange(t *testing.T) {
	text, err := json.Marshal(shared.UpdateGroup{NullFields: []string{"bio"}})
	if err != nil || string(text) != `{"bio":null}` {
		t.Errorf("%s %v", text, err)
	}
	text, err = json.Marshal(shared.UpdateGroup{Name: shared.String("North")})
	if err != nil || string(text) != `{"name":"North"}` {
		t.Errorf("%s %v", text, err)
	}
}
