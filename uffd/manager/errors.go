package manager

import (
	"errors"

	"github.com/pageslot/pageslot/uffd"
)

var (
	// ErrOwnProcess is the error of Add for a descriptor that stands for memory
	// of this process: see Options.ThisProcessMayHang.
	ErrOwnProcess = errors.New("the descriptor stands for memory of this process, which could hang for ever: serve it from another process, or set ThisProcessMayHang")

	// ErrRunning is the error of a second Run at the same time.
	ErrRunning = errors.New("it runs already")

	// ErrUnknown is the error of naming a process that is not served: it has
	// ended, or never was.
	ErrUnknown = errors.New("no such process is served")

	// ErrClosed is the error of everything after Close. It is uffd.ErrClosed.
	ErrClosed = uffd.ErrClosed
)
