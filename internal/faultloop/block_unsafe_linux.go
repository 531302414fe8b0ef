package faultloop

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// memory is a mapping that none of Go's pointers lead out of.
type memory []byte

// newMemory maps bytes, all of them present. The mapping is shared, so it is joined to
// no other. A private one may be, and then a huge page that populates its end also
// puts zeros into missing pages of its neighbour.
func newMemory(n int) (memory, error) {
	return unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANON|unix.MAP_POPULATE)
}

// at is the address of a place in it.
func (m memory) at(offset int) uint64 { return uint64(uintptr(unsafe.Pointer(&m[offset]))) }

func (m memory) word(offset int) *uint64 { return (*uint64)(unsafe.Pointer(&m[offset])) }

func (m memory) load(offset int) uint64 { return atomic.LoadUint64(m.word(offset)) }

func (m memory) store(offset int, value uint64) { atomic.StoreUint64(m.word(offset), value) }

func (m memory) load32(offset int) uint32 {
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(&m[offset])))
}

// poll is the pollfds of a block.
func (m memory) poll() *[3]unix.PollFd { return (*[3]unix.PollFd)(unsafe.Pointer(&m[ctxPoll])) }

// message is what the kernel sent, in a slot.
func (m memory) message(offset int) sys.UffdMsg {
	return *(*sys.UffdMsg)(unsafe.Pointer(&m[offset]))
}

// writeEvent writes to an eventfd, which makes it readable.
func writeEvent(fd int) {
	one := uint64(1)
	for {
		_, _, errno := unix.Syscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&one)), 8)
		// EAGAIN: it is as readable as can be.
		if errno != unix.EINTR {
			return
		}
	}
}
