package keyhaven_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
)

// faults is the shared fault server, started once for all tests.
var faults string

func TestMain(m *testing.M) {
	server := exec.Command("node", "../wire/server.mjs")
	input, err := server.StdinPipe()
	fatal(err)
	output, err := server.StdoutPipe()
	fatal(err)
	fatal(server.Start())
	port, err := bufio.NewReader(output).ReadString('\n')
	fatal(err)
	faults = "http://127.0.0.1:" + strings.TrimSpace(port)
	code := m.Run()
	_ = input.Close()
	_ = server.Wait()
	os.Exit(code)
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "the fault server (node ../wire/server.mjs):", err)
		os.Exit(1)
	}
}

type arrived struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

var cases atomic.Int64

// tell says what to answer; it gives the base URL of the case and what came to it.
func tell(t *testing.T, answers any) (string, func() []arrived) {
	t.Helper()
	name := fmt.Sprintf("go%d", cases.Add(1))
	control := faults + "/control/" + name
	text, err := json.Marshal(answers)
	if err != nil {
		t.Fatal(err)
	}
	request, _ := http.NewRequest(http.MethodPut, control, strings.NewReader(string(text)))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return faults + "/s/" + name, func() []arrived {
		t.Helper()
		answer, err := http.Get(control)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		var came []arrived
		if err := json.Unmarshal(body, &came); err != nil {
			t.Fatal(err)
		}
		return came
	}
}
