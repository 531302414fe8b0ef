package uffd

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// WriteProtectTraps tells whether a write to a write-protected page is trapped
// on this machine, which it finds out by such a write.
//
// A kernel's word is not enough. Linux 5.10 on processors other than amd64
// claims [FeaturePagefaultFlagWP], registers memory for write-protection and
// protects it without an error; then a write goes through, and nobody hears of
// it. There the answer is false. Descriptors do not have the feature then.
//
// It tries on a page and a descriptor of its own, of which nothing is left. No
// privilege is needed from Linux 5.11 on (before it, what [Open] needs), and
// nobody waits: the descriptor has FeatureSIGBUS, and the write is made by the
// kernel, so that being trapped is an EFAULT. An answer holds for the process;
// later calls only look it up.
//
// Errors: a [*FeatureError] where the kernel does not even claim it; an
// [*OpenError] where there is no descriptor to be had; an [*Error] with the
// call that failed (EMFILE, ENOMEM). The next call tries again.
func WriteProtectTraps() (bool, error) { return trapOfThisKernel.ask(tryTrap) }

// trapOfThisKernel is all that this package remembers for the process.
var trapOfThisKernel once

// once keeps the first answer that is one.
type once struct {
	mu     sync.Mutex
	known  bool
	answer bool
}

func (o *once) ask(try func() (bool, error)) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known {
		return o.answer, nil
	}
	answer, err := try()
	if err == nil {
		o.known, o.answer = true, answer
	}
	return answer, err
}

// tryTrap writes to a write-protected page.
func tryTrap() (bool, error) {
	k := thisKernel
	k.traps = nil // it is what is to be found out
	d, err := open(k, Options{Required: FeaturePagefaultFlagWP | FeatureSIGBUS, UserMode: UserModeFallback})
	if err != nil {
		return false, err
	}
	defer d.Close()
	page := uintptr(os.Getpagesize())
	addr, err := sys.Mmap(0, page, sys.PROT_READ|sys.PROT_WRITE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS, -1, 0)
	if err != nil {
		return false, &Error{Op: "mmap", Detail: fmt.Sprintf("of %d bytes", page), Err: err}
	}
	defer func() { _ = sys.Munmap(addr, page) }()
	var trapped bool
	err = d.Control(func(fd int) error {
		trapped, err = writeTrapped(fd, sys.UffdioRange{Start: uint64(addr), Len: uint64(page)})
		return err
	})
	return trapped, err
}

// writeTrapped registers a page, fills it, protects it, and writes to it once
// more. The page is registered before it has memory: it is a mapping of its own
// from then on, and cannot become part of a huge page.
func writeTrapped(fd int, page sys.UffdioRange) (bool, error) {
	write, done, err := kernelWrites()
	if err != nil {
		return false, err
	}
	defer done()
	err = sys.UffdioRegisterCall(fd, &sys.UffdioRegister{Range: page, Mode: sys.UFFDIO_REGISTER_MODE_WP})
	if err != nil {
		return refusal("UFFDIO_REGISTER", "for write-protection", err)
	}
	if err := write(uintptr(page.Start)); err != nil {
		return false, &Error{Op: "read", Detail: "into a page that is not protected", Err: err}
	}
	err = sys.UffdioWriteprotectCall(fd, &sys.UffdioWriteprotect{Range: page, Mode: sys.UFFDIO_WRITEPROTECT_MODE_WP})
	if err != nil {
		return refusal("UFFDIO_WRITEPROTECT", "of a page", err)
	}
	switch err := write(uintptr(page.Start)); {
	case err == nil:
		return false, nil
	case errors.Is(err, unix.EFAULT):
		return true, nil
	default:
		return false, &Error{Op: "read", Detail: "into a protected page", Err: err}
	}
}

// refusal is the answer of a kernel that does not do the call that it claims: no.
// What is short now says nothing.
func refusal(op, detail string, err error) (bool, error) {
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EOPNOTSUPP) {
		return false, nil
	}
	return false, &Error{Op: op, Detail: detail, Err: err}
}

// kernelWrites gives a function by which the kernel writes a byte to an address,
// twice at most. The bytes lie in a pipe already, so it does not wait.
func kernelWrites() (write func(addr uintptr) error, done func(), err error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], sys.O_CLOEXEC); err != nil {
		return nil, nil, &Error{Op: "pipe2", Err: err}
	}
	done = func() {
		_ = unix.Close(pipe[0])
		_ = unix.Close(pipe[1])
	}
	if _, err := unix.Write(pipe[1], []byte{1, 1}); err != nil {
		done()
		return nil, nil, &Error{Op: "write", Detail: "of two bytes to a pipe", Err: err}
	}
	return func(addr uintptr) error {
		if _, _, errno := unix.Syscall(unix.SYS_READ, uintptr(pipe[0]), addr, 1); errno != 0 {
			return errno
		}
		return nil
	}, done, nil
}
