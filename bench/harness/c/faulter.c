/*
 * The process whose faults are served: the same one for C and for Go.
 *
 *	faulter touch PAGES WARM	touches WARM pages, and then PAGES that are timed
 *	faulter wait THREADS	as many threads wait for a page each, until the end
 *
 * File descriptor 3 is a socket. It sends struct hello with its userfaultfd there,
 * which it closes: it ends if the other side does. After PAGES it sends struct
 * result.
 */
#include "bench.h"
#include <pthread.h>

static void hello(int fd, struct hello h)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec io = { &h, sizeof(h) };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(3, &m, 0) != sizeof(h))
		die("sendmsg");
	close(fd);
}

static void touch(struct hello h, uint64_t warm)
{
	uint64_t timed = h.pages - warm, begin = 0, total;
	uint64_t *took = calloc(timed, sizeof(*took));
	struct result r;

	memset(took, 1, timed * sizeof(*took)); /* its own faults are not to be timed */
	for (uint64_t i = 0; i < h.pages; i++) {
		uint64_t before = now();

		if (i == warm)
			begin = before;
		*(volatile char *)(uintptr_t)(h.start + i * h.page);
		if (i >= warm)
			took[i - warm] = now() - before;
	}
	total = now() - begin;
	r.mean = total / timed;
	r.p50 = quantile(took, timed, 0.5);
	r.p99 = quantile(took, timed, 0.99);
	if (write(3, &r, sizeof(r)) != sizeof(r))
		die("write");
}

static void *waiter(void *page)
{
	*(volatile char *)page;
	return NULL;
}

int main(int argc, char **argv)
{
	int wait = argc == 3 && !strcmp(argv[1], "wait"), fd;
	uint64_t warm = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
	struct hello h = { .page = sysconf(_SC_PAGESIZE) };
	pthread_t thread;
	char c;

	if (!wait && argc != 4)
		die("faulter touch PAGES WARM, or faulter wait THREADS");
	h.pages = strtoull(argv[2], NULL, 10) + warm;
	h.start = (uintptr_t)map(h.pages * h.page, -1);
	fd = open_uffd(0);
	watch(fd, (char *)(uintptr_t)h.start, h.pages * h.page, UFFDIO_REGISTER_MODE_MISSING);
	hello(fd, h);
	if (!wait) {
		touch(h, warm);
		return 0;
	}
	for (uint64_t i = 0; i < h.pages; i++)
		if (pthread_create(&thread, NULL, waiter, (char *)(uintptr_t)(h.start + i * h.page)))
			die("pthread_create");
	(void)!read(3, &c, 1);
	return 0;
}
