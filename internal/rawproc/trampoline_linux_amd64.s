#include "go_asm.h"
#include "textflag.h"

// R12 is the block and R13 the step. System calls keep both.

// KERNEL makes the system call that lies at reg+off like a step: result in AX.
#define KERNEL(off, reg) \
	MOVQ	(off+const_recArgs+0)(reg), DI; \
	MOVQ	(off+const_recArgs+8)(reg), SI; \
	MOVQ	(off+const_recArgs+16)(reg), DX; \
	MOVQ	(off+const_recArgs+24)(reg), R10; \
	MOVQ	(off+const_recArgs+32)(reg), R8; \
	MOVQ	(off+const_recArgs+40)(reg), R9; \
	MOVQ	(off+const_recNumber)(reg), AX; \
	SYSCALL

// func trampoline(block uintptr) (r uintptr)
//
// The child goes on at run, with the registers of the parent and a stack of its
// own, which only the kernel uses, for the frame of a signal.
TEXT ·trampoline(SB), NOSPLIT|NOFRAME, $0-16
	MOVQ	block+0(FP), R12
	KERNEL(const_blkBlock, R12)
	TESTQ	AX, AX
	JNE	return
	KERNEL(const_blkClone, R12)
	TESTQ	AX, AX
	JEQ	run
	MOVQ	AX, R13
	KERNEL(const_blkRestore, R12)
	MOVQ	R13, AX
return:
	MOVQ	AX, r+8(FP)
	RET

run:
	LEAQ	const_blkProgram(R12), R13
next:
	MOVQ	const_recKind(R13), AX
	MOVQ	const_recNumber(R13), BX
	MOVQ	const_recArgs(R13), CX
	CMPQ	AX, $const_kindSyscall
	JEQ	syscall
	CMPQ	AX, $const_kindLoad
	JEQ	load
	CMPQ	AX, $const_kindStore
	JEQ	store
	CMPQ	AX, $const_kindAwait
	JEQ	await
	CMPQ	AX, $const_kindSet
	JEQ	set
	CMPQ	AX, $const_kindSpawn
	JEQ	spawn
	CMPQ	AX, $const_kindRequire
	JEQ	require
exit:
	KERNEL(const_blkExit, R12)
	JMP	exit

done:
	MOVQ	AX, const_recResult(R13)
	MFENCE
	INCL	const_blkDone(R12)
	ADDQ	$const_recSize, R13
	JMP	next

syscall:
	KERNEL(0, R13)
	JMP	done

load:
	MOVBLZX	(BX), AX
	JMP	done

store:
	MOVB	CX, (BX)
	XORL	AX, AX
	JMP	done

await:
	MOVL	(BX), AX
	CMPL	AX, CX
	JEQ	done
	KERNEL(const_blkSleep, R12)
	MOVQ	const_recArgs(R13), CX
	JMP	await

set:
	MOVL	CX, (BX)
	XORL	AX, AX
	JMP	done

spawn:
	KERNEL(0, R13)
	TESTQ	AX, AX
	JNE	done
	MOVQ	(const_recArgs+40)(R13), R12
	JMP	run

require:
	MOVQ	(const_recResult-const_recSize)(R13), AX
	CMPQ	AX, BX
	JEQ	done
	JMP	exit

// func onSignal()
//
// A signal finds R12 as the interpreter left it; SI is the siginfo.
TEXT ·onSignal(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ	0(SI), AX
	MOVQ	AX, (const_blkFault+0)(R12)
	MOVQ	8(SI), AX
	MOVQ	AX, (const_blkFault+8)(R12)
	MOVQ	16(SI), AX
	MOVQ	AX, (const_blkFault+16)(R12)
	MOVQ	24(SI), AX
	MOVQ	AX, (const_blkFault+24)(R12)
exit:
	KERNEL(const_blkExit, R12)
	JMP	exit

// func onSignalAddress() uintptr
TEXT ·onSignalAddress(SB), NOSPLIT|NOFRAME, $0-8
	LEAQ	·onSignal(SB), AX
	MOVQ	AX, ret+0(FP)
	RET
