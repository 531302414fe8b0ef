package rawproc

import "encoding/binary"

// What lies where in the block of a process, in bytes. The assembly takes these
// from go_asm.h.
const (
	blkDone    = 0  // 32 bits: how many steps are done
	blkSpawned = 8  // 32 bits: the process that kindSpawn made, written by clone(2)
	blkFault   = 16 // faultSize bytes: the siginfo of the signal that ended it
	blkNap     = 48 // a timespec: how long Await sleeps

	blkAllSignals = 64 // 128 bits: every signal
	blkOldSignals = 80 // 128 bits: what the parent had blocked
	blkSignals    = 96 // 128 bits: every signal but those that it catches

	// System calls, laid out like steps.
	blkBlock   = 112 // blocks all signals in the parent
	blkRestore = 184 // and this undoes it
	blkClone   = 256 // makes the process
	blkSleep   = 328 // the nap of Await
	blkExit    = 400 // ends the process

	blkStep = 472 // 386: the address of the step

	blkActions = 480  // two of actionSize bytes: sigaction(2) for what it catches
	blkTLS     = 832  // the middle of zeros, where a thread pointer points to
	blkProgram = 1024 // the steps

	faultSize  = 32
	actionSize = 64
)

// blockSize is how much the block of a program of n steps takes: there is an
// end behind them.
func blockSize(n int) int { return blkProgram + (n+1)*recSize }

// putProgram writes the steps to block.
func putProgram(block []byte, ops []Op, exit uint64) {
	for i, op := range ops {
		op.put(block[blkProgram+i*recSize:], exit)
	}
}

// fault reads what the handler of the process copied: the head of a siginfo.
// The address is behind three integers of 32 bits, aligned to a word; on MIPS
// the code comes before the errno.
func fault(block []byte, wordBits int, mips bool) Fault {
	info := block[blkFault : blkFault+faultSize]
	f := Fault{
		Signal: int(int32(binary.NativeEndian.Uint32(info))),
		Code:   int(int32(binary.NativeEndian.Uint32(info[8:]))),
	}
	if mips {
		f.Code = int(int32(binary.NativeEndian.Uint32(info[4:])))
	}
	if wordBits == 32 {
		f.Address = uint64(binary.NativeEndian.Uint32(info[12:]))
	} else {
		f.Address = binary.NativeEndian.Uint64(info[16:])
	}
	return f
}

// Fault is why a process was ended by SIGSEGV or SIGBUS (siginfo of
// sigaction(2)).
type Fault struct {
	Signal  int    // SIGSEGV or SIGBUS
	Code    int    // SEGV_MAPERR, BUS_ADRERR and so on
	Address uint64 // what it wanted to touch
}

// order arranges the arguments of clone(2) as the port wants them.
func order(goarch string, flags, stack, ptid, tls, ctid uint64) [6]uint64 {
	switch goarch {
	case "amd64", "loong64":
		return [6]uint64{flags, stack, ptid, ctid, tls}
	case "s390x":
		return [6]uint64{stack, flags, ptid, ctid, tls}
	}
	return [6]uint64{flags, stack, ptid, tls, ctid}
}
