#ifndef _LINUX_FS_H
#define _LINUX_FS_H
#include <linux/types.h>
#define PAGEMAP_SCAN _IOWR('f', 16, struct pm_scan_arg)
#define SEEK_HOLE 4
enum procmap_query_flags {
	PROCMAP_QUERY_VMA_READABLE = 0x01,
};
struct page_region {
	__u64 start;
	__u64 end;
};
struct pm_scan_arg {
	__u64 size;
	__u64 vec; /* an address of the caller */
};
struct file_something {
	__u64 not_asked_for;
};
#endif
