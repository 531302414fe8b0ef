#include "go_asm.h"
#include "textflag.h"

// BP is the block and SI the step. A system call with six arguments takes every
// register but SP, one with five leaves BP alone. So the block lies on the stack
// during the calls of the program, and the address of the step in the block.

// KERNEL makes the system call that lies at reg+off like a step, with its first
// five arguments: result in AX.
#define KERNEL(off, reg) \
	MOVL	(off+const_recNumber)(reg), AX; \
	MOVL	(off+const_recArgs+0)(reg), BX; \
	MOVL	(off+const_recArgs+8)(reg), CX; \
	MOVL	(off+const_recArgs+16)(reg), DX; \
	MOVL	(off+const_recArgs+32)(reg), DI; \
	MOVL	(off+const_recArgs+24)(reg), SI; \
	INT	$0x80

// func trampoline(block uintptr) (r uintptr)
//
// The child goes on at run, with the registers of the parent and a stack of its
// own.
TEXT ·trampoline(SB), NOSPLIT|NOFRAME, $0-8
	MOVL	block+0(FP), BP
	KERNEL(const_blkBlock, BP)
	TESTL	AX, AX
	JNE	return
	KERNEL(const_blkClone, BP)
	TESTL	AX, AX
	JEQ	run
	MOVL	AX, r+4(FP)
	KERNEL(const_blkRestore, BP)
	RET
return:
	MOVL	AX, r+4(FP)
	RET

run:
	LEAL	const_blkProgram(BP), SI
next:
	MOVL	SI, const_blkStep(BP)
	MOVL	const_recKind(SI), AX
	MOVL	const_recNumber(SI), BX
	MOVL	const_recArgs(SI), CX
	CMPL	AX, $const_kindSyscall
	JEQ	syscall
	CMPL	AX, $const_kindLoad
	JEQ	load
	CMPL	AX, $const_kindStore
	JEQ	store
	CMPL	AX, $const_kindAwait
	JEQ	await
	CMPL	AX, $const_kindSet
	JEQ	set
	CMPL	AX, $const_kindSpawn
	JEQ	spawn
	CMPL	AX, $const_kindRequire
	JEQ	require
exit:
	KERNEL(const_blkExit, BP)
	JMP	exit

done: // the locked instruction is a barrier
	MOVL	const_blkStep(BP), SI
	MOVL	AX, const_recResult(SI)
	LOCK
	INCL	const_blkDone(BP)
	ADDL	$const_recSize, SI
	JMP	next

syscall:
	PUSHL	BP
	MOVL	(const_recArgs+40)(SI), BP
	KERNEL(0, SI)
	POPL	BP
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
	KERNEL(const_blkSleep, BP)
	MOVL	const_blkStep(BP), SI
	MOVL	const_recNumber(SI), BX
	MOVL	const_recArgs(SI), CX
	JMP	await

set:
	MOVL	CX, (BX)
	XORL	AX, AX
	JMP	done

spawn:
	KERNEL(0, SI)
	TESTL	AX, AX
	JNE	done
	MOVL	DI, BP // as the fifth argument: both processes have the block here
	JMP	run

require:
	MOVL	(const_recResult-const_recSize)(SI), AX
	CMPL	AX, BX
	JEQ	done
	JMP	exit

// func onSignal()
//
// A bad access finds BP as the interpreter left it. The siginfo is the second
// argument, and its head takes half as much as on 64 bits.
TEXT ·onSignal(SB), NOSPLIT|NOFRAME, $0-0
	MOVL	8(SP), DX
	MOVL	0(DX), AX
	MOVL	AX, (const_blkFault+0)(BP)
	MOVL	4(DX), AX
	MOVL	AX, (const_blkFault+4)(BP)
	MOVL	8(DX), AX
	MOVL	AX, (const_blkFault+8)(BP)
	MOVL	12(DX), AX
	MOVL	AX, (const_blkFault+12)(BP)
exit:
	KERNEL(const_blkExit, BP)
	JMP	exit

// func onSignalAddress() uintptr
TEXT ·onSignalAddress(SB), NOSPLIT|NOFRAME, $0-4
	LEAL	·onSignal(SB), AX
	MOVL	AX, ret+0(FP)
	RET
