package main

import (
	"errors"
	"fmt"
	"os"

	"fracture/cluster"
)

// A panic beside a screen must not end the process at once: the terminal would stay raw, and the nodes be killed instead of
// ended. It becomes an error of the goroutine that it befell, which ends the others in order, and the last thing said is
// where its stack is to be found.

// guarded runs a goroutine of a group so that its panic is its error.
func guarded(run func() error) func() error {
	return func() (err error) {
		defer cluster.Catch(&err)
		return run()
	}
}

// noteCrash writes the stack of a panic to a file, outside of the cluster directory, which goes with the lab, and adds its
// name to the error. Any other error it leaves as it is.
func noteCrash(err error) error {
	var crash interface{ Stack() []byte }
	if !errors.As(err, &crash) {
		return err
	}
	file, fileErr := os.CreateTemp("", "fracture-crash-*.txt")
	if fileErr == nil {
		_, fileErr = fmt.Fprintf(file, "%v\nfracture %s\n\n%s", err, version(), crash.Stack())
		fileErr = errors.Join(fileErr, file.Close())
	}
	if fileErr != nil {
		return fmt.Errorf("%w: a fault of fracture's own; its stack could not be written (%w):\n%s", err, fileErr, crash.Stack())
	}
	return fmt.Errorf("%w: a fault of fracture's own; please report it with %s", err, file.Name())
}
