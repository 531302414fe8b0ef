#ifndef _LINUX_MMAN_H
#define _LINUX_MMAN_H
#include <linux/types.h>
#include <asm/mman.h>
#define MAP_PRIVATE 0x02
struct cachestat_range {
	__u64 off;
	__u64 len;
};
#endif
