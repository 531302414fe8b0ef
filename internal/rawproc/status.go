//go:build !plan9

package rawproc

import "syscall"

// WaitStatus tells how a process ended: see wait(2).
type WaitStatus = syscall.WaitStatus
