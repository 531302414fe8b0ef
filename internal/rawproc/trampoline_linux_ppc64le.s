#include "go_asm.h"
#include "textflag.h"

// R14 is the block and R15 the step. System calls keep both.

// KERNEL makes the system call that lies at reg+off like a step: result in R3.
// The kernel says in the summary overflow bit that it is an errno.
#define KERNEL(off, reg) \
	MOVD	(off+const_recArgs+0)(reg), R3; \
	MOVD	(off+const_recArgs+8)(reg), R4; \
	MOVD	(off+const_recArgs+16)(reg), R5; \
	MOVD	(off+const_recArgs+24)(reg), R6; \
	MOVD	(off+const_recArgs+32)(reg), R7; \
	MOVD	(off+const_recArgs+40)(reg), R8; \
	MOVD	(off+const_recNumber)(reg), R9; \
	SYSCALL	R9; \
	BVC	2(PC); \
	NEG	R3

#define CASE(kind, label) \
	CMP	R16, $kind; \
	BEQ	label

// func trampoline(block uintptr) (r uintptr)
//
// The child goes on at run, with the registers of the parent and a stack of its
// own, which only the kernel uses, for the frame of a signal.
TEXT ·trampoline(SB), NOSPLIT|NOFRAME, $0-16
	MOVD	block+0(FP), R14
	KERNEL(const_blkBlock, R14)
	CMP	R3, $0
	BNE	return
	KERNEL(const_blkClone, R14)
	CMP	R3, $0
	BEQ	run
	MOVD	R3, R15
	KERNEL(const_blkRestore, R14)
	MOVD	R15, R3
return:
	MOVD	R3, r+8(FP)
	RET

run:
	ADD	$const_blkProgram, R14, R15
next:
	MOVD	const_recKind(R15), R16
	MOVD	const_recNumber(R15), R17
	MOVD	const_recArgs(R15), R18
	CASE(const_kindSyscall, syscall)
	CASE(const_kindLoad, load)
	CASE(const_kindStore, store)
	CASE(const_kindAwait, await)
	CASE(const_kindSet, set)
	CASE(const_kindSpawn, spawn)
	CASE(const_kindRequire, require)
exit:
	KERNEL(const_blkExit, R14)
	BR	exit

done: // the barrier stands before and after every step
	MOVD	R3, const_recResult(R15)
	SYNC
	MOVWZ	const_blkDone(R14), R16
	ADD	$1, R16
	MOVW	R16, const_blkDone(R14)
	ADD	$const_recSize, R15
	BR	next

syscall:
	KERNEL(0, R15)
	BR	done

load:
	MOVBZ	(R17), R3
	BR	done

store:
	MOVB	R18, (R17)
	MOVD	R0, R3
	BR	done

await:
	MOVWZ	(R17), R3
	CMP	R3, R18
	BEQ	done
	KERNEL(const_blkSleep, R14)
	BR	await

set:
	MOVW	R18, (R17)
	MOVD	R0, R3
	BR	done

spawn:
	KERNEL(0, R15)
	CMP	R3, $0
	BNE	done
	MOVD	(const_recArgs+40)(R15), R14
	BR	run

require:
	MOVD	(const_recResult-const_recSize)(R15), R3
	CMP	R3, R17
	BEQ	done
	BR	exit

// func onSignal()
//
// A signal finds R14 as the interpreter left it; R4 is the siginfo.
TEXT ·onSignal(SB), NOSPLIT|NOFRAME, $0-0
	MOVD	0(R4), R3
	MOVD	R3, (const_blkFault+0)(R14)
	MOVD	8(R4), R3
	MOVD	R3, (const_blkFault+8)(R14)
	MOVD	16(R4), R3
	MOVD	R3, (const_blkFault+16)(R14)
	MOVD	24(R4), R3
	MOVD	R3, (const_blkFault+24)(R14)
exit:
	KERNEL(const_blkExit, R14)
	BR	exit

// func onSignalAddress() uintptr
TEXT ·onSignalAddress(SB), NOSPLIT|NOFRAME, $0-8
	MOVD	$·onSignal(SB), R3
	MOVD	R3, ret+0(FP)
	RET
