// Package operations has what each operation takes and gives.
package operations

import (
	"fmt"
	"log/slog"
	"net/http"
)

// HTTP is the exchange that gave an answer. It prints without its headers: a session's token is one.
type HTTP struct {
	StatusCode int
	Header     http.Header
	RequestID  string
	// Attempts counts requests, the successful one included.
	Attempts int
	// IdempotentReplay says that the server repeated an earlier answer to the same key.
	IdempotentReplay bool
}

// Format shows what may be logged under every verb.
func (h HTTP) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(h.LogValue().String())) }

// LogValue has status, request id and attempts.
func (h HTTP) LogValue() slog.Value {
	return slog.StringValue(fmt.Sprintf("status %d, request %q, attempts %d", h.StatusCode, h.RequestID, h.Attempts))
}
