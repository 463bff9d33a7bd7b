package main

import (
	"errors"
	"fmt"
)

// flagError is what is wrong with a flag, or with what a scenario says in its place.
type flagError struct {
	flag string // without its dashes
	mark string // between the flag and why: a space where that begins with the value, else a colon too
	why  error
}

// wrongFlag tells of a flag that why speaks of; it does not begin with the value.
func wrongFlag(flag string, why error) error { return &flagError{flag, ": ", why} }

// wrongValue tells of a flag by its value, with which the text begins.
func wrongValue(flag, format string, args ...any) error {
	return &flagError{flag, " ", fmt.Errorf(format, args...)}
}

func (e *flagError) Error() string { return "--" + e.flag + e.mark + e.why.Error() }

func (e *flagError) Unwrap() error { return e.why }

// errFlag finds it in an error; nil where it is of no flag.
func errFlag(err error) (e *flagError) {
	errors.As(err, &e)
	return e
}
