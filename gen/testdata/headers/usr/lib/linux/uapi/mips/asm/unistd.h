#if _MIPS_SIM == 1
#define __NR_Linux 4000
#define __NR_fcntl64 (__NR_Linux + 220)
#define __NR_O32_Linux 4000
#else
#define __NR_Linux 5000
#endif
#define __NR_read (__NR_Linux + 3)
#define __NR_fcntl (__NR_Linux + 55)
#define __NR_Linux_syscalls 999
