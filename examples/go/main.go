// Program go calls every operation of a world in order: `go run . WORLD`. It prints a line of JSON for
// each: whether it went well, or the class of the error. What a debug log would show of all of it goes
// into WORLD.log.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
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
	shown, err := os.Create(os.Args[1] + ".log")
	if err != nil {
		log.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(shown, &slog.HandlerOptions{Level: slog.LevelDebug}))
	out := json.NewEncoder(os.Stdout)
	for _, step := range told.Steps {
		if err := out.Encode(step.run(told.ServerURL, logger)); err != nil {
			log.Fatal(err)
		}
	}
}

func (s step) run(url string, logger *slog.Logger) line {
	options := []keyhaven.Option{keyhaven.WithServerURL(url), keyhaven.WithLogger(logger)}
	if bearer := s.Security["bearer"]; bearer != "" {
		options = append(options, keyhaven.WithSecurity(keyhaven.Bearer(bearer)))
	}
	if name := s.Security["username"]; name != "" {
		password := shared.Secret(s.Security["password"])
		options = append(options, keyhaven.WithSecurity(keyhaven.Basic{Username: name, Password: password}))
	}
	given := func(name string) string { return s.Given[name] }
	answer, err := programs[s.ID](context.Background(), keyhaven.New(options...), given)
	logger.Debug(s.ID, "answer", dump(reflect.ValueOf(answer)), "error", fmt.Sprintf("%v %+v", err, err))
	if err == nil {
		return line{ID: s.ID, OK: true}
	}
	told := line{ID: s.ID, Message: err.Error()}
	told.Error = strings.TrimPrefix(reflect.TypeOf(err).String(), "*sdkerrors.")
	var refused sdkerrors.HTTPError
	if errors.As(err, &refused) {
		told.Status = refused.Common().StatusCode
	}
	return told
}

// dump shows an answer as a log would, behind every pointer too: fmt alone prints where those point.
func dump(value reflect.Value) string {
	if value.IsValid() && value.CanInterface() {
		if own, ok := value.Interface().(fmt.Formatter); ok && value.Kind() != reflect.Pointer {
			return fmt.Sprintf("%+v", own)
		}
	}
	switch value.Kind() {
	case reflect.Invalid:
		return ""
	case reflect.Pointer, reflect.Interface:
		return dump(value.Elem())
	case reflect.Struct:
		var members []string
		for at := range value.NumField() {
			if value.Type().Field(at).IsExported() {
				members = append(members, value.Type().Field(at).Name+"="+dump(value.Field(at)))
			}
		}
		return fmt.Sprint(members)
	case reflect.Slice:
		var items []string
		for at := range value.Len() {
			items = append(items, dump(value.Index(at)))
		}
		return fmt.Sprint(items)
	}
	return fmt.Sprintf("%+v", value)
}
