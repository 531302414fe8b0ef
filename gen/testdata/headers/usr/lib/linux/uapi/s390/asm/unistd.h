#define __NR_read 3
#define __NR_fcntl 55
#define __NR_memfd_secret 447
#define __NR_syscalls 500
