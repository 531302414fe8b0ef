#include <linux/types.h>
enum {
	IORING_REGISTER_BUFFERS = 5,
	IORING_REGISTER_FILES = 6,
};
struct io_uring_sqe {
	union { /* without a name: not asked for */
		__u64 off;
		__u64 addr2;
	};
};
struct io_sqring_offsets {
	__u32 head;
	__u32 resv1;
	__u64 resv2;
};
struct io_uring_params {
	__u32 sq_entries;
	__u32 resv[3];
	struct io_sqring_offsets sq_off;
};
