// Package shared has the types of requests and answers.
package shared

import (
	"fmt"
	"log/slog"
)

// Secret is text that does not print: fmt and slog show [redacted]. JSON has it as it is.
type Secret string

// Reveal is the text itself.
func (s Secret) Reveal() string { return string(s) }

// Format shows [redacted] under every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// LogValue shows [redacted].
func (s Secret) LogValue() slog.Value { return slog.StringValue("[redacted]") }
