package keyhaven_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	sdk "github.com/keyhaven/keyhaven/sdks/go"
	"github.com/keyhaven/keyhaven/sdks/go/sdkerrors"
)

type onceCase struct {
	Name      string   `json:"name"`
	Server    string   `json:"server"`
	Responses []answer `json:"responses"`
	Calls     int      `json:"calls"`
	Expect    struct {
		Token string `json:"token"`
		Error string `json:"error"`
		Count int    `json:"count"`
		Keyed bool   `json:"keyed"`
	} `json:"expect"`
}

// describe lets the server of a case say of itself what the case says it does.
func describe(t *testing.T, url, kind string) {
	t.Helper()
	if kind == "undescribed" {
		return
	}
	told := answer{"issuer": url, "token_endpoint": url + "/oauth2/token"}
	if kind != "foreign" {
		told["keyhaven_idempotent_tokens"] = true
	}
	if kind == "impostor" {
		told["issuer"] = "https://elsewhere.example"
	}
	text, err := json.Marshal([]answer{{"status": 200, "body": told}})
	if err != nil {
		t.Fatal(err)
	}
	control := strings.Replace(url, "/s/", "/control/", 1) + ".metadata"
	request, _ := http.NewRequest(http.MethodPut, control, strings.NewReader(string(text)))
	put, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = put.Body.Close()
}

func keysOf(came []arrived) (keys []string) {
	for _, request := range came {
		keys = append(keys, request.Headers["idempotency-key"])
	}
	return keys
}

func TestGrantsThatWorkOnce(t *testing.T) {
	text, err := os.ReadFile("../wire/tokens.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []onceCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	grants := map[string]func(sdk.ClientCredentials) sdk.TokenSource{
		"refresh": func(c sdk.ClientCredentials) sdk.TokenSource { return sdk.NewRefreshSource(c, "r1") },
		"assertion": func(c sdk.ClientCredentials) sdk.TokenSource {
			return sdk.NewAssertionSource(c, sdk.Always("a"))
		},
	}
	for grant, source := range grants {
		for _, one := range cases {
			t.Run(grant+"/"+one.Name, func(t *testing.T) {
				t.Parallel()
				url, came := tell(t, one.Responses)
				describe(t, url, one.Server)
				client := sdk.ClientCredentials{ServerURL: url, ClientID: "c"}
				var token *sdk.Token
				var err error
				for call := range max(1, one.Calls) {
					if call > 0 {
						time.Sleep(1100 * time.Millisecond)
					}
					token, err = source(client).Token(context.Background())
				}
				if one.Expect.Token != "" && (err != nil || token.AccessToken.Reveal() != one.Expect.Token) {
					t.Errorf("the token is %v, %v", token, err)
				}
				checkError(t, one.Expect.Error, err)
				keys := keysOf(came())
				if len(keys) != one.Expect.Count {
					t.Fatalf("%d requests came", len(keys))
				}
				for _, key := range keys {
					if key != keys[0] || (key != "") != one.Expect.Keyed {
						t.Errorf("the keys are %q", keys)
					}
				}
			})
		}
	}
}

func checkError(t *testing.T, class string, err error) {
	t.Helper()
	var refused *sdkerrors.OAuthError
	var unreached *sdkerrors.ConnectionError
	is := map[string]bool{
		"": err == nil, "any": err != nil,
		"OAuthError": errors.As(err, &refused), "ConnectionError": errors.As(err, &unreached),
	}
	if !is[class] {
		t.Errorf("the error is %v and not %q", err, class)
	}
}

func TestEachPollIsARequestOfItsOwn(t *testing.T) {
	begun := answer{"device_code": "d", "user_code": "A", "verification_uri": "https://x.example", "expires_in": 60, "interval": 0.01}
	pending := answer{"status": 400, "body": answer{"error": "authorization_pending"}}
	url, came := tell(t, []answer{{"status": 200, "body": begun}, pending, {"resetAfter": "request"}, token("t")})
	describe(t, url, "ours")
	client := sdk.ClientCredentials{ServerURL: url, ClientID: "c"}
	device := sdk.Device{Prompt: func(sdk.DevicePrompt) error { return nil }}
	got, err := sdk.DeviceCode(context.Background(), client, device)
	if err != nil || got.AccessToken != "t" {
		t.Fatal(got, err)
	}
	keys := keysOf(came())
	if len(keys) != 4 || keys[0] != "" || keys[1] == keys[2] || keys[2] != keys[3] {
		t.Errorf("the keys are %q", keys)
	}
}

func TestKeysGrowWithTime(t *testing.T) {
	url, came := tell(t, []answer{token("t")})
	ours := true
	began := time.Now().UnixMilli()
	client := sdk.ClientCredentials{ServerURL: url, ClientID: "c", Ours: &ours}
	if _, err := sdk.NewRefreshSource(client, "r1").Token(context.Background()); err != nil {
		t.Fatal(err)
	}
	key := keysOf(came())[0]
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(key) {
		t.Fatalf("%q is no UUID of version 7", key)
	}
	var at int64
	if _, err := fmt.Sscanf(key[:8]+key[9:13], "%x", &at); err != nil || at < began || at > time.Now().UnixMilli() {
		t.Errorf("%q was not made now", key)
	}
}
