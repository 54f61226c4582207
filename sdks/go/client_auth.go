package keyhaven

import (
	"context"
	"crypto"
	"net/http"
	"net/url"
	"time"
)

// A ClientAuthentication proves a client at an endpoint, anew for every request. The audience is the
// issuer, or the endpoint where no issuer is known.
type ClientAuthentication interface {
	Prove(ctx context.Context, form url.Values, header http.Header, audience string) error
}

// PrivateKeyJWT proves a client by a key of its own (RFC 7523 §2.2): nothing secret is sent.
type PrivateKeyJWT struct {
	ClientID string
	// Key is of P-256, Ed25519 or RSA.
	Key   crypto.Signer
	KeyID string
	// Algorithm follows from the key; RSA keys sign by PS256 unless this says RS256.
	Algorithm string
	// Audience is the issuer unless said otherwise.
	Audience string
}

// Prove adds an assertion that counts for a minute.
func (p PrivateKeyJWT) Prove(_ context.Context, form url.Values, _ http.Header, audience string) error {
	if p.Audience != "" {
		audience = p.Audience
	}
	header := map[string]any{"typ": "JWT"}
	if p.KeyID != "" {
		header["kid"] = p.KeyID
	}
	now := time.Now().Unix()
	assertion, err := signJWT(p.Key, p.Algorithm, header, map[string]any{
		"iss": p.ClientID, "sub": p.ClientID, "aud": audience, "jti": newKey(), "iat": now, "exp": now + 60,
	})
	if err != nil {
		return err
	}
	form.Set("client_id", p.ClientID)
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", assertion)
	return nil
}
