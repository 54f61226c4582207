package keyhaven

import (
	"context"
	"net/url"
)

// A Reveal gives a credential, anew each time it is asked.
type Reveal func(context.Context) (Secret, error)

// Always is a credential that stays the same.
func Always(secret Secret) Reveal {
	return func(context.Context) (Secret, error) { return secret, nil }
}

// Exchange is what a token exchange (RFC 8693) presents.
type Exchange struct {
	// Subject is whom the token will speak for; an access token unless SubjectType says otherwise.
	Subject     Reveal
	SubjectType string
	// Actor is who acts for the subject, if anybody does.
	Actor     Reveal
	ActorType string
	// Audience is the logical name of the service the token is for.
	Audience string
}

const accessTokenType = "urn:ietf:params:oauth:token-type:access_token"

// NewExchangeSource is a source of tokens for tokens, of one subject.
func NewExchangeSource(c ClientCredentials, e Exchange) TokenSource {
	return c.personal(func(ctx context.Context, _ *Token) (*Token, error) {
		form := c.form("urn:ietf:params:oauth:grant-type:token-exchange")
		if err := present(ctx, form, "subject_token", e.Subject, e.SubjectType); err != nil {
			return nil, err
		}
		if err := present(ctx, form, "actor_token", e.Actor, e.ActorType); err != nil {
			return nil, err
		}
		if e.Audience != "" {
			form.Set("audience", e.Audience)
		}
		return c.ask(ctx, form, "")
	})
}

// NewAssertionSource is a source of tokens for assertions (RFC 7523 §2.1): workload identities,
// identity assertions of other issuers.
func NewAssertionSource(c ClientCredentials, assertion Reveal) TokenSource {
	return c.personal(func(ctx context.Context, _ *Token) (*Token, error) {
		text, err := assertion(ctx)
		if err != nil {
			return nil, err
		}
		form := c.form("urn:ietf:params:oauth:grant-type:jwt-bearer")
		form.Set("assertion", text.Reveal())
		return c.askOnce(ctx, form)
	})
}

// present puts a token and its type into a form, if there is one.
func present(ctx context.Context, form url.Values, name string, reveal Reveal, kind string) error {
	if reveal == nil {
		return nil
	}
	text, err := reveal(ctx)
	if err != nil {
		return err
	}
	if kind == "" {
		kind = accessTokenType
	}
	form.Set(name, text.Reveal())
	form.Set(name+"_type", kind)
	return nil
}
