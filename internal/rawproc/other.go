//go:build !linux

package rawproc

import (
	"context"
)

// Process is a process that Share or Fork made: on Linux alone.
type Process struct{}

// Supported is an error that says that this is not Linux.
func Supported() error { return errPort }

// Share fails: it is for Linux.
func Share(...Op) (*Process, error) { return nil, errPort }

// Fork fails: it is for Linux.
func Fork(...Op) (*Process, error) { return nil, errPort }

// Pid is 0.
func (*Process) Pid() int { return 0 }

// Done is 0.
func (*Process) Done() int { return 0 }

// Result has none.
func (*Process) Result(int) (value uint64, done bool) { return 0, false }

// Fault has none.
func (*Process) Fault() (Fault, bool) { return Fault{}, false }

// Wait fails: it is for Linux.
func (*Process) Wait(context.Context) (WaitStatus, error) {
	var none WaitStatus
	return none, errPort
}

// Kill fails: it is for Linux.
func (*Process) Kill() error { return errPort }
