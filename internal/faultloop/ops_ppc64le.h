// The words of loop.h on ppc64le. System calls keep CTX, MSG and RULE; the result,
// an errno negative, is in TA. R21 to R23 are for what takes more than one
// instruction.

#define CTX	R14
#define MSG	R15
#define RULE	R16
#define TA	R3
#define TB	R17
#define TC	R18
#define TD	R19
#define TE	R20

#define LOAD(off, base, dst)	MOVD	(off)(base), dst
#define LOADB(off, base, dst)	MOVBZ	(off)(base), dst
#define LOADH(off, base, dst)	MOVHZ	(off)(base), dst
#define STORE(src, off, base)	MOVD	src, (off)(base)
#define STOREB(src, off, base)	MOVB	src, (off)(base)

#define SET(imm, dst)	MOVD	$(imm), dst
#define MOVE(src, dst)	MOVD	src, dst
#define INC(imm, dst)	ADD	$(imm), dst
#define PLUS(src, dst)	ADD	src, dst
#define MINUS(src, dst)	SUB	src, dst
#define BOTH(src, dst)	AND	src, dst
#define LEFT(n, dst)	SLD	$n, dst
#define RIGHT(n, dst)	SRD	$n, dst
#define RIGHTBY(count, dst)	SRD	count, dst // count is TB

#define GOTO(label)	BR	label
#define IFEQ(x, y, label)	CMP	x, y; BEQ	label
#define IFNE(x, y, label)	CMP	x, y; BNE	label
#define IFLO(x, y, label)	CMPU	x, y; BLT	label
#define IFHS(x, y, label)	CMPU	x, y; BGE	label
#define IFIS(x, imm, label)	CMP	x, $(imm); BEQ	label
#define IFNOT(x, imm, label)	CMP	x, $(imm); BNE	label
#define IFLESS(x, imm, label)	CMP	x, $(imm); BLT	label // signed

// LWSYNC orders all but a load after a store, which SYNC does too.
#define ACQUIRE	LWSYNC
#define RELEASE	LWSYNC
#define EXCHANGE(reg, off, base) \
	ADD	$(off), base, R21; \
	SYNC; \
	LDAR	(R21), R22; \
	STDCCC	reg, (R21); \
	BNE	-2(PC); \
	SYNC; \
	MOVD	R22, reg
#define FETCHADD(reg, off, base) \
	ADD	$(off), base, R21; \
	SYNC; \
	LDAR	(R21), R22; \
	ADD	reg, R22, R23; \
	STDCCC	R23, (R21); \
	BNE	-3(PC); \
	SYNC; \
	MOVD	R22, reg

// RELAX lowers the priority among the threads of a core for a moment.
#define RELAX	OR	R1, R1, R1; OR	R2, R2, R2

// KERNEL makes the system call that lies at base+rec: see recNumber. The kernel says
// in the summary overflow bit that the result is an errno.
#define KERNEL(rec, base) \
	MOVD	(rec+const_recArgs+0)(base), R3; \
	MOVD	(rec+const_recArgs+8)(base), R4; \
	MOVD	(rec+const_recArgs+16)(base), R5; \
	MOVD	(rec+const_recArgs+24)(base), R6; \
	MOVD	(rec+const_recArgs+32)(base), R7; \
	MOVD	(rec+const_recArgs+40)(base), R8; \
	MOVD	(rec+const_recNumber)(base), R9; \
	SYSCALL	R9; \
	BVC	2(PC); \
	NEG	R3

// OPENKEYS gives this thread the rights to all protection keys: the AMR, which is
// register 13, becomes 0.
#define OPENKEYS \
	MOVD	$0, R3; \
	ISYNC; \
	MOVD	R3, SPR(13); \
	ISYNC
