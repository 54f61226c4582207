package clients

// A server of the suite's own: the built program on a fresh data directory and a free port.

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

type server struct {
	address, id, secret string
	process             *exec.Cmd
	folder              string
}

// Two servers: one on defaults, one as the published schema has it to the letter.
var byDefault, toTheLetter *server

const group = "North Clinic"

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run stops the servers however the tests end.
func run(m *testing.M) int {
	byDefault = start()
	defer byDefault.stop()
	toTheLetter = start(
		"KEYHAVEN_JSONAPI_ERROR_SHAPE=object",
		"KEYHAVEN_JSONAPI_INCLUDE_ORGANIZATION=omit",
		"KEYHAVEN_JSONAPI_ORGANIZATION_AUTH=none",
	)
	defer toTheLetter.stop()
	return m.Run()
}

var (
	greeting   = regexp.MustCompile(`http://localhost:(\d+)`)
	firstToken = regexp.MustCompile(`curl -u (kh_client_\w+):(kh_secret_\w+) `)
)

func start(settings ...string) *server {
	program := os.Getenv("KEYHAVEN_BIN")
	if program == "" {
		panic("KEYHAVEN_BIN names no program: run `cargo xtask test`")
	}
	folder, err := os.MkdirTemp("", "keyhaven-clients-")
	must(err)
	data := filepath.Join(folder, "data")
	process := exec.Command(program, "--data", data, "serve",
		"--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0")
	process.Env = append(withoutOurs(os.Environ()), settings...)
	process.Stderr = os.Stderr
	output, err := process.StdoutPipe()
	must(err)
	must(process.Start())
	started := &server{process: process, folder: folder}
	lines := bufio.NewScanner(output)
	for started.id == "" {
		if !lines.Scan() {
			panic("the server ended before its first line")
		}
		if port := greeting.FindStringSubmatch(lines.Text()); port != nil {
			started.address = "127.0.0.1:" + port[1]
		}
		if client := firstToken.FindStringSubmatch(lines.Text()); client != nil {
			started.id, started.secret = client[1], client[2]
		}
	}
	// Whatever it prints from here on is not ours to read, but must not fill the pipe.
	go func() {
		for lines.Scan() {
		}
	}()
	tie := exec.Command(os.Getenv("KEYHAVEN_TEST_PYTHON"), "a_group.py", data, group)
	told, err := tie.CombinedOutput()
	if err != nil {
		panic(fmt.Sprintf("no group: %v %s", err, told))
	}
	return started
}

// What the suite is told by KEYHAVEN_… variables would be settings to the server.
func withoutOurs(environment []string) []string {
	var others []string
	for _, variable := range environment {
		if !strings.HasPrefix(variable, "KEYHAVEN_") {
			others = append(others, variable)
		}
	}
	return others
}

func (s *server) stop() {
	must(s.process.Process.Signal(syscall.SIGTERM))
	_ = s.process.Wait() // how it ends is another suite's matter
	must(os.RemoveAll(s.folder))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
