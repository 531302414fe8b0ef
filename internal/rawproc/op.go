package rawproc

import (
	"encoding/binary"
	"fmt"
)

// Op is one step of a process.
type Op struct {
	kind   uint64
	number uint64 // of a system call; else an address
	args   [6]uint64
	child  []Op   // of kindSpawn, from Child
	fork   bool   // it is the one of Fork, which has its arguments later
	bad    string // why this is no step
}

// Load reads the byte at addr, which is the result.
func Load(addr uint64) Op { return Op{kind: kindLoad, number: addr} }

// Store writes b to the byte at addr.
func Store(addr uint64, b byte) Op {
	return Op{kind: kindStore, number: addr, args: [6]uint64{uint64(b)}}
}

// Syscall makes a system call with up to six arguments. The result is what the
// kernel returned: an error is the negative errno, in two's complement of 64
// bits on every port.
func Syscall(number uintptr, args ...uint64) Op {
	op := Op{kind: kindSyscall, number: uint64(number)}
	if copy(op.args[:], args) < len(args) {
		op.bad = fmt.Sprintf("a system call with %d arguments", len(args))
	}
	return op
}

// Await waits until the 32-bit word at addr, which must be aligned, has the
// value. It sleeps between looks. What was written before the word was set is
// seen by the steps that follow.
func Await(addr uint64, value uint32) Op {
	return Op{kind: kindAwait, number: addr, args: [6]uint64{uint64(value)}, bad: aligned(addr)}
}

// Set stores value to the 32-bit word at addr, which must be aligned. Who sees
// it sees what the steps before have done, too.
func Set(addr uint64, value uint32) Op {
	return Op{kind: kindSet, number: addr, args: [6]uint64{uint64(value)}, bad: aligned(addr)}
}

// Exit ends the process. After the last step it ends with code 0 by itself.
func Exit(code int) Op { return Op{kind: kindExit, args: [6]uint64{uint64(code)}} }

// Child forks the process; the new process runs the steps, and is its child. The
// result is its number. What comes of the steps is not kept: they can tell by Set
// and Store, or by system calls. The step waits as Fork does, and the process has
// to reap its child: wait4(2) with __WALL.
func Child(ops ...Op) Op { return Op{kind: kindSpawn, child: ops} }

func aligned(addr uint64) string {
	if addr%4 == 0 {
		return ""
	}
	return fmt.Sprintf("a word at %#x, which is no multiple of 4", addr)
}

// Kinds of steps, as the assembly knows them.
const (
	kindEnd     = iota // must be 0: behind the last step
	kindSyscall        // result: what the kernel returned
	kindLoad
	kindStore
	kindAwait
	kindSet
	kindSpawn   // clone(2), whose child goes on with the block in its sixth argument
	kindRequire // ends the process if the result before is not number

	kindExit // not known to the assembly: becomes kindSyscall
)

// A step as the assembly reads it: eight words and the result, which it writes.
// A port of 32 bits uses the lower half of a word.
const (
	recKind   = 0
	recNumber = 8
	recArgs   = 16
	recResult = 64
	recSize   = 72
)

// put writes the step to rec. exit is the number of exit_group(2).
func (op Op) put(rec []byte, exit uint64) {
	if op.kind == kindExit {
		op.kind, op.number = kindSyscall, exit
	}
	binary.NativeEndian.PutUint64(rec[recKind:], op.kind)
	binary.NativeEndian.PutUint64(rec[recNumber:], op.number)
	for i, a := range op.args {
		binary.NativeEndian.PutUint64(rec[recArgs+8*i:], a)
	}
}

// result is what the assembly wrote for the step. wordBits is the size of a
// register: what is an errno in 32 bits becomes one in 64.
func (op Op) result(rec []byte, wordBits int) uint64 {
	value := binary.NativeEndian.Uint64(rec[recResult:])
	if wordBits == 32 && (op.kind == kindSyscall || op.kind == kindSpawn) && uint32(value) >= -maxErrno&0xffffffff {
		return uint64(int32(value))
	}
	return value
}

// maxErrno bounds the errnos: the kernel returns -maxErrno to -1 for errors.
const maxErrno = 4095
