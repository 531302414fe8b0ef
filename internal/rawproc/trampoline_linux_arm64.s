#include "go_asm.h"
#include "textflag.h"

// R19 is the block and R20 the step. System calls keep both.

// KERNEL makes the system call that lies at reg+off like a step: result in R0.
#define KERNEL(off, reg) \
	MOVD	(off+const_recArgs+0)(reg), R0; \
	MOVD	(off+const_recArgs+8)(reg), R1; \
	MOVD	(off+const_recArgs+16)(reg), R2; \
	MOVD	(off+const_recArgs+24)(reg), R3; \
	MOVD	(off+const_recArgs+32)(reg), R4; \
	MOVD	(off+const_recArgs+40)(reg), R5; \
	MOVD	(off+const_recNumber)(reg), R8; \
	SVC

// func trampoline(block uintptr) (r uintptr)
//
// The child goes on at run, with the registers of the parent and a stack of its
// own, which only the kernel uses, for the frame of a signal.
TEXT ·trampoline(SB), NOSPLIT|NOFRAME, $0-16
	MOVD	block+0(FP), R19
	KERNEL(const_blkBlock, R19)
	CBNZ	R0, return
	KERNEL(const_blkClone, R19)
	CBZ	R0, run
	MOVD	R0, R20
	KERNEL(const_blkRestore, R19)
	MOVD	R20, R0
return:
	MOVD	R0, r+8(FP)
	RET

run:
	ADD	$const_blkProgram, R19, R20
next:
	MOVD	const_recKind(R20), R9
	MOVD	const_recNumber(R20), R10
	MOVD	const_recArgs(R20), R11
	CMP	$const_kindSyscall, R9
	BEQ	syscall
	CMP	$const_kindLoad, R9
	BEQ	load
	CMP	$const_kindStore, R9
	BEQ	store
	CMP	$const_kindAwait, R9
	BEQ	await
	CMP	$const_kindSet, R9
	BEQ	set
	CMP	$const_kindSpawn, R9
	BEQ	spawn
	CMP	$const_kindRequire, R9
	BEQ	require
exit:
	KERNEL(const_blkExit, R19)
	B	exit

done: // the barrier (inner shareable) stands before and after every step
	MOVD	R0, const_recResult(R20)
	DMB	$0xb
	MOVWU	const_blkDone(R19), R9
	ADD	$1, R9
	MOVW	R9, const_blkDone(R19)
	ADD	$const_recSize, R20
	B	next

syscall:
	KERNEL(0, R20)
	B	done

load:
	MOVBU	(R10), R0
	B	done

store:
	MOVB	R11, (R10)
	MOVD	ZR, R0
	B	done

await:
	MOVWU	(R10), R0
	CMPW	R11, R0
	BEQ	done
	KERNEL(const_blkSleep, R19)
	MOVD	const_recNumber(R20), R10
	MOVD	const_recArgs(R20), R11
	B	await

set:
	MOVW	R11, (R10)
	MOVD	ZR, R0
	B	done

spawn:
	KERNEL(0, R20)
	CBNZ	R0, done
	MOVD	(const_recArgs+40)(R20), R19
	B	run

require:
	MOVD	(const_recResult-const_recSize)(R20), R0
	CMP	R10, R0
	BEQ	done
	B	exit

// func onSignal()
//
// A signal finds R19 as the interpreter left it; R1 is the siginfo.
TEXT ·onSignal(SB), NOSPLIT|NOFRAME, $0-0
	MOVD	0(R1), R0
	MOVD	R0, (const_blkFault+0)(R19)
	MOVD	8(R1), R0
	MOVD	R0, (const_blkFault+8)(R19)
	MOVD	16(R1), R0
	MOVD	R0, (const_blkFault+16)(R19)
	MOVD	24(R1), R0
	MOVD	R0, (const_blkFault+24)(R19)
exit:
	KERNEL(const_blkExit, R19)
	B	exit

// func onSignalAddress() uintptr
TEXT ·onSignalAddress(SB), NOSPLIT|NOFRAME, $0-8
	MOVD	$·onSignal(SB), R0
	MOVD	R0, ret+0(FP)
	RET
