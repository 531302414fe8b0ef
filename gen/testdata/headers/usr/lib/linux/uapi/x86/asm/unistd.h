#ifdef __i386__
#define __NR_read 3
#define __NR_fcntl 55
#define __NR_fcntl64 221
#define __NR_memfd_secret 447
#define __NR_mmap2 192
#else
#define __NR_read 0
#define __NR_fcntl 72
#define __NR_memfd_secret 447
#define __NR_mmap 9
#endif
