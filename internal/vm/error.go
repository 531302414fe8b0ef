package vm

import "strings"

// Error says that the machine failed, not a job in it.
type Error struct {
	Why     string // one line
	Console string // what the machine's console said beside the frames, shortened in the middle
	Err     error  // the cause, if there is one

	started   bool // there was a machine, so its silence says something
	stillborn bool // the kernel gave up before the init said a word
}

// Error has the reason first and the console after it.
func (e *Error) Error() string {
	line := "machine failed: " + e.Why
	if e.Console == "" && !e.started {
		return line
	}
	if e.Console == "" {
		return line + "; its console is empty"
	}
	return line + "; its console:\n" + strings.TrimRight(e.Console, "\n")
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }
