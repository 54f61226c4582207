package verify

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

type part map[string]any

func encode(p any) string {
	text, _ := json.Marshal(p)
	return base64.RawURLEncoding.EncodeToString(text)
}

func with(base part, name string, value any) part {
	changed := part{}
	for known, had := range base {
		changed[known] = had
	}
	changed[name] = value
	return changed
}

func TestEachFaultIsRefused(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	coordinate := func(bytes []byte) string { return base64.RawURLEncoding.EncodeToString(bytes) }
	fetched := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetched++
		_ = json.NewEncoder(w).Encode(part{"keys": []part{{
			"kty": "EC", "crv": "P-256", "kid": "k1", "alg": "ES256",
			"x": coordinate(key.X.FillBytes(make([]byte, 32))), "y": coordinate(key.Y.FillBytes(make([]byte, 32))),
		}}})
	}))
	defer server.Close()
	sign := func(header, claims part) string {
		input := encode(header) + "." + encode(claims)
		hash := sha256.Sum256([]byte(input))
		r, s, _ := ecdsa.Sign(rand.Reader, key, hash[:])
		signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		return input + "." + base64.RawURLEncoding.EncodeToString(signature)
	}
	now := time.Unix(1_800_000_000, 0)
	at := now.Unix()
	v := &Verifier{Issuer: server.URL, Audience: "api", Scopes: []string{"read"}, Now: func() time.Time { return now }}
	header := part{"alg": "ES256", "typ": "at+jwt", "kid": "k1"}
	good := part{"iss": server.URL, "aud": "api", "sub": "u", "iat": at, "exp": at + 60, "scope": "read write"}
	if claims, err := v.Check(context.Background(), sign(header, good)); err != nil || claims.Subject != "u" {
		t.Fatal(err)
	}
	for reason, token := range map[string]string{
		"another issuer": sign(header, with(good, "iss", "https://other")),
		"somebody else":  sign(header, with(good, "aud", []string{"x"})),
		"ended":          sign(header, with(good, "exp", at-31)),
		"not begun":      sign(header, with(good, "iat", at+31)),
		"scope read":     sign(header, with(good, "scope", "write")),
		"no access":      sign(with(header, "typ", "JWT"), good),
		"algorithm":      encode(part{"alg": "none", "typ": "at+jwt"}) + "." + encode(good) + ".",
		"signature":      sign(header, good)[:100] + "." + strings.SplitN(sign(header, good), ".", 3)[1] + ".AAAA",
		"no JWT":         "x.y",
		"no key":         sign(with(header, "alg", "RS256"), good),
		"critical":       sign(with(header, "crit", []string{"x"}), good),
	} {
		_, err := v.Check(context.Background(), token)
		var refused *Refused
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), reason) && reason != "signature" {
			t.Errorf("%s: %v", reason, err)
		}
	}
	if fetched != 1 {
		t.Errorf("%d fetches", fetched)
	}
	for range 5 {
		_, _ = v.Check(context.Background(), sign(with(header, "kid", "k2"), good))
	}
	now = now.Add(31 * time.Second)
	_, _ = v.Check(context.Background(), sign(with(header, "kid", "k2"), good))
	if fetched != 2 {
		t.Errorf("%d fetches", fetched)
	}
}
