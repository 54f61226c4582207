package keyhaven

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// A Security is a credential. It is asked anew for every attempt.
type Security interface {
	// credential gives the value for a scheme, "" if it has none, and the source's token if one
	// was used.
	credential(ctx context.Context, s scheme) (string, *Token, error)
}

type scheme struct {
	key, kind, name string
}

// Bearer is a token for every operation that takes one.
type Bearer Secret

func (b Bearer) credential(_ context.Context, s scheme) (string, *Token, error) {
	if s.kind != "bearer" {
		return "", nil, nil
	}
	return string(b), nil, nil
}

// Format shows [redacted] under every verb.
func (b Bearer) Format(f fmt.State, verb rune) { Secret(b).Format(f, verb) }

// Basic is the id and the secret of an OAuth client.
type Basic struct {
	Username string
	Password Secret
}

func (b Basic) credential(_ context.Context, s scheme) (string, *Token, error) {
	if s.kind != "basic" || b.Username == "" {
		return "", nil, nil
	}
	// RFC 6749 §2.3.1: both halves are form-encoded before they meet.
	pair := url.QueryEscape(b.Username) + ":" + url.QueryEscape(string(b.Password))
	return base64.StdEncoding.EncodeToString([]byte(pair)), nil, nil
}

// Session is the token of a session.
type Session Secret

func (t Session) credential(_ context.Context, s scheme) (string, *Token, error) {
	if s.kind != "header" {
		return "", nil, nil
	}
	return string(t), nil, nil
}

// Format shows [redacted] under every verb.
func (t Session) Format(f fmt.State, verb rune) { Secret(t).Format(f, verb) }

// SecurityFunc gives a bearer token, asked anew for every attempt.
type SecurityFunc func(ctx context.Context) (string, error)

func (f SecurityFunc) credential(ctx context.Context, s scheme) (string, *Token, error) {
	if s.kind != "bearer" {
		return "", nil, nil
	}
	value, err := f(ctx)
	return value, nil, err
}

// Source gives the tokens of a token source.
type Source struct{ TokenSource }

func (t Source) credential(ctx context.Context, s scheme) (string, *Token, error) {
	if s.kind != "bearer" {
		return "", nil, nil
	}
	token, err := t.Token(ctx)
	if err != nil {
		return "", nil, err
	}
	return string(token.AccessToken), token, nil
}

// named is an operation's own security: credentials by the names of their schemes.
type named map[string]Secret

func (n named) credential(_ context.Context, s scheme) (string, *Token, error) {
	return string(n[s.key]), nil, nil
}

func (n named) isEmpty() bool {
	for _, value := range n {
		if value != "" {
			return false
		}
	}
	return true
}

// authorize puts the first satisfied alternative on the request. It says whether one was.
func authorize(ctx context.Context, op *operation, given Security, header http.Header) (*Token, bool, error) {
next:
	for _, alternative := range op.security {
		var used *Token
		found := map[string]string{}
		for _, s := range alternative {
			if given == nil {
				continue next
			}
			value, token, err := given.credential(ctx, s)
			if err != nil {
				return nil, false, err
			}
			if value == "" {
				continue next
			}
			if token != nil {
				used = token
			}
			switch s.kind {
			case "bearer":
				found["Authorization"] = token.scheme() + withoutScheme(value)
			case "basic":
				found["Authorization"] = "Basic " + value
			case "cookie":
				found["Cookie"] = s.name + "=" + value
			default:
				found[s.name] = value
			}
		}
		for name, value := range found {
			header.Set(name, value)
		}
		return used, true, nil
	}
	return nil, len(op.security) == 0, nil
}

// withoutScheme forgives callers of published code who write the scheme themselves.
func withoutScheme(value string) string {
	if len(value) > 7 && strings.EqualFold(value[:7], "bearer ") {
		return value[7:]
	}
	return value
}
