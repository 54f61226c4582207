package keyhaven

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/keyhaven/keyhaven/sdks/go/sdkerrors"
)

// Grants that work once: codes, refresh tokens, device codes, assertions. A repetition after a lost
// answer looks like theft, unless the server gives the same tokens again to whoever repeats a request
// under its key. Keyhaven says in its metadata that it does, for a minute.

const (
	// window is how long after the first try a repetition may go out; the server keeps its answer for a
	// minute.
	window    = 45 * time.Second
	discovery = 5 * time.Second
	tries     = 3
)

var once = struct {
	sync.Mutex
	// unanswered holds the keys of requests that got no answer: whoever asks the same again uses the
	// same.
	unanswered map[string]asked
	servers    map[string]bool
}{unanswered: map[string]asked{}, servers: map[string]bool{}}

type asked struct {
	key   string
	until time.Time
}

// askOnce asks for a token by a grant that works once; again when no answer came and the server is
// ours.
func (c ClientCredentials) askOnce(ctx context.Context, form url.Values) (*Token, error) {
	if !c.isOurs(ctx) {
		return c.ask(ctx, form, "")
	}
	words := strings.Join([]string{c.tokenURL(), c.ClientID, form.Encode()}, " ")
	name := nameOf(words)
	for try := 1; ; try++ {
		// Each time anew: a proof of the client's is good once.
		token, err := c.ask(ctx, form, name.key)
		if ctx.Err() != nil {
			return token, err
		}
		lost, wait := isLost(err)
		if !lost {
			once.Lock()
			delete(once.unanswered, words)
			once.Unlock()
			return token, err
		}
		bound := 500 * time.Millisecond << (try - 1)
		wait = max(wait, time.Duration(rand.Float64()*float64(bound)))
		if try == tries || time.Now().Add(wait).After(name.until) {
			return nil, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// nameOf is the key of a request: the one it had, if it was asked already and not answered.
func nameOf(words string) asked {
	once.Lock()
	defer once.Unlock()
	for other, name := range once.unanswered {
		if time.Now().After(name.until) {
			delete(once.unanswered, other)
		}
	}
	name, ok := once.unanswered[words]
	if !ok {
		name = asked{newKey(), time.Now().Add(window)}
		once.unanswered[words] = name
	}
	return name
}

// isLost says that the server may have acted although we hear no answer to that, and how long it
// wants to be left alone.
func isLost(err error) (bool, time.Duration) {
	var unreached *sdkerrors.ConnectionError
	if errors.As(err, &unreached) {
		return true, 0
	}
	var told sdkerrors.HTTPError
	if !errors.As(err, &told) {
		return false, 0
	}
	switch told.Common().StatusCode {
	case 408, 425, 429, 502, 503, 504:
		return true, told.Common().RetryAfter
	}
	return false, 0
}

// isOurs says whether the server's metadata (RFC 8414) says that it is one of ours. Asked once.
func (c ClientCredentials) isOurs(ctx context.Context) bool {
	if c.Ours != nil || c.ServerURL == "" {
		return c.Ours != nil && *c.Ours
	}
	name := c.ServerURL + " " + c.tokenURL()
	once.Lock()
	ours, known := once.servers[name]
	once.Unlock()
	if known {
		return ours
	}
	ours, err := c.describedAsOurs(ctx)
	// A server that cannot be asked is nobody's until it can.
	if err == nil {
		once.Lock()
		once.servers[name] = ours
		once.Unlock()
	}
	return ours
}

func (c ClientCredentials) describedAsOurs(ctx context.Context) (bool, error) {
	issuer, err := url.Parse(strings.TrimRight(c.ServerURL, "/"))
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, discovery)
	defer cancel()
	place := origin(issuer) + "/.well-known/oauth-authorization-server" + issuer.EscapedPath()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, place, nil)
	if err != nil {
		return false, err
	}
	response, err := c.client().Do(request)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err == nil && response.StatusCode >= 500 {
		err = errors.New(response.Status)
	}
	var told struct {
		Issuer        string `json:"issuer"`
		TokenEndpoint string `json:"token_endpoint"`
		Idempotent    bool   `json:"keyhaven_idempotent_tokens"`
	}
	if err != nil || response.StatusCode != 200 || json.Unmarshal(body, &told) != nil {
		return false, err
	}
	return told.Issuer == issuer.String() && told.TokenEndpoint == c.tokenURL() && told.Idempotent, nil
}
