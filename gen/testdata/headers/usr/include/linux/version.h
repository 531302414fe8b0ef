#define LINUX_VERSION_CODE 591110 /* 9.5.6 */
#define LINUX_VERSION_MAJOR 9
#define LINUX_VERSION_PATCHLEVEL 5
#define LINUX_VERSION_SUBLEVEL 6
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))
