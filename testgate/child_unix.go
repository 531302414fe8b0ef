//go:build unix

package testgate

import (
	"os"
	"syscall"
)

// askForStacks makes a Go program print its stacks and exit with status 2.
func askForStacks(p *os.Process) error { return p.Signal(syscall.SIGQUIT) }
