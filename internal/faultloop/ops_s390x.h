// The words of loop.h on s390x. System calls keep all registers but R2, where the
// result is, an errno negative. RULE is the register of closures, of which there are
// none here. R6 and R7 are for what takes more than one instruction.

#define CTX	R8
#define MSG	R9
#define RULE	R12
#define TA	R2
#define TB	R3
#define TC	R4
#define TD	R5
#define TE	R1

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

// What compares and branches at once has no room for large numbers.
#define GOTO(label)	BR	label
#define IFEQ(x, y, label)	CMP	x, y; BEQ	label
#define IFNE(x, y, label)	CMP	x, y; BNE	label
#define IFLO(x, y, label)	CMPU	x, y; BLT	label
#define IFHS(x, y, label)	CMPU	x, y; BGE	label
#define IFIS(x, imm, label)	CMP	x, $(imm); BEQ	label
#define IFNOT(x, imm, label)	CMP	x, $(imm); BNE	label
#define IFLESS(x, imm, label)	CMP	x, $(imm); BLT	label // signed

// Plain loads and stores are ordered but for a load after a store. CSG is a barrier;
// where it fails, R6 is what it found.
#define ACQUIRE
#define RELEASE
#define EXCHANGE(reg, off, base) \
	MOVD	(off)(base), R6; \
	CSG	R6, reg, (off)(base); \
	BNE	-1(PC); \
	MOVD	R6, reg
#define FETCHADD(reg, off, base) \
	MOVD	(off)(base), R6; \
	ADD	reg, R6, R7; \
	CSG	R6, R7, (off)(base); \
	BNE	-2(PC); \
	MOVD	R6, reg
#define RELAX

// KERNEL makes the system call that lies at base+rec: see recNumber. The base may be
// TE, so R1 is loaded last.
#define KERNEL(rec, base) \
	MOVD	(rec+const_recArgs+0)(base), R2; \
	MOVD	(rec+const_recArgs+8)(base), R3; \
	MOVD	(rec+const_recArgs+16)(base), R4; \
	MOVD	(rec+const_recArgs+24)(base), R5; \
	MOVD	(rec+const_recArgs+32)(base), R6; \
	MOVD	(rec+const_recArgs+40)(base), R7; \
	MOVD	(rec+const_recNumber)(base), R1; \
	SYSCALL

// OPENKEYS does nothing: programs have no protection keys.
#define OPENKEYS
