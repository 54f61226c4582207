// Package verify checks access tokens of an issuer where they are used (RFC 9068 §4). Nothing in a
// token chooses how it is checked: algorithms come from an allow list, keys from the issuer's set.
package verify

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Claims is what a checked token says.
type Claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	ID       string   `json:"jti"`
	ClientID string   `json:"client_id"`
	Scope    string   `json:"scope"`
	Expires  *float64 `json:"exp"`
	Begins   *float64 `json:"nbf"`
	Issued   *float64 `json:"iat"`
	// Confirmation has the key the token is bound to.
	Confirmation map[string]any `json:"cnf"`
}

type audience []string

// UnmarshalJSON takes one audience or several.
func (a *audience) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(a))
}

// Refused is why a token does not count.
type Refused struct{ Reason string }

func (r *Refused) Error() string { return "token refused: " + r.Reason }

func refuse(reason string) error { return &Refused{reason} }

// Verifier checks tokens. It may be shared; it keeps the issuer's keys.
type Verifier struct {
	Issuer, Audience string
	// Scopes must all be held.
	Scopes []string
	// Algorithms are ES256, EdDSA, PS256 and RS256 unless said otherwise.
	Algorithms []string
	// Skew is how much clocks may differ: 30 s unless said otherwise.
	Skew time.Duration
	// JWKSURL is /.well-known/jwks.json of the issuer unless said otherwise.
	JWKSURL string
	Client  *http.Client
	// Now is time.Now unless a test says otherwise.
	Now func() time.Time

	mu      sync.Mutex
	keys    []jwk
	fetched time.Time
}

type jwk struct {
	Kid, Kty, Alg, Use, Crv, X, Y, N, E string
}

var types = map[string]string{"ES256": "EC", "EdDSA": "OKP", "PS256": "RSA", "RS256": "RSA"}

// refetch is how often an unknown kid may make us fetch the key set.
const refetch = 30 * time.Second

// Check gives the claims of a token, or why it does not count.
func (v *Verifier) Check(ctx context.Context, token string) (*Claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, refuse("it is no JWT")
	}
	var header struct {
		Alg, Typ, Kid string
		Crit          []string
	}
	if err := parse(parts[0], &header); err != nil {
		return nil, err
	}
	allowed := v.Algorithms
	if allowed == nil {
		allowed = []string{"ES256", "EdDSA", "PS256", "RS256"}
	}
	switch {
	case !slices.Contains(allowed, header.Alg):
		return nil, refuse("its algorithm is not allowed")
	case strings.TrimPrefix(strings.ToLower(header.Typ), "application/") != "at+jwt":
		return nil, refuse("it is no access token")
	case len(header.Crit) > 0:
		return nil, refuse("it has critical headers")
	}
	key, err := v.key(ctx, header.Kid, header.Alg)
	if err != nil {
		return nil, err
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !key.fits(header.Alg, []byte(parts[0]+"."+parts[1]), signature) {
		return nil, refuse("its signature is wrong")
	}
	claims := &Claims{}
	if err := parse(parts[1], claims); err != nil {
		return nil, err
	}
	return claims, v.judge(claims)
}

func parse(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil || json.Unmarshal(text, into) != nil {
		return refuse("it is no JWT")
	}
	return nil
}

func (v *Verifier) now() time.Time {
	if v.Now != nil {
		return v.Now()
	}
	return time.Now()
}

func (v *Verifier) judge(claims *Claims) error {
	now, skew := float64(v.now().Unix()), 30.0
	if v.Skew != 0 {
		skew = v.Skew.Seconds()
	}
	switch {
	case claims.Issuer != v.Issuer:
		return refuse("it is of another issuer")
	case !slices.Contains(claims.Audience, v.Audience):
		return refuse("it is for somebody else")
	case claims.Expires == nil || *claims.Expires+skew <= now:
		return refuse("it has ended")
	case claims.Begins != nil && *claims.Begins-skew > now, claims.Issued != nil && *claims.Issued-skew > now:
		return refuse("it has not begun")
	}
	held := strings.Fields(claims.Scope)
	for _, scope := range v.Scopes {
		if !slices.Contains(held, scope) {
			return refuse("it lacks the scope " + scope)
		}
	}
	return nil
}

// key is the issuer's; a kid that is not known makes one fetch in 30 seconds.
func (v *Verifier) key(ctx context.Context, kid, alg string) (*jwk, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if key := v.fitting(kid, alg); key != nil {
		return key, nil
	}
	if v.fetched.IsZero() || v.now().Sub(v.fetched) >= refetch {
		v.fetched = v.now()
		if err := v.fetch(ctx); err != nil {
			return nil, fmt.Errorf("the issuer's keys cannot be fetched: %w", err)
		}
	}
	if key := v.fitting(kid, alg); key != nil {
		return key, nil
	}
	return nil, refuse("no key of the issuer fits it")
}

func (v *Verifier) fitting(kid, alg string) *jwk {
	for at := range v.keys {
		key := &v.keys[at]
		if key.Kid == kid && key.Kty == types[alg] && (key.Alg == "" || key.Alg == alg) && (key.Use == "" || key.Use == "sig") {
			return key
		}
	}
	return nil
}

func (v *Verifier) fetch(ctx context.Context) error {
	url := v.JWKSURL
	if url == "" {
		url = strings.TrimRight(v.Issuer, "/") + "/.well-known/jwks.json"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	client := v.Client
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var set struct{ Keys []jwk }
	if response.StatusCode != 200 {
		return errors.New(response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
		return err
	}
	v.keys = set.Keys
	return nil
}

// fits says whether a signature is this key's.
func (k *jwk) fits(alg string, input, signature []byte) bool {
	hash := sha256.Sum256(input)
	switch alg {
	case "ES256":
		if k.Crv != "P-256" || len(signature) != 64 {
			return false
		}
		key := &ecdsa.PublicKey{Curve: elliptic.P256(), X: number(k.X), Y: number(k.Y)}
		if _, err := key.ECDH(); err != nil {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return ecdsa.Verify(key, hash[:], r, s)
	case "EdDSA":
		key, err := base64.RawURLEncoding.DecodeString(k.X)
		return k.Crv == "Ed25519" && err == nil && len(key) == ed25519.PublicKeySize && ed25519.Verify(key, input, signature)
	case "PS256", "RS256":
		key := &rsa.PublicKey{N: number(k.N), E: int(number(k.E).Int64())}
		if key.N.BitLen() < 2048 {
			return false
		}
		if alg == "RS256" {
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, hash[:], signature) == nil
		}
		return rsa.VerifyPSS(key, crypto.SHA256, hash[:], signature, &rsa.PSSOptions{SaltLength: 32}) == nil
	}
	return false
}

func number(text string) *big.Int {
	bytes, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return new(big.Int)
	}
	return new(big.Int).SetBytes(bytes)
}
