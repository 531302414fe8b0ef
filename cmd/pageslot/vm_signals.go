//go:build !js && !plan9

package main

import (
	"os"
	"syscall"
)

// hangups end a command beside the signals that end every one.
var hangups = []os.Signal{syscall.SIGQUIT, syscall.SIGHUP}

// tooLong and killed are the words for two signals.
var (
	tooLong = syscall.SIGQUIT.String()
	killed  = syscall.SIGKILL.String()
)

// signalNumber is the number of a signal on this host; 0 if it has none.
func signalNumber(name string) int {
	for n := 1; n <= 64; n++ {
		if syscall.Signal(n).String() == name {
			return n
		}
	}
	return 0
}
