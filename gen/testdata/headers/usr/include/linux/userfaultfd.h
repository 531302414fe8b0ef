#ifndef _LINUX_USERFAULTFD_H
#define _LINUX_USERFAULTFD_H
#include <linux/types.h>

#define UFFD_API ((__u64)0xAA)
#define UFFD_API_FEATURES (UFFD_FEATURE_FIRST | UFFD_FEATURE_LAST)
#define UFFD_API_RANGE_IOCTLS_BASIC ((__u64)1 << _UFFDIO_COPY)

/* Values of every kind. */
#define UFFD_FEATURE_FIRST (1 << 0)
#define UFFD_FEATURE_LAST ((__u64)1 << 63)
#define UFFD_NEGATIVE (-10000)
#define UFFD_LONG (~0UL)
#define UFFD_LONG_LONG (-1LL)
enum {
	UFFD_ENUMERATOR = 7,
	UFFD_BOTH = 8,
#define UFFD_BOTH UFFD_BOTH
};

/* What is no constant. */
#define UFFD_FUNCTION(x) ((x) + 1)
#define UFFD_GONE 1
#undef UFFD_GONE
#define UFFD_TWICE 1
#undef UFFD_TWICE
#define UFFD_TWICE 2

#define UFFDIO 0xAA
#define _UFFDIO_COPY (0x03)
#define _UFFDIO_WAKE (0x02)
#define UFFDIO_COPY _IOWR(UFFDIO, _UFFDIO_COPY, struct uffdio_copy)
#define UFFDIO_WAKE _IOR(UFFDIO, _UFFDIO_WAKE, struct uffdio_range)
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)

struct uffdio_range {
	__u64 start;
	__u64 len;
};

struct uffdio_copy {
	struct uffdio_range dst;
	__u64 src; /* an address of the caller */
	__s64 copy;
};

struct uffd_msg {
	__u8 event;
	__u8 reserved1;
	__u16 reserved2;
	__u32 reserved3;
	union {
		struct {
			__u64 flags;
			__u64 address;
			union {
				__u32 ptid;
			} feat;
		} pagefault;
		struct {
			__u32 ufd;
		} fork;
		__u32 plain;
		struct {
			__u64 a, b, c;
		} all;
	} arg;
} __attribute__((packed));

struct uffd_small {
	__u32 only;
};

/* Holes, arrays, structures without a name and with one. */
struct uffd_holes {
	__u8 kind;
	__u8 name[7];
	__u32 count;
	__aligned_u64 at; /* 4 bytes further */
	struct {
		__u32 first;
		__s32 second;
	};
	struct {
		__u32 x;
		__u32 y;
	} point;
	struct uffdio_range ranges[2];
	struct uffd_small small; /* aligned to 4 */
	__u32 before_last;
	__aligned_u64 last;
};
#endif
