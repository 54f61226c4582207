package keyhaven

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/keyhaven/keyhaven/sdks/go/sdkerrors"
)

// DevicePrompt is what the person has to do on another device.
type DevicePrompt struct {
	UserCode                string
	VerificationURI         string
	VerificationURIComplete string
	ExpiresAt               time.Time
}

// Device is how to sign somebody in on another device (RFC 8628).
type Device struct {
	// URL is /oauth2/device_authorization below the server unless said otherwise.
	URL string
	// Prompt shows the person what to do; it returns before the person has done it.
	Prompt func(DevicePrompt) error
}

// DeviceCode shows a prompt and waits until the person has answered. Keep the token fresh with
// NewRefreshSource.
func DeviceCode(ctx context.Context, c ClientCredentials, d Device) (*Token, error) {
	begun, err := c.begin(ctx, d)
	if err != nil {
		return nil, err
	}
	interval := 5 * time.Second
	if begun.Interval != nil {
		interval = time.Duration(*begun.Interval * float64(time.Second))
	}
	for {
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return nil, &sdkerrors.RequestAbortedError{Local: sdkerrors.NewLocal("device", "aborted", 1, ctx.Err())}
		}
		token, err := c.askOnce(ctx, url.Values{
			"grant_type":  {"urn:ietf:params:oauth:grant-type:device_code"},
			"device_code": {begun.DeviceCode.Reveal()},
		})
		var refused *sdkerrors.OAuthError
		switch {
		case err == nil:
			return token, nil
		case errors.As(err, &refused) && refused.Code == "authorization_pending":
		case errors.As(err, &refused) && refused.Code == "slow_down":
			interval += 5 * time.Second
		default:
			return nil, err
		}
	}
}

type begun struct {
	DeviceCode              Secret   `json:"device_code"`
	UserCode                string   `json:"user_code"`
	VerificationURI         string   `json:"verification_uri"`
	VerificationURIComplete string   `json:"verification_uri_complete"`
	ExpiresIn               int64    `json:"expires_in"`
	Interval                *float64 `json:"interval"`
}

// begin asks for the codes and shows the prompt.
func (c ClientCredentials) begin(ctx context.Context, d Device) (*begun, error) {
	address := d.URL
	if address == "" {
		address = strings.TrimRight(c.ServerURL, "/") + "/oauth2/device_authorization"
	}
	form := url.Values{"client_id": {c.ClientID}}
	if len(c.Scopes) > 0 {
		form.Set("scope", strings.Join(c.Scopes, " "))
	}
	response, body, err := c.post(ctx, address, form, "")
	if err != nil {
		return nil, err
	}
	var told begun
	if response.StatusCode != 200 || json.Unmarshal(body, &told) != nil || told.DeviceCode == "" {
		return nil, refusedToken(response, body)
	}
	return &told, d.Prompt(DevicePrompt{
		UserCode: told.UserCode, VerificationURI: told.VerificationURI,
		VerificationURIComplete: told.VerificationURIComplete,
		ExpiresAt:               time.Now().Add(time.Duration(told.ExpiresIn) * time.Second),
	})
}
