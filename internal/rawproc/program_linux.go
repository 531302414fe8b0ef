package rawproc

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/pageslot/pageslot/sys"
	"golang.org/x/sys/unix"
)

// nap is how long Await sleeps between looks.
const nap = 50 * time.Microsecond

// caught are the signals that the process has a handler for: those of a bad
// access.
var caught = [2]unix.Signal{unix.SIGSEGV, unix.SIGBUS}

// isMips tells whether two structures of the kernel have their words in the
// order of MIPS.
var isMips = strings.HasPrefix(runtime.GOARCH, "mips")

// prologue are the steps that every process begins with: hidden from Done and
// Result. It dies with its parent, is not left over from one that died before
// this was arranged, and handles bad accesses.
//
// Of a process from Child the parent's number is not known beforehand, so it only
// asks for it.
func prologue(r *region, sigset uintptr, ours bool) []Op {
	ops := []Op{
		Syscall(sys.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uint64(unix.SIGKILL)),
		Syscall(sys.SYS_GETPPID),
		{kind: kindRequire, number: uint64(os.Getpid())},
	}
	if !ours {
		ops[2] = Syscall(sys.SYS_GETPPID)
	}
	for i, sig := range caught {
		ops = append(ops, Syscall(sys.SYS_RT_SIGACTION, uint64(sig), r.at(blkActions+i*actionSize), 0, uint64(sigset)))
	}
	return append(ops, Syscall(sys.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, r.at(blkSignals), 0, uint64(sigset)))
}

// hidden is the number of steps of the prologue.
const hidden = 4 + len(caught)

// load makes a region with a program, ready for clone(2) with the flags.
func load(ops []Op, flags uint64) (*region, error) {
	sigset, err := sigsetBytes()
	if err != nil {
		return nil, err
	}
	return loadAll(ops, flags, sigset, true)
}

// loadAll is load, also for the programs of children. ours tells whether it will
// be a child of this process.
func loadAll(ops []Op, flags uint64, sigset uintptr, ours bool) (*region, error) {
	for i, op := range ops {
		if op.bad != "" {
			return nil, fmt.Errorf("rawproc: step %d is %s: %w", i, op.bad, unix.EINVAL)
		}
	}
	all := make([]Op, hidden, hidden+len(ops)+1)
	all = append(append(all, ops...), Exit(0))
	r, err := newRegion(blockSize(len(all)))
	if err != nil {
		return nil, err
	}
	copy(all, prologue(r, sigset, ours))
	if err := r.loadChildren(all, sigset); err != nil {
		r.unmap()
		return nil, err
	}
	putProgram(r.block, all, sys.SYS_EXIT_GROUP)
	if err := r.fill(sigset, flags); err != nil {
		r.unmap()
		return nil, err
	}
	return r, nil
}

// loadChildren completes the steps that come from Child.
func (r *region) loadChildren(ops []Op, sigset uintptr) error {
	for i, op := range ops {
		if op.kind != kindSpawn || op.fork {
			continue
		}
		child, err := loadAll(op.child, 0, sigset, false)
		if err != nil {
			return err
		}
		r.children = append(r.children, child)
		ops[i].number = sys.SYS_CLONE
		copy(ops[i].args[:], child.cloneArgs(0, 0))
	}
	return nil
}

// fill writes what is in front of the program.
func (r *region) fill(sigset uintptr, flags uint64) error {
	call := func(at int, number uintptr, args ...uint64) { Syscall(number, args...).put(r.block[at:], 0) }
	call(blkBlock, sys.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, r.at(blkAllSignals), r.at(blkOldSignals), uint64(sigset))
	call(blkRestore, sys.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, r.at(blkOldSignals), 0, uint64(sigset))
	call(blkClone, sys.SYS_CLONE, r.cloneArgs(flags, 0)...)
	call(blkSleep, sys.SYS_NANOSLEEP, r.at(blkNap), 0)
	call(blkExit, sys.SYS_EXIT_GROUP, exitBroken)

	word := r.block[blkNap+bits.UintSize/8:]
	putWord(word, uint64(nap.Nanoseconds()))
	everything := ^uint64(0)
	allowed := everything
	for _, sig := range caught {
		allowed &^= 1 << (sig - 1)
	}
	for i, set := range []uint64{everything, everything, allowed, everything} {
		at := []int{blkAllSignals, blkAllSignals + 8, blkSignals, blkSignals + 8}[i]
		binary.NativeEndian.PutUint64(r.block[at:], set)
	}
	for i, sig := range caught {
		action, err := inheritedAction(sig, sigset)
		if err != nil {
			return err
		}
		handler := action[:]
		if isMips { // the flags come first
			handler = action[bits.UintSize/8:]
		}
		putWord(handler, uint64(onSignalAddress()))
		copy(r.block[blkActions+i*actionSize:], action[:])
	}
	return nil
}

// exitBroken is the exit code of a process that found another parent than it was
// made by. A fault ends with it too, but there Wait reports the signal.
const exitBroken = 255

// cloneArgs are the arguments of clone(2) for a process in region r, whose
// number the kernel is to write to ptid. Thread-local storage is a zeroed piece
// of the block. On 386 that takes a descriptor in a table of the kernel; there
// the process keeps what it has, and does not look at it.
func (r *region) cloneArgs(flags, ptid uint64) []uint64 {
	tls := r.at(blkTLS)
	if runtime.GOARCH == "386" {
		tls = 0
	} else {
		flags |= unix.CLONE_SETTLS
	}
	// The block begins where the stack ends. Some ports want room above.
	args := order(runtime.GOARCH, flags, r.at(0)-512, ptid, tls, r.at(0))
	// For kindSpawn: clone has five arguments, and without CLONE_CHILD_SETTID and
	// CLONE_CHILD_CLEARTID it does not look at ctid, which 386 takes.
	args[5] = r.at(0)
	return args[:]
}

// putWord writes a word of this port's size.
func putWord(b []byte, value uint64) {
	if bits.UintSize == 32 {
		binary.NativeEndian.PutUint32(b, uint32(value))
		return
	}
	binary.NativeEndian.PutUint64(b, value)
}
