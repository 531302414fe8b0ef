package faultloop

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// stackBytes is more than nothing, which is what the loop uses.
const stackBytes = 4096

// thread is one thread and its memory: a page that can't be touched, the stack, the
// block, the messages of a batch, the ring.
type thread struct {
	mem   memory
	block memory // from where the block begins
	ring  memory
	kick  int // an eventfd that wakes it when there is room
}

// nap is between two looks for messages where a thread may not wait for them.
const nap = 100 * time.Microsecond

var pageSize = os.Getpagesize()

func up(n int) int { return (n + pageSize - 1) / pageSize * pageSize }

// newThread makes the memory of a thread and writes down all that it will do.
func newThread(l *Loop, c Config) (*thread, error) {
	block := pageSize + up(stackBytes)
	buffer := block + up(ctxSize)
	ring := buffer + up(c.Batch*messageSize)
	zeros := ring + up(c.Slots*slotSize)
	mem, err := newMemory(zeros + pageSize)
	if err != nil {
		return nil, fmt.Errorf("mmap of %d bytes: %w", zeros+pageSize, err)
	}
	t := &thread{mem: mem, block: mem[block:], ring: mem[ring:], kick: -1}
	if err := unix.Mprotect(mem[:pageSize], unix.PROT_NONE); err != nil {
		t.free()
		return nil, fmt.Errorf("mprotect of the guard of a stack: %w", err)
	}
	t.kick, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.free()
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	b := t.block
	b.store(ctxShared, l.shared.at(0))
	b.store(ctxBuffer, mem.at(buffer))
	b.store(ctxBatch, uint64(c.Batch))
	b.store(ctxRing, mem.at(ring))
	b.store(ctxSlots, uint64(c.Slots))
	b.store(ctxSpin, uint64(c.Spin))
	b.store(ctxPage, uint64(pageSize))
	b.store(ctxPageMask, -uint64(pageSize))
	b.store(ctxPoisons, boolWord(c.Poison))
	b.store(ctxKeys, boolWord(c.Keys))
	b.store(ctxZeros, mem.at(zeros))
	b.store(ctxOne, 1)
	b.store(ctxNap+8, uint64(nap.Nanoseconds()))
	copy(b[ctxTitle:ctxTitle+15], "pageslot-faults")
	for i := range 16 {
		b[ctxAll+i] = 0xff
	}
	*b.poll() = [3]unix.PollFd{
		{Fd: int32(l.stop), Events: unix.POLLIN},
		{Fd: int32(t.kick), Events: unix.POLLIN},
		{Fd: int32(l.fd), Events: unix.POLLIN},
	}
	t.calls(l)
	return t, nil
}

func boolWord(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// sigsetBytes is the size of a set of signals: mips has twice as many as others.
func sigsetBytes() uint64 {
	if runtime.GOARCH == "mips64le" {
		return 16
	}
	return 8
}

// calls writes down the system calls.
func (t *thread) calls(l *Loop) {
	b := t.block
	call := func(at int, number uintptr, args ...uint64) {
		binary.NativeEndian.PutUint64(b[at+recNumber:], uint64(number))
		for i, arg := range args {
			binary.NativeEndian.PutUint64(b[at+recArgs+8*i:], arg)
		}
	}
	fd, io, poll := uint64(l.fd), b.at(ctxIO), b.at(ctxPoll)
	call(recBlock, sys.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, b.at(ctxAll), b.at(ctxOld), sigsetBytes())
	call(recRestore, sys.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, b.at(ctxOld), 0, sigsetBytes())
	call(recClone, sys.SYS_CLONE, t.cloneArgs()...)
	call(recName, sys.SYS_PRCTL, unix.PR_SET_NAME, b.at(ctxTitle))
	call(recRead, sys.SYS_READ, fd, b.load(ctxBuffer))
	call(recPoll, sys.SYS_PPOLL, poll, 3, 0, 0, 0)
	call(recPollRoom, sys.SYS_PPOLL, poll, 2, 0, 0, 0)
	call(recDrain, sys.SYS_READ, uint64(t.kick), b.at(ctxSpill), 8)
	call(recNotify, sys.SYS_WRITE, uint64(l.notify), b.at(ctxOne), 8)
	call(recStopAll, sys.SYS_WRITE, uint64(l.stop), b.at(ctxOne), 8)
	for at, request := range map[int]uint64{
		recCopy:      sys.UFFDIO_COPY,
		recZero:      sys.UFFDIO_ZEROPAGE,
		recContinue:  sys.UFFDIO_CONTINUE,
		recUnprotect: sys.UFFDIO_WRITEPROTECT,
		recTouch:     sys.UFFDIO_RWPROTECT,
		recPoison:    sys.UFFDIO_POISON,
		recWake:      sys.UFFDIO_WAKE,
	} {
		call(at, sys.SYS_IOCTL, fd, request, io)
	}
	call(recProtect, sys.SYS_MPROTECT, 0, 0, unix.PROT_NONE)
	call(recExit, sys.SYS_EXIT, 0)
	call(recNap, sys.SYS_NANOSLEEP, b.at(ctxNap), 0)
}

// cloneArgs are the arguments of clone(2), in the order of the port.
func (t *thread) cloneArgs() []uint64 {
	const flags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD |
		unix.CLONE_SYSVSEM | unix.CLONE_SETTLS | unix.CLONE_PARENT_SETTID | unix.CLONE_CHILD_CLEARTID
	tid, tls := t.block.at(ctxTID), t.block.at(ctxTLS)
	stack := t.block.at(0) - 512 // some ports want room above
	switch runtime.GOARCH {
	case "amd64", "loong64":
		return []uint64{flags, stack, tid, tid, tls}
	case "s390x":
		return []uint64{stack, flags, tid, tid, tls}
	}
	return []uint64{flags, stack, tid, tls, tid}
}

// free gives back the memory of a thread that never was or that has ended.
func (t *thread) free() {
	// Neither can fail for what is ours.
	if t.kick >= 0 {
		_ = unix.Close(t.kick)
	}
	_ = unix.Munmap(t.mem)
}
