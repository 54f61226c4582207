// Tally runs the tests of the module it stands in for `cargo xtask test`: details of failures, then
// `N passed, N failed`. Its words are words of `go test`.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
)

type event struct {
	Action, Test, Output string
}

func main() {
	words := append([]string{"test", "-count=1", "-json"}, os.Args[1:]...)
	command := exec.Command("go", words...)
	command.Stderr = os.Stdout
	output, err := command.StdoutPipe()
	if err != nil {
		panic(err)
	}
	if err := command.Start(); err != nil {
		panic(err)
	}
	passed, failed := 0, 0
	printed := map[string]string{}
	for lines := bufio.NewScanner(output); lines.Scan(); {
		var one event
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			fmt.Println(lines.Text())
			continue
		}
		switch {
		case one.Action == "output":
			printed[one.Test] += one.Output
		case one.Test != "" && one.Action == "pass":
			passed++
		case one.Action == "fail", one.Action == "skip" && one.Test != "":
			// The package fails with its tests; alone, it died before them.
			if one.Test != "" || failed == 0 {
				failed++
				fmt.Print(printed[one.Test])
			}
		}
	}
	if command.Wait() != nil && failed == 0 {
		failed++
	}
	fmt.Printf("go: %d passed, %d failed\n", passed, failed)
	if failed > 0 || passed == 0 {
		os.Exit(1)
	}
}
