// The words of loop.h on riscv64. System calls keep CTX, MSG and RULE; the result,
// an errno negative, is in TA. T3 is for what takes more than one
// instruction.

#define CTX	S2
#define MSG	S3
#define RULE	S4
#define TA	A0
#define TB	T0
#define TC	T1
#define TD	T2
#define TE	S5

#define LOAD(off, base, dst)	MOV	(off)(base), dst
#define LOADB(off, base, dst)	MOVBU	(off)(base), dst
#define LOADH(off, base, dst)	MOVHU	(off)(base), dst
#define STORE(src, off, base)	MOV	src, (off)(base)
#define STOREB(src, off, base)	MOVB	src, (off)(base)

#define SET(imm, dst)	MOV	$(imm), dst
#define MOVE(src, dst)	MOV	src, dst
#define INC(imm, dst)	ADD	$(imm), dst
#define PLUS(src, dst)	ADD	src, dst
#define MINUS(src, dst)	SUB	src, dst
#define BOTH(src, dst)	AND	src, dst
#define LEFT(n, dst)	SLL	$n, dst
#define RIGHT(n, dst)	SRL	$n, dst
#define RIGHTBY(count, dst)	SRL	count, dst // count is TB

#define GOTO(label)	JMP	label
#define IFEQ(x, y, label)	BEQ	x, y, label
#define IFNE(x, y, label)	BNE	x, y, label
#define IFLO(x, y, label)	BLTU	x, y, label
#define IFHS(x, y, label)	BGEU	x, y, label
#define IFIS(x, imm, label)	MOV	$(imm), T3; BEQ	x, T3, label
#define IFNOT(x, imm, label)	MOV	$(imm), T3; BNE	x, T3, label
#define IFLESS(x, imm, label)	MOV	$(imm), T3; BLT	x, T3, label // signed

// FENCE orders everything. The atomic instructions are written as acquire and
// release at once, so they need none.
#define ACQUIRE	FENCE
#define RELEASE	FENCE
#define EXCHANGE(reg, off, base)	ADD	$(off), base, T3; AMOSWAPD	reg, (T3), reg
#define FETCHADD(reg, off, base)	ADD	$(off), base, T3; AMOADDD	reg, (T3), reg
#define RELAX

// KERNEL makes the system call that lies at base+rec: see recNumber.
#define KERNEL(rec, base) \
	MOV	(rec+const_recArgs+0)(base), A0; \
	MOV	(rec+const_recArgs+8)(base), A1; \
	MOV	(rec+const_recArgs+16)(base), A2; \
	MOV	(rec+const_recArgs+24)(base), A3; \
	MOV	(rec+const_recArgs+32)(base), A4; \
	MOV	(rec+const_recArgs+40)(base), A5; \
	MOV	(rec+const_recNumber)(base), A7; \
	ECALL

// OPENKEYS does nothing: there are no protection keys.
#define OPENKEYS
