// Package operations has what each operation takes and gives.
package operations

import "net/http"

// HTTP is the exchange that gave an answer.
type HTTP struct {
	StatusCode int
	Header     http.Header
	RequestID  string
	// Attempts counts requests, the successful one included.
	Attempts int
	// IdempotentReplay says that the server repeated an earlier answer to the same key.
	IdempotentReplay bool
}
