/*
 * A manager: it serves the faults of another process, with poll, read and COPY.
 * manager_linux.go is the same in Go.
 *
 *	manager FAULTER PAGES WARM
 *
 * A sample is a new process that touches WARM and then PAGES pages; its values are
 * what that process measured: mean, median and 99th percentile, in ns for a fault.
 */
#include "bench.h"
#include "child.h"

static char *source;

static void serve(int fd, const struct hello *h)
{
	struct uffd_msg messages[16];
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (uint64_t served = 0; served < h->pages;) {
		if (poll(&p, 1, -1) < 0)
			die("poll");
		ssize_t n = read(fd, messages, sizeof(messages));
		if (n < 0 && errno == EAGAIN)
			continue;
		if (n <= 0)
			die("read");
		for (size_t i = 0; i < n / sizeof(messages[0]); i++) {
			if (messages[i].event != UFFD_EVENT_PAGEFAULT)
				die("an event that was not asked for");
			struct uffdio_copy a = {
				.dst = messages[i].arg.pagefault.address,
				.src = (uintptr_t)source,
				.len = h->page,
			};
			if (ioctl(fd, UFFDIO_COPY, &a) == 0)
				served++;
			else if (errno != EEXIST || ioctl(fd, UFFDIO_WAKE, &(struct uffdio_range){ a.dst, a.len }))
				die("UFFDIO_COPY");
		}
	}
}

int main(int argc, char **argv)
{
	if (argc != 4)
		die("manager FAULTER PAGES WARM");
	source = map(sysconf(_SC_PAGESIZE), -1);
	memset(source, 1, sysconf(_SC_PAGESIZE));
	while (asked()) {
		struct hello h;
		struct result r;
		int fd, other, status;
		pid_t pid = start_faulter((char *[]){ argv[1], "touch", argv[2], argv[3], NULL }, &h, &fd, &other);

		serve(fd, &h);
		if (read(other, &r, sizeof(r)) != sizeof(r))
			die("no result came from the faulting process");
		if (waitpid(pid, &status, 0) != pid || status)
			die("the faulting process failed");
		close(fd);
		close(other);
		printf("%llu %llu %llu\n", (unsigned long long)r.mean, (unsigned long long)r.p50, (unsigned long long)r.p99);
	}
	return 0;
}
