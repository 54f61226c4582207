package keyhaven_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	sdk "github.com/keyhaven/keyhaven/sdks/go"
	"github.com/keyhaven/keyhaven/sdks/go/operations"
	"github.com/keyhaven/keyhaven/sdks/go/sdkerrors"
	"github.com/keyhaven/keyhaven/sdks/go/shared"
	"github.com/keyhaven/keyhaven/sdks/go/verify"
)

var greeting = regexp.MustCompile(`http://localhost:(\d+)`)

type account struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

// live is a fresh server with these settings, and a way to make clients.
func live(t *testing.T, settings ...string) (port string, create func(words ...string) account) {
	t.Helper()
	program := os.Getenv("KEYHAVEN_BIN")
	if program == "" {
		t.Fatal("KEYHAVEN_BIN names no program: run `cargo xtask test`")
	}
	data := filepath.Join(t.TempDir(), "data")
	server := exec.Command(program, "--data", data, "serve", "--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0")
	server.Env = append(ours(), settings...)
	output, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		_ = server.Wait()
	})
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if found := greeting.FindStringSubmatch(lines.Text()); found != nil && port == "" {
			port = found[1]
		}
		if port != "" && strings.Contains(lines.Text(), "curl -u kh_client_") {
			break
		}
	}
	go func() {
		for lines.Scan() {
		}
	}()
	return port, func(words ...string) account {
		t.Helper()
		words = append([]string{"--data", data, "client", "create", "--json", "--name", "Go"}, words...)
		command := exec.Command(program, words...)
		command.Env = ours()
		text, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		var made account
		if err := json.Unmarshal(text, &made); err != nil {
			t.Fatal(err)
		}
		return made
	}
}

// ours is the environment without what would be settings to the server.
func ours() []string {
	var kept []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "KEYHAVEN_") {
			kept = append(kept, pair)
		}
	}
	return kept
}

func TestLive(t *testing.T) {
	port, create := live(t)
	url := "http://127.0.0.1:" + port
	plain := create("--org", "default", "--grant", "client_credentials", "--grant", "refresh_token", "--scope", "/ping.read")
	admin := create("--scope", "keyhaven:admin")
	ctx := context.Background()

	t.Run("CreateToken, FetchTokenGroups, FetchTokenOrganization", func(t *testing.T) {
		s := sdk.New(sdk.WithServerURL(url))
		secret := shared.Secret(plain.Secret)
		request := operations.CreateTokenRequest{CreateTokenRequest: shared.CreateTokenRequest{
			Data: shared.CreateTokenRequestData{Attributes: shared.CreateTokenRequestAttributes{
				ClientID: plain.ID, ClientSecret: &secret, GrantType: shared.TokenGrantTypeClientCredentials,
			}},
		}}
		made, err := s.Oauth.CreateToken(ctx, request, operations.CreateTokenSecurity{OAuth2: "unused"})
		if err != nil {
			t.Fatal(err)
		}
		data := made.CreateTokenResponse.Data
		bearer := data.Attributes.AccessToken
		groups, err := s.Oauth.FetchTokenGroups(ctx, operations.FetchTokenGroupsRequest{ID: data.ID},
			operations.FetchTokenGroupsSecurity{OAuth2: "Bearer " + bearer})
		if err != nil || groups.HTTP.StatusCode != 200 {
			t.Fatal(err)
		}
		organization, err := s.Oauth.FetchTokenOrganization(ctx, operations.FetchTokenOrganizationRequest{ID: data.ID},
			sdk.WithSecurity(sdk.Bearer(bearer)))
		if err != nil || organization.FetchOrganizationResponse.Data.Type != "organization" {
			t.Fatal(err)
		}
		request.CreateTokenRequest.Data.Attributes.ClientSecret = shared.Pointer(shared.Secret("kh_secret_wrong"))
		_, err = s.Oauth.CreateToken(ctx, request, operations.CreateTokenSecurity{})
		var refused *sdkerrors.CreateOrUpdateErrorResponse
		if !errors.As(err, &refused) || refused.Data.Errors[0].Code != "InvalidCredentials" {
			t.Fatal(err)
		}
	})
	t.Run("a token of the JSON family passes verify", func(t *testing.T) {
		s := sdk.New(sdk.WithServerURL(url), sdk.WithSecurity(sdk.Basic{Username: plain.ID, Password: shared.Secret(plain.Secret)}))
		ask := shared.AuthTokenRequest{GrantType: "client_credentials", Scope: shared.String("/ping.read")}
		made, err := s.Authentication.CreateAuthToken(ctx, operations.CreateAuthTokenRequest{AuthTokenRequest: ask})
		if err != nil {
			t.Fatal(err)
		}
		issuer := "http://localhost:" + port
		v := &verify.Verifier{Issuer: issuer, Audience: issuer, Scopes: []string{"/ping.read"}}
		claims, err := v.Check(ctx, made.AuthToken.AccessToken.Reveal())
		if err != nil || claims.ClientID != plain.ID {
			t.Fatal(err)
		}
	})
	t.Run("native operations", func(t *testing.T) {
		s := sdk.New(sdk.WithServerURL(url), sdk.WithSecurity(sdk.ClientCredentials{
			ServerURL: url, ClientID: admin.ID, ClientSecret: shared.Secret(admin.Secret), Scopes: []string{"keyhaven:admin"},
		}))
		request := shared.CreateOrganization{Name: "Acme", Slug: "acme"}
		once := sdk.WithIdempotencyKey("go-live")
		first, err := s.Organizations.CreateOrganization(ctx, request, once)
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.Organizations.CreateOrganization(ctx, request, once)
		if err != nil || again.Organization.ID != first.Organization.ID || !again.HTTP.IdempotentReplay {
			t.Fatal(err)
		}
		_, err = s.Organizations.ShowOrganization(ctx, operations.ShowOrganizationRequest{Organization: "nowhere"})
		var missing *sdkerrors.NotFound
		if !errors.As(err, &missing) || missing.Code == "" {
			t.Fatal(err)
		}
	})
}
