#define MAP_32BIT 0x40
#include <asm-generic/mman-common.h>
