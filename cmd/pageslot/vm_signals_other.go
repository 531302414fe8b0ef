//go:build js || plan9

package main

import "os"

// hangups end a command: these systems have none but the usual.
var hangups = []os.Signal{os.Interrupt}

// tooLong and killed are the words for two signals, on Linux.
const (
	tooLong = "quit"
	killed  = "killed"
)

// signalNumber is 0: no signal has a number on this host.
func signalNumber(string) int { return 0 }
