// Program go calls every operation of a world in order: `go run . WORLD`. It prints a line of JSON for
// each: whether it went well, or the class of the error.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"
	"reflect"
	"strings"

	keyhaven "github.com/keyhaven/keyhaven/sdks/go"
	"github.com/keyhaven/keyhaven/sdks/go/sdkerrors"
	"github.com/keyhaven/keyhaven/sdks/go/shared"
)

type world struct {
	ServerURL string `json:"serverURL"`
	Steps     []step `json:"steps"`
}

type step struct {
	ID       string            `json:"id"`
	Security map[string]string `json:"security"`
	Given    map[string]string `json:"given"`
}

type line struct {
	ID      string `json:"id"`
	OK      bool   `json:"ok"`
	Error   string `json:"error,omitempty"`
	Status  int    `json:"status,omitempty"`
	Message string `json:"message,omitempty"`
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var told world
	if err := json.Unmarshal(text, &told); err != nil {
		log.Fatal(err)
	}
	out := json.NewEncoder(os.Stdout)
	for _, step := range told.Steps {
		if err := out.Encode(step.run(told.ServerURL)); err != nil {
			log.Fatal(err)
		}
	}
}

func (s step) run(url string) line {
	options := []keyhaven.Option{keyhaven.WithServerURL(url)}
	if bearer := s.Security["bearer"]; bearer != "" {
		options = append(options, keyhaven.WithSecurity(keyhaven.Bearer(bearer)))
	}
	if name := s.Security["username"]; name != "" {
		password := shared.Secret(s.Security["password"])
		options = append(options, keyhaven.WithSecurity(keyhaven.Basic{Username: name, Password: password}))
	}
	given := func(name string) string { return s.Given[name] }
	_, err := programs[s.ID](context.Background(), keyhaven.New(options...), given)
	if err == nil {
		return line{ID: s.ID, OK: true}
	}
	told := line{ID: s.ID, Message: err.Error()}
	told.Error = strings.TrimPrefix(reflect.TypeOf(err).String(), "*sdkerrors.")
	var answer sdkerrors.HTTPError
	if errors.As(err, &answer) {
		told.Status = answer.Common().StatusCode
	}
	return told
}
