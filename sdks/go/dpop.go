package keyhaven

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// DPoP binds tokens to a key, so that nobody who steals one can use it (RFC 9449). Wrap the clients of
// a token source and of Keyhaven with the same one.
type DPoP struct {
	key crypto.Signer
	jwk map[string]any

	mu     sync.Mutex
	nonces map[string]string
}

// NewDPoP makes proofs by a key of P-256, Ed25519 or RSA.
func NewDPoP(key crypto.Signer) (*DPoP, error) {
	jwk, err := publicJWK(key)
	if err != nil {
		return nil, err
	}
	return &DPoP{key: key, jwk: jwk, nonces: map[string]string{}}, nil
}

// Client puts a proof on requests that ask for tokens or carry one that is bound. A server that wants
// its nonce in the proof gets the request once more, with it. base is the usual client if it is nil.
func (d *DPoP) Client(base HTTPClient) HTTPClient {
	if base == nil {
		base = defaultClient
	}
	return &proving{d, base}
}

type proving struct {
	proofs *DPoP
	base   HTTPClient
}

func (p *proving) Do(request *http.Request) (*http.Response, error) {
	if strings.HasPrefix(request.Header.Get("Authorization"), "Bearer ") {
		return p.base.Do(request)
	}
	response, err := p.once(request)
	if err != nil || !wantsNonce(response) || (request.Body != nil && request.GetBody == nil) {
		return response, err
	}
	_ = response.Body.Close()
	if request.GetBody != nil {
		body, err := request.GetBody()
		if err != nil {
			return nil, err
		}
		request = request.Clone(request.Context())
		request.Body = body
	}
	return p.once(request)
}

func (p *proving) once(request *http.Request) (*http.Response, error) {
	proof, err := p.proofs.proof(request)
	if err != nil {
		return nil, err
	}
	sent := request.Clone(request.Context())
	sent.Header.Set("DPoP", proof)
	response, err := p.base.Do(sent)
	if err == nil {
		p.proofs.remember(request.URL, response.Header.Get("DPoP-Nonce"))
	}
	return response, err
}

// proof is for this request and no other (RFC 9449 §4.2).
func (d *DPoP) proof(request *http.Request) (string, error) {
	address := url.URL{Scheme: request.URL.Scheme, Host: request.URL.Host, Path: request.URL.Path, RawPath: request.URL.RawPath}
	claims := map[string]any{
		"jti": newKey(), "htm": request.Method, "htu": address.String(), "iat": time.Now().Unix(),
	}
	if token, ok := strings.CutPrefix(request.Header.Get("Authorization"), "DPoP "); ok {
		hash := sha256.Sum256([]byte(token))
		claims["ath"] = base64url(hash[:])
	}
	d.mu.Lock()
	nonce := d.nonces[origin(request.URL)]
	d.mu.Unlock()
	if nonce != "" {
		claims["nonce"] = nonce
	}
	return signJWT(d.key, "", map[string]any{"typ": "dpop+jwt", "jwk": d.jwk}, claims)
}

func (d *DPoP) remember(server *url.URL, nonce string) {
	if nonce == "" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.nonces[origin(server)] = nonce
}

func origin(address *url.URL) string { return address.Scheme + "://" + address.Host }

// wantsNonce says that a refusal asks for the nonce it carries (RFC 9449 §8, §9). The body can still
// be read afterwards.
func wantsNonce(response *http.Response) bool {
	const word = "use_dpop_nonce"
	if response.Header.Get("DPoP-Nonce") == "" || (response.StatusCode != 400 && response.StatusCode != 401) {
		return false
	}
	if strings.Contains(response.Header.Get("WWW-Authenticate"), word) {
		return true
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	rest := response.Body
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), rest), rest}
	return err == nil && bytes.Contains(body, []byte(`"`+word+`"`))
}
