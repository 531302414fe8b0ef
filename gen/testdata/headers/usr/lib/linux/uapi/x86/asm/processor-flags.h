#define X86_EFLAGS_CF 1
