#include "go_asm.h"
#include "textflag.h"

// R8 is the block and R9 the step. System calls keep both.

// KERNEL makes the system call that lies at reg+off like a step: result in R2.
#define KERNEL(off, reg) \
	MOVD	(off+const_recArgs+0)(reg), R2; \
	MOVD	(off+const_recArgs+8)(reg), R3; \
	MOVD	(off+const_recArgs+16)(reg), R4; \
	MOVD	(off+const_recArgs+24)(reg), R5; \
	MOVD	(off+const_recArgs+32)(reg), R6; \
	MOVD	(off+const_recArgs+40)(reg), R7; \
	MOVD	(off+const_recNumber)(reg), R1; \
	SYSCALL

// func trampoline(block uintptr) (r uintptr)
//
// The child goes on at run, with the registers of the parent and a stack of its
// own, which only the kernel uses, for the frame of a signal.
TEXT ·trampoline(SB), NOSPLIT|NOFRAME, $0-16
	MOVD	block+0(FP), R8
	KERNEL(const_blkBlock, R8)
	CMPBNE	R2, $0, return
	KERNEL(const_blkClone, R8)
	CMPBEQ	R2, $0, run
	MOVD	R2, R9
	KERNEL(const_blkRestore, R8)
	MOVD	R9, R2
return:
	MOVD	R2, r+8(FP)
	RET

run:
	ADD	$const_blkProgram, R8, R9
next:
	MOVD	const_recKind(R9), R3
	MOVD	const_recNumber(R9), R4
	MOVD	const_recArgs(R9), R5
	CMPBEQ	R3, $const_kindSyscall, syscall
	CMPBEQ	R3, $const_kindLoad, load
	CMPBEQ	R3, $const_kindStore, store
	CMPBEQ	R3, $const_kindAwait, await
	CMPBEQ	R3, $const_kindSet, set
	CMPBEQ	R3, $const_kindSpawn, spawn
	CMPBEQ	R3, $const_kindRequire, require
exit:
	KERNEL(const_blkExit, R8)
	BR	exit

done: // the barrier stands before and after every step
	MOVD	R2, const_recResult(R9)
	SYNC
	MOVWZ	const_blkDone(R8), R3
	ADD	$1, R3
	MOVW	R3, const_blkDone(R8)
	ADD	$const_recSize, R9
	BR	next

syscall:
	KERNEL(0, R9)
	BR	done

load:
	MOVBZ	(R4), R2
	BR	done

store:
	MOVB	R5, (R4)
	MOVD	$0, R2
	BR	done

await:
	MOVWZ	(R4), R2
	CMPBEQ	R2, R5, done
	KERNEL(const_blkSleep, R8)
	MOVD	const_recNumber(R9), R4
	MOVD	const_recArgs(R9), R5
	BR	await

set:
	MOVW	R5, (R4)
	MOVD	$0, R2
	BR	done

spawn:
	KERNEL(0, R9)
	CMPBNE	R2, $0, done
	MOVD	(const_recArgs+40)(R9), R8
	BR	run

require:
	MOVD	(const_recResult-const_recSize)(R9), R2
	CMPBEQ	R2, R4, done
	BR	exit

// func onSignal()
//
// A signal finds R8 as the interpreter left it; R3 is the siginfo.
TEXT ·onSignal(SB), NOSPLIT|NOFRAME, $0-0
	MOVD	0(R3), R2
	MOVD	R2, (const_blkFault+0)(R8)
	MOVD	8(R3), R2
	MOVD	R2, (const_blkFault+8)(R8)
	MOVD	16(R3), R2
	MOVD	R2, (const_blkFault+16)(R8)
	MOVD	24(R3), R2
	MOVD	R2, (const_blkFault+24)(R8)
exit:
	KERNEL(const_blkExit, R8)
	BR	exit

// func onSignalAddress() uintptr
TEXT ·onSignalAddress(SB), NOSPLIT|NOFRAME, $0-8
	MOVD	$·onSignal(SB), R2
	MOVD	R2, ret+0(FP)
	RET
