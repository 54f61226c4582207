package keyhaven

import (
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// plan fills in what was not said.
func (r Retries) plan() Retries {
	if r.InitialInterval == 0 {
		r.InitialInterval = 500 * time.Millisecond
	}
	if r.MaxInterval == 0 {
		r.MaxInterval = 8 * time.Second
	}
	if r.Exponent == 0 {
		r.Exponent = 2
	}
	if r.MaxRetries == 0 {
		r.MaxRetries = 2
	}
	return r
}

// delay is anywhere between nothing and a bound that grows (full jitter), but never less than told.
func (r Retries) delay(tried int, told time.Duration) time.Duration {
	bound := float64(r.InitialInterval) * math.Pow(r.Exponent, float64(tried-1))
	bound = math.Min(bound, float64(r.MaxInterval))
	return max(time.Duration(rand.Float64()*bound), told)
}

// isWorth says whether an answer is worth another attempt; the server's own word wins.
func isWorth(op *operation, codes []string, response *http.Response) bool {
	switch response.Header.Get("X-Should-Retry") {
	case "true":
		return true
	case "false":
		return false
	}
	if codes == nil {
		codes = []string{"408", "425", "429", "502", "503", "504"}
		if op.retry == "safe" {
			codes = append(codes, "500")
		}
	}
	status := strconv.Itoa(response.StatusCode)
	for _, code := range codes {
		if fits(strings.ToUpper(code), status) {
			return true
		}
	}
	return false
}

func fits(code, status string) bool {
	if len(code) != len(status) {
		return false
	}
	for at := range code {
		if code[at] != 'X' && code[at] != status[at] {
			return false
		}
	}
	return true
}

// retryAfter is how long the server wants to be left alone.
func retryAfter(header http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(header.Get("Retry-After-Ms"), 64); err == nil && ms >= 0 {
		return time.Duration(ms * float64(time.Millisecond))
	}
	text := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
