/*
 * read(2) of BATCH messages at a time. reads_linux.go is the same in Go.
 *
 *	reads FAULTER THREADS BATCH WARM RUN
 *
 * THREADS threads of another process wait for a page each; THREADS is a multiple of
 * BATCH. A pass reads all of their messages, which is timed, and then wakes them
 * without a page, so that all fault again. A sample is passes for WARM nanoseconds
 * and then for RUN nanoseconds; its value is the median of the latter, in ns for a
 * read.
 */
#include "bench.h"
#include "child.h"

static int fd, info;
static size_t batch;
static struct hello h;

/* gather waits until all threads wait: the kernel counts them in fdinfo. */
static void gather(void)
{
	struct timespec pause = { .tv_nsec = 20000 };
	char text[256];

	for (;;) {
		ssize_t n = pread(info, text, sizeof(text) - 1, 0);

		if (n <= 0)
			die("fdinfo");
		text[n] = 0;
		char *pending = strstr(text, "pending:");
		if (pending && strtoull(pending + 8, NULL, 10) == h.pages)
			return;
		nanosleep(&pause, NULL);
	}
}

static uint64_t once(void)
{
	struct uffd_msg messages[64];
	struct uffdio_range all = { h.start, h.pages * h.page };
	size_t bytes = batch * sizeof(messages[0]);
	uint64_t begin;

	gather();
	begin = now();
	for (size_t i = 0; i < h.pages; i += batch)
		if (read(fd, messages, bytes) != (ssize_t)bytes)
			die("read");
	begin = now() - begin;
	if (ioctl(fd, UFFDIO_WAKE, &all))
		die("UFFDIO_WAKE");
	return begin;
}

static double sample(uint64_t warm, uint64_t run)
{
	static uint64_t took[4096];
	uint64_t end = now() + warm;
	size_t n = 0;

	while (now() < end)
		once();
	end = now() + run;
	do
		took[n++] = once();
	while (now() < end && n < 4096);
	return (double)quantile(took, n, 0.5) * batch / h.pages;
}

int main(int argc, char **argv)
{
	char name[64];
	int other;

	if (argc != 6 || (batch = strtoul(argv[3], NULL, 10)) > 64)
		die("reads FAULTER THREADS BATCH WARM RUN");
	start_faulter((char *[]){ argv[1], "wait", argv[2], NULL }, &h, &fd, &other);
	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	info = open(name, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		die(name);
	while (asked())
		printf("%.2f\n", sample(strtoull(argv[4], NULL, 10), strtoull(argv[5], NULL, 10)));
	return 0;
}
