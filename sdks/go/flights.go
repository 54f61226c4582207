package keyhaven

import (
	"context"
	"crypto/sha256"
	"net/url"
	"reflect"
	"sort"
	"strings"
	"sync"

	"github.com/keyhaven/keyhaven/sdks/go/sdkerrors"
)

// flights are the token requests under way: whoever in this process asks the same as the same client
// shares the answer, through whichever source it asks.
var flights = struct {
	sync.Mutex
	under map[request]*flight
}{under: map[request]*flight{}}

// request is all that a token request depends on. What proves the client is part of it, so that nobody
// gets the token of another proof; of texts only a digest is kept.
type request struct {
	texts          [sha256.Size]byte
	client         HTTPClient
	authentication ClientAuthentication
}

// requestOf is false for what cannot be compared.
func (c ClientCredentials) requestOf(form url.Values, key string) (request, bool) {
	scopes := strings.Fields(form.Get("scope"))
	sort.Strings(scopes)
	asked := url.Values{}
	for name, values := range form {
		asked[name] = values
	}
	asked["scope"] = scopes
	asked["of"] = []string{c.ServerURL, c.tokenURL(), c.ClientID, c.ClientSecret.Reveal(), key}
	for _, part := range []any{c.Client, c.Authentication} {
		if part != nil && !reflect.ValueOf(part).Comparable() {
			return request{}, false
		}
	}
	return request{sha256.Sum256([]byte(asked.Encode())), c.Client, c.Authentication}, true
}

// ask gets a token from the endpoint, under a key if there is one.
func (c ClientCredentials) ask(ctx context.Context, form url.Values, key string) (*Token, error) {
	same, ok := c.requestOf(form, key)
	if !ok {
		return c.askAlone(ctx, form, key)
	}
	flights.Lock()
	shared := flights.under[same]
	if shared == nil {
		shared = &flight{done: make(chan struct{})}
		flights.under[same] = shared
		// Whoever of its callers gives up, the others wait.
		go c.land(context.WithoutCancel(ctx), same, shared, form, key)
	}
	flights.Unlock()
	select {
	case <-shared.done:
		if shared.err != nil {
			return nil, shared.err
		}
		own := *shared.token
		return &own, nil
	case <-ctx.Done():
		return nil, &sdkerrors.RequestAbortedError{Local: sdkerrors.NewLocal("token", "aborted", 1, ctx.Err())}
	}
}

func (c ClientCredentials) land(ctx context.Context, same request, shared *flight, form url.Values, key string) {
	shared.token, shared.err = c.askAlone(ctx, form, key)
	flights.Lock()
	delete(flights.under, same)
	flights.Unlock()
	close(shared.done)
}
