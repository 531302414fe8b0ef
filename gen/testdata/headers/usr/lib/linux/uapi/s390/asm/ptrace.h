#define PT_PSWMASK 0
