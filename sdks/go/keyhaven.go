// Package keyhaven calls a Keyhaven server: sessions, OAuth tokens, API keys, connections.
//
// It needs the standard library only. Every call takes its context first, which ends it at once, in
// backoff and while it waits for a token too.
package keyhaven

import (
	"iter"
	"net/http"
)

// defaultClient follows no redirect: credentials must not travel to another origin.
var defaultClient = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// New is a client. WithServerURL is the one option it cannot do without.
func New(options ...Option) *Keyhaven {
	s := &Keyhaven{config: config{client: defaultClient}}
	for _, option := range options {
		option(&s.config)
	}
	s.init()
	return s
}

// pages goes through all items, page after page.
func pages[T any](fetch func(cursor *string) ([]T, *string, error), cursor *string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			items, next, err := fetch(cursor)
			if err != nil {
				var nothing T
				yield(nothing, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == nil || *next == "" {
				return
			}
			cursor = next
		}
	}
}
