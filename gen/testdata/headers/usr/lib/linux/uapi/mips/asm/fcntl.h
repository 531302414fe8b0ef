#define O_NONBLOCK 0x0080
#include <asm-generic/fcntl.h>
