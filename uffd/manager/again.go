//go:build !plan9

package manager

import "syscall"

// errAgain is the error of a call that did nothing yet, or not all.
var errAgain error = syscall.EAGAIN
