// Package sdkerrors has every way a call can fail. Use errors.As.
package sdkerrors

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Details is what is known of an answer that is no success.
type Details struct {
	OperationID string
	StatusCode  int
	Header      http.Header
	ContentType string
	// Body is the answer as it came. Error() does not show it.
	Body []byte
	// RetryAfter is how long the server wants to be left alone; 0 if it did not say.
	RetryAfter time.Duration
	RequestID  string
	Attempts   int
	message    string
}

// Error is the sentence in the answer, or its status.
func (d *Details) Error() string {
	if d.message != "" {
		return fmt.Sprintf("%s: %s (status %d)", d.OperationID, d.message, d.StatusCode)
	}
	return fmt.Sprintf("%s: status %d", d.OperationID, d.StatusCode)
}

// Common gives the details themselves, whatever the class.
func (d *Details) Common() *Details { return d }

// Say sets the sentence.
func (d *Details) Say(message string) { d.message = message }

// HTTPError is any error that came as an answer.
type HTTPError interface {
	error
	Common() *Details
}

// Challenge is a scheme of WWW-Authenticate and what it says.
type Challenge struct {
	Scheme string
	Params map[string]string
}

var word = regexp.MustCompile(`([\w-]+)(?:\s*=\s*("(?:\\.|[^"])*"|[^\s,]+))?`)
var escaped = regexp.MustCompile(`\\(.)`)

// Challenges is what WWW-Authenticate asks for.
func (d *Details) Challenges() []Challenge {
	var list []Challenge
	for _, found := range word.FindAllStringSubmatch(d.Header.Get("WWW-Authenticate"), -1) {
		name, value := found[1], found[2]
		if value == "" {
			list = append(list, Challenge{Scheme: name, Params: map[string]string{}})
		} else if len(list) > 0 {
			value = escaped.ReplaceAllString(strings.Trim(value, `"`), "$1")
			list[len(list)-1].Params[name] = value
		}
	}
	return list
}

// StepUp is what another sign-in must bring: more scopes (RFC 6750 §3.1), or a stronger or fresher one
// (RFC 9470).
type StepUp struct {
	Scope     string
	ACRValues string
	// MaxAge is in seconds, and absent unless it was said.
	MaxAge *int
	// ResourceMetadata is where the resource describes itself (RFC 9728).
	ResourceMetadata string
}

// StepUp is what a refusal asks for, nil unless a new token of the same kind would be refused again.
func (d *Details) StepUp() *StepUp {
	for _, challenge := range d.Challenges() {
		params := challenge.Params
		if params["error"] != "insufficient_scope" && params["error"] != "insufficient_user_authentication" {
			continue
		}
		asked := &StepUp{Scope: params["scope"], ACRValues: params["acr_values"], ResourceMetadata: params["resource_metadata"]}
		if age, err := strconv.Atoi(params["max_age"]); err == nil {
			asked.MaxAge = &age
		}
		return asked
	}
	return nil
}

// Field is what is wrong with one member or parameter.
type Field struct {
	Pointer   string `json:"pointer"`
	Parameter string `json:"parameter"`
	Detail    string `json:"detail"`
}

// Problem is a refusal in problem details (RFC 9457); its class goes by the status.
type Problem struct {
	*Details
	Type     string  `json:"type"`
	Title    string  `json:"title"`
	Detail   string  `json:"detail"`
	Instance string  `json:"instance"`
	Code     string  `json:"code"`
	Reason   string  `json:"reason"`
	Fields   []Field `json:"errors"`
}

// BadRequest is 400.
type BadRequest struct{ *Problem }

// Unauthorized is 401.
type Unauthorized struct{ *Problem }

// Forbidden is 403.
type Forbidden struct{ *Problem }

// NotFound is 404.
type NotFound struct{ *Problem }

// Conflict is 409.
type Conflict struct{ *Problem }

// Validation is 422.
type Validation struct{ *Problem }

// RateLimited is 429.
type RateLimited struct{ *Problem }

// Server is 5XX.
type Server struct{ *Problem }

// Unwrap gives the problem, for errors.As.
func (e *BadRequest) Unwrap() error { return e.Problem }

// Unwrap gives the problem, for errors.As.
func (e *Unauthorized) Unwrap() error { return e.Problem }

// Unwrap gives the problem, for errors.As.
func (e *Forbidden) Unwrap() error { return e.Problem }

// Unwrap gives the problem, for errors.As.
func (e *NotFound) Unwrap() error { return e.Problem }

// Unwrap gives the problem, for errors.As.
func (e *Conflict) Unwrap() error { return e.Problem }

// Unwrap gives the problem, for errors.As.
func (e *Validation) Unwrap() error { return e.Problem }

// Unwrap gives the problem, for errors.As.
func (e *RateLimited) Unwrap() error { return e.Problem }

// Unwrap gives the problem, for errors.As.
func (e *Server) Unwrap() error { return e.Problem }

// OfStatus is the problem in the class of its status.
func OfStatus(problem *Problem) error {
	switch status := problem.StatusCode; {
	case status == 400:
		return &BadRequest{problem}
	case status == 401:
		return &Unauthorized{problem}
	case status == 403:
		return &Forbidden{problem}
	case status == 404:
		return &NotFound{problem}
	case status == 409:
		return &Conflict{problem}
	case status == 422:
		return &Validation{problem}
	case status == 429:
		return &RateLimited{problem}
	case status >= 500:
		return &Server{problem}
	}
	return problem
}

// APIError is any status or content type that is not documented.
type APIError struct{ *Details }

// ResponseValidationError is a success whose body is not what is documented.
type ResponseValidationError struct {
	*Details
	Cause error
}

// Unwrap is what was wrong with the body.
func (e *ResponseValidationError) Unwrap() error { return e.Cause }

// OAuthError is a refusal of RFC 6749 §5.2.
type OAuthError struct {
	*Details
	Code        string `json:"error"`
	Description string `json:"error_description"`
	URI         string `json:"error_uri"`
}

// Local is what is known of a failure without an answer.
type Local struct {
	OperationID string
	Attempts    int
	Cause       error
	message     string
}

// NewLocal is a failure without an answer.
func NewLocal(operation, message string, attempts int, cause error) *Local {
	return &Local{OperationID: operation, Attempts: attempts, Cause: cause, message: message}
}

func (e *Local) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.OperationID, e.message, e.Cause)
	}
	return e.OperationID + ": " + e.message
}

// Unwrap is why.
func (e *Local) Unwrap() error { return e.Cause }

// ConnectionError is no usable response.
type ConnectionError struct{ *Local }

// RequestTimeoutError is no usable response in time.
type RequestTimeoutError struct{ *Local }

// RequestAbortedError is a call whose context was cancelled.
type RequestAbortedError struct{ *Local }

// InvalidRequestError is a call that cannot be sent as it is. Nothing was sent.
type InvalidRequestError struct{ *Local }

// UnexpectedClientError is something of the caller's that failed: a hook, a token source.
type UnexpectedClientError struct{ *Local }

// ReauthenticationRequired is a refresh token that no longer counts.
type ReauthenticationRequired struct{ *Local }
