package main

import "strings"

// failure is an error that says where it happened, as far as it is known.
type failure struct {
	port   string // GOARCH
	header string // as in #include <header>
	symbol string
	err    error
}

func (f *failure) Error() string {
	var parts []string
	for _, s := range []string{f.port, f.header, f.symbol} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(append(parts, f.err.Error()), ": ")
}

func (f *failure) Unwrap() error { return f.err }
