package sys

import "golang.org/x/sys/unix"

// Every call of this package is one call of unix.Syscall or unix.Syscall6: the
// Go runtime then knows that the thread may wait in the kernel, and takes its
// processor away meanwhile. (A RawSyscall that waits holds up the garbage
// collector.) And each is written out where its arguments are: only the
// arguments of a function without a Go body may be uintptr(unsafe.Pointer(p)).
// A helper in between could grow the stack, and p would be left behind.
//
// The functions below turn what came back into Go results.

// noSyscall stands for the number of a system call that this port lacks.
const noSyscall = ^uintptr(0)

// asError is for calls that only succeed or fail.
func asError(_, _ uintptr, errno unix.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}

// asInt is for calls that return a descriptor, a key or a count; -1 where they
// fail.
func asInt(r, _ uintptr, errno unix.Errno) (int, error) {
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}

// asAddress is for calls that return an address; 0 where they fail.
func asAddress(r, _ uintptr, errno unix.Errno) (uintptr, error) {
	if errno != 0 {
		return 0, errno
	}
	return r, nil
}
