//go:build !plan9

package debian

import "syscall"

// errFull is the error of a full disk.
var errFull error = syscall.ENOSPC
