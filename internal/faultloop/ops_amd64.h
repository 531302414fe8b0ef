// The words of loop.h on amd64. System calls keep CTX, MSG and RULE, and nothing
// else; the result, an errno negative, is in TA.

#define CTX	R12
#define MSG	R13
#define RULE	BX
#define TA	AX
#define TB	CX
#define TC	DX
#define TD	SI
#define TE	R11

#define LOAD(off, base, dst)	MOVQ	(off)(base), dst
#define LOADB(off, base, dst)	MOVBQZX	(off)(base), dst
#define LOADH(off, base, dst)	MOVWQZX	(off)(base), dst
#define STORE(src, off, base)	MOVQ	src, (off)(base)
#define STOREB(src, off, base)	MOVB	src, (off)(base)

#define SET(imm, dst)	MOVQ	$(imm), dst
#define MOVE(src, dst)	MOVQ	src, dst
#define INC(imm, dst)	ADDQ	$(imm), dst
#define PLUS(src, dst)	ADDQ	src, dst
#define MINUS(src, dst)	SUBQ	src, dst
#define BOTH(src, dst)	ANDQ	src, dst
#define LEFT(n, dst)	SHLQ	$n, dst
#define RIGHT(n, dst)	SHRQ	$n, dst
#define RIGHTBY(count, dst)	SHRQ	count, dst // count is TB

#define GOTO(label)	JMP	label
#define IFEQ(x, y, label)	CMPQ	x, y; JEQ	label
#define IFNE(x, y, label)	CMPQ	x, y; JNE	label
#define IFLO(x, y, label)	CMPQ	x, y; JCS	label
#define IFHS(x, y, label)	CMPQ	x, y; JCC	label
#define IFIS(x, imm, label)	CMPQ	x, $(imm); JEQ	label
#define IFNOT(x, imm, label)	CMPQ	x, $(imm); JNE	label
#define IFLESS(x, imm, label)	CMPQ	x, $(imm); JLT	label // signed

// Plain loads and stores are ordered but for a load after a store.
#define ACQUIRE
#define RELEASE
#define EXCHANGE(reg, off, base)	XCHGQ	reg, (off)(base)
#define FETCHADD(reg, off, base)	LOCK; XADDQ	reg, (off)(base)
#define RELAX	PAUSE

// KERNEL makes the system call that lies at base+rec: see recNumber.
#define KERNEL(rec, base) \
	MOVQ	(rec+const_recArgs+0)(base), DI; \
	MOVQ	(rec+const_recArgs+8)(base), SI; \
	MOVQ	(rec+const_recArgs+16)(base), DX; \
	MOVQ	(rec+const_recArgs+24)(base), R10; \
	MOVQ	(rec+const_recArgs+32)(base), R8; \
	MOVQ	(rec+const_recArgs+40)(base), R9; \
	MOVQ	(rec+const_recNumber)(base), AX; \
	SYSCALL

// OPENKEYS gives this thread the rights to all protection keys: WRPKRU of 0.
#define OPENKEYS \
	XORL	AX, AX; \
	XORL	CX, CX; \
	XORL	DX, DX; \
	BYTE	$0x0F; BYTE $0x01; BYTE $0xEF
