package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"fracture/chaos/scenario"
)

// A run in a network of its own begins again there, in the same process, and what it has read may be gone by then, as that of a pipe
// is: the text is handed on in memory.

const (
	handedEnv  = "FRACTURE_SCENARIO" // names the descriptor of the text
	handedName = "fracture-scenario" // of the memory
)

// handOn leaves the text of a scenario to this process as it begins again.
func handOn(text []byte) error {
	fd, err := unix.MemfdCreate(handedName, 0) // and so it outlives exec
	if err == nil {
		_, err = unix.Write(fd, text)
	}
	if err == nil {
		err = os.Setenv(handedEnv, strconv.Itoa(fd))
	}
	if err != nil {
		return fmt.Errorf("handing the scenario on: %w", err)
	}
	return nil
}

// handed is the text that was handed on; false where none was. Its warnings have been printed.
func handed() (text []byte, ok bool) {
	fd, err := strconv.Atoi(os.Getenv(handedEnv))
	_ = os.Unsetenv(handedEnv) // it is not for who is started from here
	if err != nil || fd <= unix.Stderr {
		return nil, false
	}
	path := fmt.Sprintf("/proc/self/fd/%d", fd)
	if name, err := os.Readlink(path); err != nil || !strings.HasPrefix(name, "/memfd:"+handedName) {
		return nil, false // somebody has set the variable by hand
	}
	memory := os.NewFile(uintptr(fd), handedName)
	defer func() { _ = memory.Close() }()
	text, err = io.ReadAll(io.NewSectionReader(memory, 0, scenario.MaxBytes+1))
	return text, err == nil
}
