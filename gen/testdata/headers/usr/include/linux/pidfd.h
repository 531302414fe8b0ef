#include <linux/fcntl.h>
#define PIDFD_NONBLOCK O_NONBLOCK
