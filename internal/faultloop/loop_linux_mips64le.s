#include "go_asm.h"
#include "textflag.h"
#include "ops_mips64le.h"

// func start(block uintptr) (r uintptr)
//
// The child goes on at loop, with the registers of the parent and a stack of its
// own, which nobody uses.
TEXT ·start(SB), NOSPLIT|NOFRAME, $0-16
	MOVV	block+0(FP), CTX
	KERNEL(const_recBlock, CTX)
	IFNOT(TA, 0, return)
	KERNEL(const_recClone, CTX)
	IFIS(TA, 0, loop)
	MOVE(TA, MSG)
	KERNEL(const_recRestore, CTX)
	MOVE(MSG, TA)
return:
	MOVV	TA, r+8(FP)
	RET

loop:
#include "loop.h"
