package clients

// A server of the suite's own: the built program on a fresh data directory and a free port, with a
// group and a client tied to it, both made by the command line beside it.

import (
	"bufio"
	"encoding/json"
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
	firstToken = regexp.MustCompile(`curl -u kh_client_`)
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
	environment := append(withoutOurs(os.Environ()), settings...)
	process.Env = environment
	process.Stderr = os.Stderr
	output, err := process.StdoutPipe()
	must(err)
	must(process.Start())
	started := &server{process: process, folder: folder}
	lines := bufio.NewScanner(output)
	for greeted := false; !greeted; greeted = firstToken.MatchString(lines.Text()) {
		if !lines.Scan() {
			panic("the server ended before its first line")
		}
		if port := greeting.FindStringSubmatch(lines.Text()); started.address == "" && port != nil {
			started.address = "127.0.0.1:" + port[1]
		}
	}
	// Whatever it prints from here on is not ours to read, but must not fill the pipe.
	go func() {
		for lines.Scan() {
		}
	}()
	command := func(words ...string) []byte {
		command := exec.Command(program, append([]string{"--data", data, "--json"}, words...)...)
		command.Env = environment
		command.Stderr = os.Stderr
		told, err := command.Output()
		must(err)
		return told
	}
	command("group", "create", "--org", "default", "--name", group, "--bio", "Three floors")
	var client struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	must(json.Unmarshal(command("client", "create", "--org", "default", "--name", "Clients",
		"--grant", "client_credentials", "--grant", "refresh_token",
		"--scope", "group", "--scope", "organization", "--group", group), &client))
	started.id, started.secret = client.ID, client.Secret
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
