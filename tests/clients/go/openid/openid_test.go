// Package openid has golang.org/x/oauth2 and coreos/go-oidc, unmodified, sign somebody in: discovery,
// code and PKCE, ID token, UserInfo, refresh, logout. The browser between is Chromium, on the stage
// of tests/browser.
package openid

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// A stage is a server, an app's registration, and somebody with a browser.
type stage struct {
	Issuer, Callback, Bye, Email, Name string
	ClientID                           string `json:"client_id"`
	ClientSecret                       string `json:"client_secret"`

	input  io.WriteCloser
	output *bufio.Reader
}

func newStage(t *testing.T) *stage {
	process := exec.Command("node", "../../../browser/stage.mjs")
	process.Stderr = os.Stderr
	input, err := process.StdinPipe()
	must(t, err)
	output, err := process.StdoutPipe()
	must(t, err)
	must(t, process.Start())
	s := &stage{input: input, output: bufio.NewReader(output)}
	t.Cleanup(func() {
		must(t, input.Close())
		must(t, process.Wait())
	})
	must(t, json.Unmarshal([]byte(s.read(t)), s))
	return s
}

func (s *stage) read(t *testing.T) string {
	line, err := s.output.ReadString('\n')
	must(t, err)
	return strings.TrimSpace(line)
}

// visit opens an address in the browser, and says where that led.
func (s *stage) visit(t *testing.T, address string) *url.URL {
	_, err := io.WriteString(s.input, address+"\n")
	must(t, err)
	landed, err := url.Parse(s.read(t))
	must(t, err)
	return landed
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// An app is a relying party as both packages' documentation has it.
type app struct {
	provider *oidc.Provider
	config   oauth2.Config
}

func (s *stage) app(t *testing.T) *app {
	provider, err := oidc.NewProvider(t.Context(), s.Issuer)
	must(t, err)
	return &app{provider, oauth2.Config{
		ClientID:     s.ClientID,
		ClientSecret: s.ClientSecret,
		Endpoint:     provider.Endpoint(),
		RedirectURL:  s.Callback,
		Scopes:       []string{oidc.ScopeOpenID, "profile", "email"},
	}}
}

// signIn sends the browser off and redeems what it comes back with.
func (a *app) signIn(t *testing.T, s *stage) (*oauth2.Token, *oidc.IDToken, string) {
	verifier := oauth2.GenerateVerifier()
	landed := s.visit(t, a.config.AuthCodeURL("state-1", oidc.Nonce("nonce-1"), oauth2.S256ChallengeOption(verifier)))
	answer := landed.Query()
	if answer.Get("state") != "state-1" || answer.Get("iss") != s.Issuer {
		t.Fatalf("landed at %s", landed)
	}
	token, err := a.config.Exchange(t.Context(), answer.Get("code"), oauth2.VerifierOption(verifier))
	must(t, err)
	raw, _ := token.Extra("id_token").(string)
	id, err := a.provider.Verifier(&oidc.Config{ClientID: s.ClientID}).Verify(t.Context(), raw)
	must(t, err)
	if id.Nonce != "nonce-1" {
		t.Errorf("nonce %q", id.Nonce)
	}
	return token, id, raw
}

func (a *app) isTheVisitor(t *testing.T, s *stage, source oauth2.TokenSource, subject string) {
	t.Helper()
	told, err := a.provider.UserInfo(t.Context(), source)
	must(t, err)
	var claims struct{ Name string }
	must(t, told.Claims(&claims))
	if told.Subject != subject || told.Email != s.Email || claims.Name != s.Name {
		t.Errorf("somebody else: %+v %+v", told, claims)
	}
}

// refreshed lets the access token end, so that the source asks for the next.
func (a *app) refreshed(ctx context.Context, token *oauth2.Token) (*oauth2.Token, error) {
	ended := *token
	ended.Expiry = time.Now().Add(-time.Minute)
	return a.config.TokenSource(ctx, &ended).Token()
}

func TestSignsInRefreshesAndSignsOut(t *testing.T) {
	s := newStage(t)
	a := s.app(t)
	token, id, hint := a.signIn(t, s)
	a.isTheVisitor(t, s, oauth2.StaticTokenSource(token), id.Subject)

	fresh, err := a.refreshed(t.Context(), token)
	must(t, err)
	if fresh.AccessToken == token.AccessToken {
		t.Error("the access token is the old one")
	}
	a.isTheVisitor(t, s, oauth2.StaticTokenSource(fresh), id.Subject)

	var known struct {
		Leave string `json:"end_session_endpoint"`
	}
	must(t, a.provider.Claims(&known))
	leave := url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {s.Bye}, "state": {"7"}}
	if left := s.visit(t, known.Leave+"?"+leave.Encode()); left.String() != s.Bye+"?state=7" {
		t.Errorf("left to %s", left)
	}
	_, err = a.refreshed(t.Context(), fresh)
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
		t.Errorf("a refresh after the logout: %v", err)
	}
}

func TestACodeNeedsItsVerifier(t *testing.T) {
	s := newStage(t)
	a := s.app(t)
	// Left to find out, the package tries a refused request again with the secret in the body.
	a.config.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	landed := s.visit(t, a.config.AuthCodeURL("state-1", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())))
	other := oauth2.VerifierOption(oauth2.GenerateVerifier())
	_, err := a.config.Exchange(t.Context(), landed.Query().Get("code"), other)
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
		t.Errorf("another verifier: %v", err)
	}
}
