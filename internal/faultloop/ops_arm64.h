// The words of loop.h on arm64. System calls keep all registers but R0, where the
// result is, an errno negative.

#define CTX	R19
#define MSG	R20
#define RULE	R21
#define TA	R0
#define TB	R9
#define TC	R10
#define TD	R11
#define TE	R12

#define LOAD(off, base, dst)	MOVD	(off)(base), dst
#define LOADB(off, base, dst)	MOVBU	(off)(base), dst
#define LOADH(off, base, dst)	MOVHU	(off)(base), dst
#define STORE(src, off, base)	MOVD	src, (off)(base)
#define STOREB(src, off, base)	MOVB	src, (off)(base)

#define SET(imm, dst)	MOVD	$(imm), dst
#define MOVE(src, dst)	MOVD	src, dst
#define INC(imm, dst)	ADD	$(imm), dst
#define PLUS(src, dst)	ADD	src, dst
#define MINUS(src, dst)	SUB	src, dst
#define BOTH(src, dst)	AND	src, dst
#define LEFT(n, dst)	LSL	$n, dst
#define RIGHT(n, dst)	LSR	$n, dst
#define RIGHTBY(count, dst)	LSR	count, dst // count is TB

#define GOTO(label)	B	label
#define IFEQ(x, y, label)	CMP	y, x; BEQ	label
#define IFNE(x, y, label)	CMP	y, x; BNE	label
#define IFLO(x, y, label)	CMP	y, x; BLO	label
#define IFHS(x, y, label)	CMP	y, x; BHS	label
#define IFIS(x, imm, label)	CMP	$(imm), x; BEQ	label
#define IFNOT(x, imm, label)	CMP	$(imm), x; BNE	label
#define IFLESS(x, imm, label)	CMP	$(imm), x; BLT	label // signed

// The barriers are those of the inner shareable domain. What comes before a
// release may be loads, too, so it is the full one.
#define ACQUIRE	DMB	$0x9
#define RELEASE	DMB	$0xb
#define RELAX	YIELD

// EXCHANGE and FETCHADD use R13 to R16. The store may fail for no reason.
#define EXCHANGE(reg, off, base) \
	ADD	$(off), base, R13; \
	DMB	$0xb; \
	LDXR	(R13), R14; \
	STXR	reg, (R13), R15; \
	CBNZ	R15, -2(PC); \
	DMB	$0xb; \
	MOVD	R14, reg
#define FETCHADD(reg, off, base) \
	ADD	$(off), base, R13; \
	DMB	$0xb; \
	LDXR	(R13), R14; \
	ADD	reg, R14, R15; \
	STXR	R15, (R13), R16; \
	CBNZ	R16, -3(PC); \
	DMB	$0xb; \
	MOVD	R14, reg

// KERNEL makes the system call that lies at base+rec: see recNumber.
#define KERNEL(rec, base) \
	MOVD	(rec+const_recArgs+0)(base), R0; \
	MOVD	(rec+const_recArgs+8)(base), R1; \
	MOVD	(rec+const_recArgs+16)(base), R2; \
	MOVD	(rec+const_recArgs+24)(base), R3; \
	MOVD	(rec+const_recArgs+32)(base), R4; \
	MOVD	(rec+const_recArgs+40)(base), R5; \
	MOVD	(rec+const_recNumber)(base), R8; \
	SVC

// OPENKEYS does nothing: the register of the rights (POR_EL0) is there only where
// the kernel uses protection keys, and no machine that this was tried on does.
#define OPENKEYS
