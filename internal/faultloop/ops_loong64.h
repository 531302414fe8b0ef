// The words of loop.h on loong64. System calls keep CTX, MSG and RULE; the result,
// an errno negative, is in TA. R16 and R17 are for what takes more than one
// instruction.

#define CTX	R23
#define MSG	R24
#define RULE	R25
#define TA	R4
#define TB	R12
#define TC	R13
#define TD	R14
#define TE	R15

#define LOAD(off, base, dst)	MOVV	(off)(base), dst
#define LOADB(off, base, dst)	MOVBU	(off)(base), dst
#define LOADH(off, base, dst)	MOVHU	(off)(base), dst
#define STORE(src, off, base)	MOVV	src, (off)(base)
#define STOREB(src, off, base)	MOVB	src, (off)(base)

#define SET(imm, dst)	MOVV	$(imm), dst
#define MOVE(src, dst)	MOVV	src, dst
#define INC(imm, dst)	ADDV	$(imm), dst
#define PLUS(src, dst)	ADDV	src, dst
#define MINUS(src, dst)	SUBV	src, dst
#define BOTH(src, dst)	AND	src, dst
#define LEFT(n, dst)	SLLV	$n, dst
#define RIGHT(n, dst)	SRLV	$n, dst
#define RIGHTBY(count, dst)	SRLV	count, dst // count is TB

#define GOTO(label)	JMP	label
#define IFEQ(x, y, label)	BEQ	x, y, label
#define IFNE(x, y, label)	BNE	x, y, label
#define IFLO(x, y, label)	BLTU	x, y, label
#define IFHS(x, y, label)	BGEU	x, y, label
#define IFIS(x, imm, label)	MOVV	$(imm), R16; BEQ	x, R16, label
#define IFNOT(x, imm, label)	MOVV	$(imm), R16; BNE	x, R16, label
#define IFLESS(x, imm, label)	MOVV	$(imm), R16; BLT	x, R16, label // signed

// DBAR orders everything. The atomic instructions are those that are a barrier
// themselves; their three registers must not be the same.
#define ACQUIRE	DBAR
#define RELEASE	DBAR
#define EXCHANGE(reg, off, base) \
	ADDV	$(off), base, R16; \
	AMSWAPDBV	reg, (R16), R17; \
	MOVV	R17, reg
#define FETCHADD(reg, off, base) \
	ADDV	$(off), base, R16; \
	AMADDDBV	reg, (R16), R17; \
	MOVV	R17, reg
#define RELAX

// KERNEL makes the system call that lies at base+rec: see recNumber.
#define KERNEL(rec, base) \
	MOVV	(rec+const_recArgs+0)(base), R4; \
	MOVV	(rec+const_recArgs+8)(base), R5; \
	MOVV	(rec+const_recArgs+16)(base), R6; \
	MOVV	(rec+const_recArgs+24)(base), R7; \
	MOVV	(rec+const_recArgs+32)(base), R8; \
	MOVV	(rec+const_recArgs+40)(base), R9; \
	MOVV	(rec+const_recNumber)(base), R11; \
	SYSCALL

// OPENKEYS does nothing: there are no protection keys.
#define OPENKEYS
