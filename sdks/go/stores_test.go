package keyhaven_test

import (
	"context"
	"errors"
	url_ "net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/keyhaven/keyhaven/sdks/go"
	"github.com/keyhaven/keyhaven/sdks/go/sdkerrors"
)

func rotated(name, refresh string) answer {
	return answer{"status": 200, "body": answer{"access_token": name, "refresh_token": refresh, "expires_in": 600}}
}

func TestAnotherProgramTakesTheTokenThatWasKept(t *testing.T) {
	slow := token("t")
	slow["delayMs"] = 50
	url, came := tell(t, []answer{slow})
	folder := t.TempDir()
	path := filepath.Join(folder, "tokens.json")
	var all sync.WaitGroup
	for range 5 {
		all.Add(1)
		go func() {
			defer all.Done()
			client := sdk.ClientCredentials{ServerURL: url, ClientID: "id", ClientSecret: "s", Store: sdk.FileStore(path)}
			got, err := sdk.NewTokenSource(client).Token(context.Background())
			if err != nil || got.AccessToken != "t" || time.Until(got.ExpiresAt) < 9*time.Minute {
				t.Errorf("%v %v", got, err)
			}
		}()
	}
	all.Wait()
	if len(came()) != 1 {
		t.Errorf("%d token requests", len(came()))
	}
	if told, err := os.Stat(path); err != nil || told.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", told, err)
	}
	if left, _ := os.ReadDir(folder); len(left) != 1 {
		t.Errorf("%v is left", left)
	}
}

func TestTwoClientsOfOneStoreDoNotGetEachOthersTokens(t *testing.T) {
	url, _ := tell(t, []answer{token("t1"), token("t2")})
	store := sdk.MemoryStore()
	for _, id := range []string{"one", "two"} {
		client := sdk.ClientCredentials{ServerURL: url, ClientID: id, ClientSecret: "s", Store: store}
		got, err := sdk.NewTokenSource(client).Token(context.Background())
		again, _ := sdk.NewTokenSource(client).Token(context.Background())
		if err != nil || got.AccessToken != again.AccessToken {
			t.Errorf("%v %v %v", got, again, err)
		}
		if other, _ := sdk.NewTokenSource(sdk.ClientCredentials{
			ServerURL: url, ClientID: id, ClientSecret: "s", Resource: "https://x.example", Store: store,
		}).Token(context.Background()); other == nil {
			t.Error("no token for another resource")
		}
	}
}

func TestTheRefreshTokenThatAnotherProgramWasGivenIsTheNextOneSent(t *testing.T) {
	ctx := context.Background()
	url, came := tell(t, []answer{rotated("t1", "r2"), rotated("t2", "r3"), {"status": 400, "body": answer{"error": "invalid_grant"}}})
	store := sdk.MemoryStore()
	client := sdk.ClientCredentials{ServerURL: url, ClientID: "id", Store: store, StoreKey: "mine"}
	source := sdk.NewRefreshSource(client, "r1")
	first, err := source.Token(ctx)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := &sdk.Token{AccessToken: "elsewhere", RefreshToken: "r2b", ExpiresAt: time.Now().Add(-time.Second)}
	if err := store.Set(ctx, "mine", elsewhere); err != nil {
		t.Fatal(err)
	}
	source.Invalidate(first)
	second, err := source.Token(ctx)
	if err != nil || second.AccessToken != "t2" {
		t.Fatalf("%v %v", second, err)
	}
	source.Invalidate(second)
	_, err = source.Token(ctx)
	var ended *sdkerrors.ReauthenticationRequired
	if !errors.As(err, &ended) {
		t.Fatal(err)
	}
	if left, _ := store.Get(ctx, "mine"); left != nil {
		t.Errorf("%v is left", left)
	}
	var sent []string
	for _, request := range came() {
		form, _ := url_.ParseQuery(request.Body)
		sent = append(sent, form.Get("refresh_token"))
	}
	if strings.Join(sent, " ") != "r1 r2b r3" {
		t.Errorf("%v", sent)
	}
}

func TestAStoreOfPeoplesTokensNeedsAName(t *testing.T) {
	url, came := tell(t, []answer{token("t")})
	client := sdk.ClientCredentials{ServerURL: url, ClientID: "id", Store: sdk.MemoryStore()}
	source := sdk.NewExchangeSource(client, sdk.Exchange{Subject: sdk.Always("s")})
	if _, err := source.Token(context.Background()); err == nil || len(came()) != 0 {
		t.Errorf("%v after %d", err, len(came()))
	}
}

func TestADeviceWaitsUntilThePersonHasAnswered(t *testing.T) {
	begun := answer{"status": 200, "body": answer{
		"device_code": "d", "user_code": "ABCD", "verification_uri": "https://x.example/device", "expires_in": 60, "interval": 0.01,
	}}
	pending := answer{"status": 400, "body": answer{"error": "authorization_pending"}}
	url, came := tell(t, []answer{begun, pending, pending, token("t")})
	client := sdk.ClientCredentials{ServerURL: url, ClientID: "id", Scopes: []string{"a"}}
	var shown sdk.DevicePrompt
	device := sdk.Device{Prompt: func(prompt sdk.DevicePrompt) error { shown = prompt; return nil }}
	got, err := sdk.DeviceCode(context.Background(), client, device)
	if err != nil || got.AccessToken != "t" || shown.UserCode != "ABCD" {
		t.Fatalf("%v %v %v", got, shown, err)
	}
	requests := came()
	form, _ := url_.ParseQuery(requests[len(requests)-1].Body)
	if len(requests) != 4 || form.Get("device_code") != "d" || form.Get("client_id") != "id" {
		t.Errorf("%d %v", len(requests), form)
	}
	url, _ = tell(t, []answer{begun, {"status": 400, "body": answer{"error": "access_denied"}}})
	_, err = sdk.DeviceCode(context.Background(), sdk.ClientCredentials{ServerURL: url, ClientID: "id"}, device)
	var refused *sdkerrors.OAuthError
	if !errors.As(err, &refused) || refused.Code != "access_denied" {
		t.Errorf("%v", err)
	}
	url, _ = tell(t, []answer{begun, pending})
	ctx, cancel := context.WithCancel(context.Background())
	device.Prompt = func(sdk.DevicePrompt) error { cancel(); return nil }
	_, err = sdk.DeviceCode(ctx, sdk.ClientCredentials{ServerURL: url, ClientID: "id"}, device)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
