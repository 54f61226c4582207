package keyhaven

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/keyhaven/keyhaven/sdks/go/sdkerrors"
)

// A TokenStore keeps tokens by issuer, client and resource, so that they outlive a process or are
// shared by several.
type TokenStore interface {
	// Get gives nil for a key that has no token.
	Get(ctx context.Context, key string) (*Token, error)
	Set(ctx context.Context, key string, token *Token) error
	Delete(ctx context.Context, key string) error
	// WithLock runs work while nobody else does for this key.
	WithLock(ctx context.Context, key string, work func() error) error
}

// storeKey names a client's token in a store.
func (c ClientCredentials) storeKey() string {
	if c.StoreKey != "" {
		return c.StoreKey
	}
	return strings.Join([]string{c.tokenURL(), c.ClientID, c.Resource, strings.Join(c.Scopes, " ")}, " ")
}

var errUnnamed = errors.New("keyhaven: a store needs a StoreKey that says whose token it is")

// kept looks into the store before it renews, and puts there what came of it.
func (c ClientCredentials) kept(renew renewal) renewal {
	if c.Store == nil {
		return renew
	}
	key := c.storeKey()
	return func(ctx context.Context, last *Token) (token *Token, err error) {
		failed := c.Store.WithLock(ctx, key, func() error {
			stored, err := c.Store.Get(ctx, key)
			if err != nil {
				return err
			}
			// Somebody else has renewed it already.
			if stored != nil && stored.lives() && (last == nil || stored.AccessToken != last.AccessToken) {
				token = stored
				return nil
			}
			// What is kept is the newest: an older refresh token would look stolen.
			if stored != nil {
				last = stored
			}
			token, err = renew(ctx, last)
			var ended *sdkerrors.ReauthenticationRequired
			if errors.As(err, &ended) {
				if left := c.Store.Delete(ctx, key); left != nil {
					return errors.Join(err, left)
				}
			}
			if err != nil {
				return err
			}
			return c.Store.Set(ctx, key, token)
		})
		return token, failed
	}
}

// MemoryStore keeps tokens as long as the process lives; several sources may share it.
func MemoryStore() TokenStore {
	return &memoryStore{tokens: map[string]Token{}, locks: map[string]*sync.Mutex{}}
}

type memoryStore struct {
	mu     sync.Mutex
	tokens map[string]Token
	locks  map[string]*sync.Mutex
}

func (m *memoryStore) Get(_ context.Context, key string) (*Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if token, ok := m.tokens[key]; ok {
		return &token, nil
	}
	return nil, nil
}

func (m *memoryStore) Set(_ context.Context, key string, token *Token) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tokens[key] = *token
	return nil
}

func (m *memoryStore) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.tokens, key)
	return nil
}

func (m *memoryStore) WithLock(_ context.Context, key string, work func() error) error {
	m.mu.Lock()
	lock := m.locks[key]
	if lock == nil {
		lock = &sync.Mutex{}
		m.locks[key] = lock
	}
	m.mu.Unlock()
	lock.Lock()
	defer lock.Unlock()
	return work()
}

// FileStore keeps tokens in a file (mode 0600) that is replaced as a whole; for command lines. The
// file is the one that the TypeScript and Rust SDKs keep, too.
func FileStore(path string) TokenStore { return fileStore{path} }

type fileStore struct{ path string }

// fileToken is a token as the file has it; times are milliseconds since 1970.
type fileToken struct {
	AccessToken  string `json:"accessToken"`
	TokenType    string `json:"tokenType,omitempty"`
	RefreshToken string `json:"refreshToken,omitempty"`
	ExpiresAt    *int64 `json:"expiresAt,omitempty"`
	Scope        string `json:"scope,omitempty"`
}

func (f fileStore) read() (map[string]json.RawMessage, error) {
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]json.RawMessage{}, nil
	}
	tokens := map[string]json.RawMessage{}
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &tokens)
	}
	return tokens, err
}

func (f fileStore) Get(_ context.Context, key string) (*Token, error) {
	tokens, err := f.read()
	if err != nil || tokens[key] == nil {
		return nil, err
	}
	var kept fileToken
	if err := json.Unmarshal(tokens[key], &kept); err != nil {
		return nil, err
	}
	token := &Token{
		AccessToken: Secret(kept.AccessToken), TokenType: kept.TokenType,
		RefreshToken: Secret(kept.RefreshToken), Scope: kept.Scope,
	}
	if kept.ExpiresAt != nil {
		token.ExpiresAt = time.UnixMilli(*kept.ExpiresAt)
	}
	return token, nil
}

func (f fileStore) Set(ctx context.Context, key string, token *Token) error {
	kept := fileToken{
		AccessToken: token.AccessToken.Reveal(), TokenType: token.TokenType,
		RefreshToken: token.RefreshToken.Reveal(), Scope: token.Scope,
	}
	if !token.ExpiresAt.IsZero() {
		ends := token.ExpiresAt.UnixMilli()
		kept.ExpiresAt = &ends
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	return f.change(ctx, func(tokens map[string]json.RawMessage) { tokens[key] = text })
}

func (f fileStore) Delete(ctx context.Context, key string) error {
	return f.change(ctx, func(tokens map[string]json.RawMessage) { delete(tokens, key) })
}

func (f fileStore) change(ctx context.Context, edit func(map[string]json.RawMessage)) error {
	return alone(ctx, f.path+".lock", func() error {
		tokens, err := f.read()
		if err != nil {
			return err
		}
		edit(tokens)
		text, err := json.Marshal(tokens)
		if err != nil {
			return err
		}
		fresh := f.path + "." + newKey()
		if err := os.WriteFile(fresh, text, 0o600); err != nil {
			return err
		}
		return os.Rename(fresh, f.path)
	})
}

func (f fileStore) WithLock(ctx context.Context, key string, work func() error) error {
	return alone(ctx, f.path+"."+strings.ReplaceAll(url.QueryEscape(key), "+", "%20")+".lock", work)
}

const (
	// A lock that is older was left behind: no request for a token takes so long.
	stale = time.Minute
	pause = 20 * time.Millisecond
)

// alone runs work while the lock file is ours.
func alone(ctx context.Context, lock string, work func() error) error {
	for {
		file, err := os.OpenFile(lock, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			_ = file.Close()
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		if left, err := os.Stat(lock); err == nil && time.Since(left.ModTime()) > stale {
			_ = os.Remove(lock)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer os.Remove(lock)
	return work()
}
