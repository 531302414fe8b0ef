#include "go_asm.h"
#include "textflag.h"

// R23 is the block and R24 the step. System calls keep both.

// KERNEL makes the system call that lies at reg+off like a step: result in R4.
#define KERNEL(off, reg) \
	MOVV	(off+const_recArgs+0)(reg), R4; \
	MOVV	(off+const_recArgs+8)(reg), R5; \
	MOVV	(off+const_recArgs+16)(reg), R6; \
	MOVV	(off+const_recArgs+24)(reg), R7; \
	MOVV	(off+const_recArgs+32)(reg), R8; \
	MOVV	(off+const_recArgs+40)(reg), R9; \
	MOVV	(off+const_recNumber)(reg), R11; \
	SYSCALL

#define CASE(kind, label) \
	MOVV	$kind, R13; \
	BEQ	R12, R13, label

// func trampoline(block uintptr) (r uintptr)
//
// The child goes on at run, with the registers of the parent and a stack of its
// own, which only the kernel uses, for the frame of a signal.
TEXT ·trampoline(SB), NOSPLIT|NOFRAME, $0-16
	MOVV	block+0(FP), R23
	KERNEL(const_blkBlock, R23)
	BNE	R4, R0, return
	KERNEL(const_blkClone, R23)
	BEQ	R4, R0, run
	MOVV	R4, R24
	KERNEL(const_blkRestore, R23)
	MOVV	R24, R4
return:
	MOVV	R4, r+8(FP)
	RET

run:
	ADDV	$const_blkProgram, R23, R24
next:
	MOVV	const_recKind(R24), R12
	MOVV	const_recNumber(R24), R14
	MOVV	const_recArgs(R24), R15
	CASE(const_kindSyscall, syscall)
	CASE(const_kindLoad, load)
	CASE(const_kindStore, store)
	CASE(const_kindAwait, await)
	CASE(const_kindSet, set)
	CASE(const_kindSpawn, spawn)
	CASE(const_kindRequire, require)
exit:
	KERNEL(const_blkExit, R23)
	JMP	exit

done: // the barrier stands before and after every step
	MOVV	R4, const_recResult(R24)
	DBAR
	MOVWU	const_blkDone(R23), R12
	ADDV	$1, R12
	MOVW	R12, const_blkDone(R23)
	ADDV	$const_recSize, R24
	JMP	next

syscall:
	KERNEL(0, R24)
	JMP	done

load:
	MOVBU	(R14), R4
	JMP	done

store:
	MOVB	R15, (R14)
	MOVV	R0, R4
	JMP	done

await:
	MOVWU	(R14), R4
	BEQ	R4, R15, done
	KERNEL(const_blkSleep, R23)
	MOVV	const_recNumber(R24), R14
	MOVV	const_recArgs(R24), R15
	JMP	await

set:
	MOVW	R15, (R14)
	MOVV	R0, R4
	JMP	done

spawn:
	KERNEL(0, R24)
	BNE	R4, R0, done
	MOVV	(const_recArgs+40)(R24), R23
	JMP	run

require:
	MOVV	(const_recResult-const_recSize)(R24), R4
	BEQ	R4, R14, done
	JMP	exit

// func onSignal()
//
// A signal finds R23 as the interpreter left it; R5 is the siginfo.
TEXT ·onSignal(SB), NOSPLIT|NOFRAME, $0-0
	MOVV	0(R5), R4
	MOVV	R4, (const_blkFault+0)(R23)
	MOVV	8(R5), R4
	MOVV	R4, (const_blkFault+8)(R23)
	MOVV	16(R5), R4
	MOVV	R4, (const_blkFault+16)(R23)
	MOVV	24(R5), R4
	MOVV	R4, (const_blkFault+24)(R23)
exit:
	KERNEL(const_blkExit, R23)
	JMP	exit

// func onSignalAddress() uintptr
TEXT ·onSignalAddress(SB), NOSPLIT|NOFRAME, $0-8
	MOVV	$·onSignal(SB), R4
	MOVV	R4, ret+0(FP)
	RET
