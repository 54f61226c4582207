package keyhaven_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	url_ "net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	sdk "github.com/keyhaven/keyhaven/sdks/go"
	"github.com/keyhaven/keyhaven/sdks/go/verify"
)

func p256(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// opened is the header and the claims of a JWT that this key signed.
func opened(t *testing.T, token string, key crypto.PublicKey) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", token)
	}
	raw := make([][]byte, 3)
	for at, part := range parts {
		raw[at], _ = base64.RawURLEncoding.DecodeString(part)
	}
	_ = json.Unmarshal(raw[0], &header)
	_ = json.Unmarshal(raw[1], &claims)
	input, signature := []byte(parts[0]+"."+parts[1]), raw[2]
	digest := sha256.Sum256(input)
	holds := false
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		holds = len(signature) == 64 && ecdsa.Verify(key, digest[:], r, s)
	case ed25519.PublicKey:
		holds = ed25519.Verify(key, input, signature)
	case *rsa.PublicKey:
		if header["alg"] == "RS256" {
			holds = rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
		} else {
			holds = rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, nil) == nil
		}
	}
	if !holds {
		t.Fatalf("%v: the signature does not hold", header)
	}
	return header, claims
}

func TestAClientProvesItselfWithItsKey(t *testing.T) {
	_, edwards, _ := ed25519.GenerateKey(rand.Reader)
	ours, _ := rsa.GenerateKey(rand.Reader, 2048)
	for algorithm, key := range map[string]crypto.Signer{"ES256": p256(t), "EdDSA": edwards, "PS256": ours, "RS256": ours} {
		url, came := tell(t, []answer{token("t1"), token("t2")})
		proof := sdk.PrivateKeyJWT{ClientID: "id", Key: key, KeyID: "k1", Algorithm: algorithm}
		source := sdk.NewTokenSource(sdk.ClientCredentials{ServerURL: url, ClientID: "id", Authentication: proof})
		first, err := source.Token(context.Background())
		if err != nil {
			t.Fatal(algorithm, err)
		}
		source.Invalidate(first)
		if _, err := source.Token(context.Background()); err != nil {
			t.Fatal(algorithm, err)
		}
		var ids []any
		for _, request := range came() {
			form, _ := url_.ParseQuery(request.Body)
			header, claims := opened(t, form.Get("client_assertion"), key.Public())
			if header["alg"] != algorithm || header["kid"] != "k1" || form.Get("client_id") != "id" {
				t.Errorf("%v %v", header, form)
			}
			if claims["iss"] != "id" || claims["sub"] != "id" || claims["aud"] != url {
				t.Errorf("%v", claims)
			}
			if claims["exp"].(float64)-claims["iat"].(float64) > 60 || request.Headers["authorization"] != "" {
				t.Errorf("%v %v", claims, request.Headers)
			}
			ids = append(ids, claims["jti"])
		}
		if len(ids) != 2 || ids[0] == ids[1] {
			t.Errorf("%v", ids)
		}
	}
}

func TestAKeyThatDoesNotFitItsAlgorithmSignsNothing(t *testing.T) {
	url, came := tell(t, []answer{token("t")})
	odd, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	for _, proof := range []sdk.PrivateKeyJWT{{Key: odd}, {Key: p256(t), Algorithm: "RS256"}} {
		client := sdk.ClientCredentials{ServerURL: url, ClientID: "id", Authentication: proof}
		if _, err := sdk.NewTokenSource(client).Token(context.Background()); err == nil {
			t.Errorf("%v was taken", proof)
		}
	}
	if len(came()) != 0 {
		t.Error("something was sent")
	}
}

// bound is a server that wants proofs with its nonce, and remembers what it was sent.
func bound(t *testing.T, key *ecdsa.PrivateKey) (string, func() []string) {
	t.Helper()
	var seen []string
	var ids []any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header, claims := opened(t, r.Header.Get("DPoP"), &key.PublicKey)
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, fmt.Sprint(r.Method, " ", r.URL.Path, " ", claims["nonce"], " ", len(body) > 0))
		jwk := header["jwk"].(map[string]any)
		if header["typ"] != "dpop+jwt" || jwk["d"] != nil || claims["htm"] != r.Method || slices.Contains(ids, claims["jti"]) {
			t.Errorf("%v %v", header, claims)
		}
		ids = append(ids, claims["jti"])
		if claims["htu"] != "http://"+r.Host+r.URL.Path {
			t.Errorf("htu is %v", claims["htu"])
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("DPoP-Nonce", "n1")
		isToken := r.URL.Path == "/oauth2/token"
		switch {
		case claims["nonce"] != "n1" && isToken:
			w.WriteHeader(400)
			fmt.Fprint(w, `{"error":"use_dpop_nonce"}`)
		case isToken:
			fmt.Fprint(w, `{"access_token":"t","token_type":"DPoP","expires_in":600}`)
		default:
			hash := sha256.Sum256([]byte("t"))
			if r.Header.Get("Authorization") != "DPoP t" || claims["ath"] != base64.RawURLEncoding.EncodeToString(hash[:]) {
				t.Errorf("%v %v", r.Header, claims)
			}
			fmt.Fprint(w, `{"items":[]}`)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string { return seen }
}

func TestABoundTokenGoesWithAProof(t *testing.T) {
	key := p256(t)
	url, seen := bound(t, key)
	proofs, err := sdk.NewDPoP(key)
	if err != nil {
		t.Fatal(err)
	}
	client := sdk.ClientCredentials{ServerURL: url, ClientID: "id", Client: proofs.Client(nil)}
	source := sdk.NewTokenSource(client)
	s := sdk.New(sdk.WithServerURL(url), sdk.WithSecurity(sdk.Source{TokenSource: source}), sdk.WithHTTPClient(proofs.Client(nil)))
	if _, err := s.SigningKeys.ListSigningKeys(context.Background()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"POST /oauth2/token <nil> true", "POST /oauth2/token n1 true", "GET /v1/signing-keys n1 false",
	}
	if got := seen(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestAnotherRefusalIsNotRepeatedWithAProof(t *testing.T) {
	url, came := tell(t, []answer{{"status": 400, "headers": answer{"dpop-nonce": "n"}, "body": answer{"error": "invalid_grant"}}})
	proofs, _ := sdk.NewDPoP(p256(t))
	client := sdk.ClientCredentials{ServerURL: url, ClientID: "id", Client: proofs.Client(nil)}
	_, err := sdk.NewTokenSource(client).Token(context.Background())
	if err == nil || !strings.Contains(err.Error(), "invalid_grant") || len(came()) != 1 {
		t.Errorf("%v after %d", err, len(came()))
	}
}

func TestLiveProofs(t *testing.T) {
	port, create := live(t, "KEYHAVEN_DPOP_NONCES=required")
	// Proofs name the issuer, which is called localhost.
	url := "http://localhost:" + port
	key := p256(t)
	point, _ := key.PublicKey.ECDH()
	both := point.Bytes()[1:]
	text := base64.RawURLEncoding.EncodeToString
	set, _ := json.Marshal(answer{"keys": []answer{{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "k1", "x": text(both[:32]), "y": text(both[32:]),
	}}})
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, set, 0o600); err != nil {
		t.Fatal(err)
	}
	made := create("--jwks", file, "--dpop", "required", "--grant", "client_credentials", "--scope", "/ping.read", "--token-format", "jwt")
	proofs, _ := sdk.NewDPoP(key)
	source := sdk.NewTokenSource(sdk.ClientCredentials{
		ServerURL: url, ClientID: made.ID, Client: proofs.Client(nil),
		Authentication: sdk.PrivateKeyJWT{ClientID: made.ID, Key: key, KeyID: "k1"},
	})
	token, err := source.Token(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	checker := verify.Verifier{Issuer: url, Audience: url}
	claims, err := checker.Check(context.Background(), token.AccessToken.Reveal())
	if err != nil || token.TokenType != "DPoP" || claims.Confirmation["jkt"] == nil {
		t.Errorf("%v %v %q", claims, err, token.TokenType)
	}
}
