#include "go_asm.h"
#include "textflag.h"

// R16 is the block and R17 the step. System calls keep both.

// KERNEL makes the system call that lies at reg+off like a step: result in R2.
// The kernel says in R7 that it is an errno.
#define KERNEL(off, reg) \
	MOVV	(off+const_recArgs+0)(reg), R4; \
	MOVV	(off+const_recArgs+8)(reg), R5; \
	MOVV	(off+const_recArgs+16)(reg), R6; \
	MOVV	(off+const_recArgs+24)(reg), R7; \
	MOVV	(off+const_recArgs+32)(reg), R8; \
	MOVV	(off+const_recArgs+40)(reg), R9; \
	MOVV	(off+const_recNumber)(reg), R2; \
	SYSCALL; \
	BEQ	R7, 2(PC); \
	SUBVU	R2, R0, R2

#define CASE(kind, label) \
	MOVV	$kind, R9; \
	BEQ	R8, R9, label

// func trampoline(block uintptr) (r uintptr)
//
// The child goes on at run, with the registers of the parent and a stack of its
// own, which only the kernel uses, for the frame of a signal.
TEXT ·trampoline(SB), NOSPLIT|NOFRAME, $0-16
	MOVV	block+0(FP), R16
	KERNEL(const_blkBlock, R16)
	BNE	R2, R0, return
	KERNEL(const_blkClone, R16)
	BEQ	R2, R0, run
	MOVV	R2, R17
	KERNEL(const_blkRestore, R16)
	MOVV	R17, R2
return:
	MOVV	R2, r+8(FP)
	RET

run:
	ADDV	$const_blkProgram, R16, R17
next:
	MOVV	const_recKind(R17), R8
	MOVV	const_recNumber(R17), R10
	MOVV	const_recArgs(R17), R11
	CASE(const_kindSyscall, syscall)
	CASE(const_kindLoad, load)
	CASE(const_kindStore, store)
	CASE(const_kindAwait, await)
	CASE(const_kindSet, set)
	CASE(const_kindSpawn, spawn)
	CASE(const_kindRequire, require)
exit:
	KERNEL(const_blkExit, R16)
	JMP	exit

done: // the barrier stands before and after every step
	MOVV	R2, const_recResult(R17)
	SYNC
	MOVWU	const_blkDone(R16), R8
	ADDV	$1, R8
	MOVW	R8, const_blkDone(R16)
	ADDV	$const_recSize, R17
	JMP	next

syscall:
	KERNEL(0, R17)
	JMP	done

load:
	MOVBU	(R10), R2
	JMP	done

store:
	MOVB	R11, (R10)
	MOVV	R0, R2
	JMP	done

await:
	MOVWU	(R10), R2
	BEQ	R2, R11, done
	KERNEL(const_blkSleep, R16)
	MOVV	const_recNumber(R17), R10
	MOVV	const_recArgs(R17), R11
	JMP	await

set:
	MOVW	R11, (R10)
	MOVV	R0, R2
	JMP	done

spawn:
	KERNEL(0, R17)
	BNE	R2, R0, done
	MOVV	(const_recArgs+40)(R17), R16
	JMP	run

require:
	MOVV	(const_recResult-const_recSize)(R17), R2
	BEQ	R2, R10, done
	JMP	exit

// func onSignal()
//
// A signal finds R16 as the interpreter left it; R5 is the siginfo.
TEXT ·onSignal(SB), NOSPLIT|NOFRAME, $0-0
	MOVV	0(R5), R2
	MOVV	R2, (const_blkFault+0)(R16)
	MOVV	8(R5), R2
	MOVV	R2, (const_blkFault+8)(R16)
	MOVV	16(R5), R2
	MOVV	R2, (const_blkFault+16)(R16)
	MOVV	24(R5), R2
	MOVV	R2, (const_blkFault+24)(R16)
exit:
	KERNEL(const_blkExit, R16)
	JMP	exit

// func onSignalAddress() uintptr
TEXT ·onSignalAddress(SB), NOSPLIT|NOFRAME, $0-8
	MOVV	$·onSignal(SB), R2
	MOVV	R2, ret+0(FP)
	RET
