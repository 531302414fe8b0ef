package rawproc

import (
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stackBytes is room for the frame of a signal, which is mostly the processor's
// registers: some KiB.
const stackBytes = 64 << 10

// region is the memory of one process: a page that cannot be touched, the stack
// above it, and the block where the stack begins. It is shared, so that it is
// the same in a forked process, and none of Go's.
type region struct {
	mem      []byte
	block    []byte
	children []*region // of the processes that its steps make
}

func newRegion(blockBytes int) (*region, error) {
	page := os.Getpagesize()
	up := func(n int) int { return (n + page - 1) / page * page }
	stack := page + up(stackBytes)
	mem, err := unix.Mmap(-1, 0, stack+up(blockBytes), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_SHARED|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("rawproc: mmap of %d bytes for a process: %w", stack+up(blockBytes), err)
	}
	r := &region{mem: mem, block: mem[stack:]}
	if err := unix.Mprotect(mem[:page], unix.PROT_NONE); err != nil {
		r.unmap()
		return nil, fmt.Errorf("rawproc: mprotect of the guard of a stack: %w", err)
	}
	return r, nil
}

// at is the address of a place in the block.
func (r *region) at(offset int) uint64 {
	return uint64(uintptr(unsafe.Pointer(&r.block[offset])))
}

// load reads a word of 32 bits that another process may write.
func (r *region) load(offset int) uint32 {
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(&r.block[offset])))
}

// start makes a process that runs the program of the block.
func (r *region) start() (pid int, err error) {
	n := int(trampoline(uintptr(r.at(0))))
	if n < 0 {
		return 0, unix.Errno(-n)
	}
	return n, nil
}

// unmap is for when no process that has this memory uses the region.
func (r *region) unmap() {
	// It can fail only for a range that is not mapped.
	_ = unix.Munmap(r.mem)
	r.mem, r.block = nil, nil
	for _, c := range r.children {
		c.unmap()
	}
}

// inheritedAction reads how this process handles a signal, which is as Go set
// it: with the flags and the restorer that this port needs.
func inheritedAction(sig unix.Signal, sigset uintptr) (action [actionSize]byte, err error) {
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), 0, uintptr(unsafe.Pointer(&action)), sigset, 0, 0)
	if errno != 0 {
		return action, fmt.Errorf("rawproc: rt_sigaction of %v: %w", sig, errno)
	}
	return action, nil
}

// sigsetBytes is the size of the kernel's set of signals, which it compares with
// its own before anything else.
func sigsetBytes() (uintptr, error) {
	for _, size := range []uintptr{8, 16} {
		var old [16]byte
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_BLOCK, 0, uintptr(unsafe.Pointer(&old)), size, 0, 0)
		if errno == 0 {
			return size, nil
		}
	}
	return 0, fmt.Errorf("rawproc: rt_sigprocmask takes sets of neither 8 nor 16 bytes: %w", unix.EINVAL)
}
