/* What a report says of the machine: the kernel's name, and the compiler's. */
#include "bench.h"

int main(void)
{
	struct utsname u;

	if (uname(&u))
		die("uname");
	printf("kernel: %s %s %s\n", u.sysname, u.release, u.machine);
#ifdef __clang__
	printf("cc: %s\n", __VERSION__);
#else
	printf("cc: gcc %s\n", __VERSION__);
#endif
	return 0;
}
