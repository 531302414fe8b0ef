#include "go_asm.h"
#include "textflag.h"

// R8 is the block and R9 the step. System calls keep both.

// KERNEL makes the system call that lies at reg+off like a step: result in R0.
#define KERNEL(off, reg) \
	MOVW	(off+const_recArgs+0)(reg), R0; \
	MOVW	(off+const_recArgs+8)(reg), R1; \
	MOVW	(off+const_recArgs+16)(reg), R2; \
	MOVW	(off+const_recArgs+24)(reg), R3; \
	MOVW	(off+const_recArgs+32)(reg), R4; \
	MOVW	(off+const_recArgs+40)(reg), R5; \
	MOVW	(off+const_recNumber)(reg), R7; \
	SWI	$0

// BARRIER is the processor's, or on those that may lack it the kernel's, which
// lies at an address that all kernels have in common.
#ifdef GOARM_7
#define BARRIER \
	DMB	MB_ISH
#else
#define BARRIER \
	MOVW	$0xffff0fa0, R1; \
	BL	(R1)
#endif

// func trampoline(block uintptr) (r uintptr)
//
// The child goes on at run, with the registers of the parent and a stack of its
// own, which only the kernel uses, for the frame of a signal.
TEXT ·trampoline(SB), NOSPLIT|NOFRAME, $0-8
	MOVW	block+0(FP), R8
	KERNEL(const_blkBlock, R8)
	CMP	$0, R0
	BNE	return
	KERNEL(const_blkClone, R8)
	CMP	$0, R0
	BEQ	run
	MOVW	R0, R9
	KERNEL(const_blkRestore, R8)
	MOVW	R9, R0
return:
	MOVW	R0, r+4(FP)
	RET

run:
	ADD	$const_blkProgram, R8, R9
next:
	MOVW	const_recKind(R9), R0
	MOVW	const_recNumber(R9), R1
	MOVW	const_recArgs(R9), R2
	CMP	$const_kindSyscall, R0
	BEQ	syscall
	CMP	$const_kindLoad, R0
	BEQ	load
	CMP	$const_kindStore, R0
	BEQ	store
	CMP	$const_kindAwait, R0
	BEQ	await
	CMP	$const_kindSet, R0
	BEQ	set
	CMP	$const_kindSpawn, R0
	BEQ	spawn
	CMP	$const_kindRequire, R0
	BEQ	require
exit:
	KERNEL(const_blkExit, R8)
	B	exit

done: // the barrier stands before and after every step
	MOVW	R0, const_recResult(R9)
	BARRIER
	MOVW	const_blkDone(R8), R0
	ADD	$1, R0
	MOVW	R0, const_blkDone(R8)
	ADD	$const_recSize, R9
	B	next

syscall:
	KERNEL(0, R9)
	B	done

load:
	MOVBU	(R1), R0
	B	done

store:
	MOVBU	R2, (R1)
	MOVW	$0, R0
	B	done

await:
	MOVW	(R1), R0
	CMP	R2, R0
	BEQ	done
	KERNEL(const_blkSleep, R8)
	MOVW	const_recNumber(R9), R1
	MOVW	const_recArgs(R9), R2
	B	await

set:
	MOVW	R2, (R1)
	MOVW	$0, R0
	B	done

spawn:
	KERNEL(0, R9)
	CMP	$0, R0
	BNE	done
	MOVW	(const_recArgs+40)(R9), R8
	B	run

require:
	MOVW	(const_recResult-const_recSize)(R9), R0
	CMP	R1, R0
	BEQ	done
	B	exit

// func onSignal()
//
// A signal finds R8 as the interpreter left it; R1 is the siginfo. Its head
// takes half as much as on 64 bits.
TEXT ·onSignal(SB), NOSPLIT|NOFRAME, $0-0
	MOVW	0(R1), R0
	MOVW	R0, (const_blkFault+0)(R8)
	MOVW	4(R1), R0
	MOVW	R0, (const_blkFault+4)(R8)
	MOVW	8(R1), R0
	MOVW	R0, (const_blkFault+8)(R8)
	MOVW	12(R1), R0
	MOVW	R0, (const_blkFault+12)(R8)
exit:
	KERNEL(const_blkExit, R8)
	B	exit

// func onSignalAddress() uintptr
TEXT ·onSignalAddress(SB), NOSPLIT|NOFRAME, $0-4
	MOVW	$·onSignal(SB), R0
	MOVW	R0, ret+0(FP)
	RET
