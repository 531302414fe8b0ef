#include "go_asm.h"
#include "textflag.h"

// S2 is the block and S3 the step. System calls keep both.

// KERNEL makes the system call that lies at reg+off like a step: result in A0.
#define KERNEL(off, reg) \
	MOV	(off+const_recArgs+0)(reg), A0; \
	MOV	(off+const_recArgs+8)(reg), A1; \
	MOV	(off+const_recArgs+16)(reg), A2; \
	MOV	(off+const_recArgs+24)(reg), A3; \
	MOV	(off+const_recArgs+32)(reg), A4; \
	MOV	(off+const_recArgs+40)(reg), A5; \
	MOV	(off+const_recNumber)(reg), A7; \
	ECALL

#define CASE(kind, label) \
	MOV	$kind, T1; \
	BEQ	T0, T1, label

// func trampoline(block uintptr) (r uintptr)
//
// The child goes on at run, with the registers of the parent and a stack of its
// own, which only the kernel uses, for the frame of a signal.
TEXT ·trampoline(SB), NOSPLIT|NOFRAME, $0-16
	MOV	block+0(FP), S2
	KERNEL(const_blkBlock, S2)
	BNE	ZERO, A0, return
	KERNEL(const_blkClone, S2)
	BEQ	ZERO, A0, run
	MOV	A0, S3
	KERNEL(const_blkRestore, S2)
	MOV	S3, A0
return:
	MOV	A0, r+8(FP)
	RET

run:
	ADD	$const_blkProgram, S2, S3
next:
	MOV	const_recKind(S3), T0
	MOV	const_recNumber(S3), A1
	MOV	const_recArgs(S3), A2
	CASE(const_kindSyscall, syscall)
	CASE(const_kindLoad, load)
	CASE(const_kindStore, store)
	CASE(const_kindAwait, await)
	CASE(const_kindSet, set)
	CASE(const_kindSpawn, spawn)
	CASE(const_kindRequire, require)
exit:
	KERNEL(const_blkExit, S2)
	JMP	exit

done: // the barrier stands before and after every step
	MOV	A0, const_recResult(S3)
	FENCE
	MOVW	const_blkDone(S2), T0
	ADD	$1, T0
	MOVW	T0, const_blkDone(S2)
	ADD	$const_recSize, S3
	JMP	next

syscall:
	KERNEL(0, S3)
	JMP	done

load:
	MOVBU	(A1), A0
	JMP	done

store:
	MOVB	A2, (A1)
	MOV	ZERO, A0
	JMP	done

await:
	MOVWU	(A1), A0
	BEQ	A0, A2, done
	KERNEL(const_blkSleep, S2)
	MOV	const_recNumber(S3), A1
	MOV	const_recArgs(S3), A2
	JMP	await

set:
	MOVW	A2, (A1)
	MOV	ZERO, A0
	JMP	done

spawn:
	KERNEL(0, S3)
	BNE	ZERO, A0, done
	MOV	(const_recArgs+40)(S3), S2
	JMP	run

require:
	MOV	(const_recResult-const_recSize)(S3), A0
	BEQ	A0, A1, done
	JMP	exit

// func onSignal()
//
// A signal finds S2 as the interpreter left it; A1 is the siginfo.
TEXT ·onSignal(SB), NOSPLIT|NOFRAME, $0-0
	MOV	0(A1), A0
	MOV	A0, (const_blkFault+0)(S2)
	MOV	8(A1), A0
	MOV	A0, (const_blkFault+8)(S2)
	MOV	16(A1), A0
	MOV	A0, (const_blkFault+16)(S2)
	MOV	24(A1), A0
	MOV	A0, (const_blkFault+24)(S2)
exit:
	KERNEL(const_blkExit, S2)
	JMP	exit

// func onSignalAddress() uintptr
TEXT ·onSignalAddress(SB), NOSPLIT|NOFRAME, $0-8
	MOV	$·onSignal(SB), A0
	MOV	A0, ret+0(FP)
	RET
