package keyhaven

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // what every algorithm below hashes with
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
)

// signJWT signs claims with a key, in the compact form of a JWS (RFC 7515). The algorithm follows
// from the key: ES256, EdDSA, or PS256 unless another is named.
func signJWT(key crypto.Signer, algorithm string, header map[string]any, claims any) (string, error) {
	if algorithm == "" {
		algorithm = algorithmOf(key)
	}
	signed := map[string]any{"alg": algorithm}
	for name, value := range header {
		signed[name] = value
	}
	first, err := json.Marshal(signed)
	if err != nil {
		return "", err
	}
	second, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	input := base64url(first) + "." + base64url(second)
	signature, err := signBytes(key, algorithm, []byte(input))
	if err != nil {
		return "", err
	}
	return input + "." + base64url(signature), nil
}

func algorithmOf(key crypto.Signer) string {
	switch public := key.Public().(type) {
	case *ecdsa.PublicKey:
		if public.Curve == elliptic.P256() {
			return "ES256"
		}
	case ed25519.PublicKey:
		return "EdDSA"
	case *rsa.PublicKey:
		return "PS256"
	}
	return ""
}

func signBytes(key crypto.Signer, algorithm string, input []byte) ([]byte, error) {
	hash := crypto.SHA256.New()
	hash.Write(input)
	digest := hash.Sum(nil)
	switch public := key.Public().(type) {
	case *ecdsa.PublicKey:
		if algorithm != "ES256" || public.Curve != elliptic.P256() {
			return nil, errKey
		}
		text, err := key.Sign(rand.Reader, digest, crypto.SHA256)
		if err != nil {
			return nil, err
		}
		return fixedWidth(text)
	case ed25519.PublicKey:
		if algorithm != "EdDSA" {
			return nil, errKey
		}
		return key.Sign(rand.Reader, input, crypto.Hash(0))
	case *rsa.PublicKey:
		switch algorithm {
		case "PS256":
			return key.Sign(rand.Reader, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
		case "RS256":
			return key.Sign(rand.Reader, digest, crypto.SHA256)
		}
	}
	return nil, errKey
}

var errKey = errors.New("keyhaven: the key does not sign by that algorithm: P-256 is ES256, Ed25519 EdDSA, RSA PS256 or RS256")

// fixedWidth is an ECDSA signature as RFC 7518 §3.4 has it: both numbers in 32 bytes, no ASN.1.
func fixedWidth(text []byte) ([]byte, error) {
	var both struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(text, &both); err != nil {
		return nil, err
	}
	fixed := make([]byte, 64)
	both.R.FillBytes(fixed[:32])
	both.S.FillBytes(fixed[32:])
	return fixed, nil
}

// publicJWK is the public half of a key (RFC 7517), with the members that its thumbprint has.
func publicJWK(key crypto.Signer) (map[string]any, error) {
	switch public := key.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := public.ECDH()
		if err != nil {
			return nil, err
		}
		both := point.Bytes()[1:]
		half := len(both) / 2
		return map[string]any{"kty": "EC", "crv": public.Params().Name, "x": base64url(both[:half]), "y": base64url(both[half:])}, nil
	case ed25519.PublicKey:
		return map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64url(public)}, nil
	case *rsa.PublicKey:
		exponent := big.NewInt(int64(public.E)).Bytes()
		return map[string]any{"kty": "RSA", "n": base64url(public.N.Bytes()), "e": base64url(exponent)}, nil
	}
	return nil, errKey
}

func base64url(bytes []byte) string { return base64.RawURLEncoding.EncodeToString(bytes) }
