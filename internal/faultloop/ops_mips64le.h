// The words of loop.h on mips64le. System calls keep CTX, MSG and RULE; the result,
// an errno negative, is in TA. R10, R24 and R25 are for what takes more than one
// instruction. Additions are those that don't trap on overflow.

#define CTX	R16
#define MSG	R17
#define RULE	R18
#define TA	R2
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
#define INC(imm, dst)	ADDVU	$(imm), dst
#define PLUS(src, dst)	ADDVU	src, dst
#define MINUS(src, dst)	SUBVU	src, dst
#define BOTH(src, dst)	AND	src, dst
#define LEFT(n, dst)	SLLV	$n, dst
#define RIGHT(n, dst)	SRLV	$n, dst
#define RIGHTBY(count, dst)	SRLV	count, dst // count is TB

#define GOTO(label)	JMP	label
#define IFEQ(x, y, label)	BEQ	x, y, label
#define IFNE(x, y, label)	BNE	x, y, label
#define IFLO(x, y, label)	SGTU	y, x, R24; BNE	R24, R0, label
#define IFHS(x, y, label)	SGTU	y, x, R24; BEQ	R24, R0, label
#define IFIS(x, imm, label)	MOVV	$(imm), R24; BEQ	x, R24, label
#define IFNOT(x, imm, label)	MOVV	$(imm), R24; BNE	x, R24, label
#define IFLESS(x, imm, label)	MOVV	$(imm), R24; SGT	R24, x, R24; BNE	R24, R0, label // signed

// SYNC orders everything. A store can fail for no reason.
#define ACQUIRE	SYNC
#define RELEASE	SYNC
#define EXCHANGE(reg, off, base) \
	ADDVU	$(off), base, R24; \
	SYNC; \
	LLV	(R24), R25; \
	MOVV	reg, R10; \
	SCV	R10, (R24); \
	BEQ	R10, R0, -3(PC); \
	SYNC; \
	MOVV	R25, reg
#define FETCHADD(reg, off, base) \
	ADDVU	$(off), base, R24; \
	SYNC; \
	LLV	(R24), R25; \
	ADDVU	reg, R25, R10; \
	SCV	R10, (R24); \
	BEQ	R10, R0, -3(PC); \
	SYNC; \
	MOVV	R25, reg
#define RELAX

// KERNEL makes the system call that lies at base+rec: see recNumber. The kernel says
// in R7 that the result is an errno.
#define KERNEL(rec, base) \
	MOVV	(rec+const_recArgs+0)(base), R4; \
	MOVV	(rec+const_recArgs+8)(base), R5; \
	MOVV	(rec+const_recArgs+16)(base), R6; \
	MOVV	(rec+const_recArgs+24)(base), R7; \
	MOVV	(rec+const_recArgs+32)(base), R8; \
	MOVV	(rec+const_recArgs+40)(base), R9; \
	MOVV	(rec+const_recNumber)(base), R2; \
	SYSCALL; \
	BEQ	R7, 2(PC); \
	SUBVU	R2, R0, R2

// OPENKEYS does nothing: there are no protection keys.
#define OPENKEYS
