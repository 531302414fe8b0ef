/* What the programs of this folder have in common. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

/*
 * The numbers that installed headers may be too old for come from package sys, as
 * macros that begin with PAGESLOT_. Where the headers have them they must agree.
 */
#ifdef UFFDIO_POISON
_Static_assert(UFFDIO_POISON == PAGESLOT_UFFDIO_POISON, "package sys and the installed headers disagree");
#else
struct uffdio_poison {
	struct uffdio_range range;
	__u64 mode;
	__s64 updated;
};
#define UFFDIO_POISON PAGESLOT_UFFDIO_POISON
#define UFFD_FEATURE_POISON PAGESLOT_UFFD_FEATURE_POISON
_Static_assert(_IOC_SIZE(UFFDIO_POISON) == sizeof(struct uffdio_poison), "this is not the kernel's struct uffdio_poison");
#endif

#ifndef UFFDIO_CONTINUE
#error "the kernel headers are too old: Linux 5.13 or newer is needed"
#endif

/* The exit statuses of a worker that cannot go on; worker_linux.go has them too. */
enum { FAILED = 1, UNSUPPORTED = 3 };

static inline void die(const char *what)
{
	fprintf(stderr, errno ? "%s: %s\n" : "%s\n", what, strerror(errno));
	exit(FAILED);
}

static inline void unsupported(const char *what)
{
	fprintf(stderr, "%s: this kernel does not have it\n", what);
	exit(UNSUPPORTED);
}

static inline uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int smaller(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* quantile sorts the values. */
static inline uint64_t quantile(uint64_t *values, size_t n, double q)
{
	qsort(values, n, sizeof(*values), smaller);
	return values[(size_t)((n - 1) * q)];
}

/* open_uffd opens a descriptor as package uffd does: the call, and without
 * privilege a user-mode-only one. */
static inline int open_uffd(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd, probe;

	probe = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (probe < 0)
		die("userfaultfd");
	if (ioctl(probe, UFFDIO_API, &api))
		die("UFFDIO_API");
	close(probe);
	if ((api.features & features) != features)
		unsupported("a feature of userfaultfd");

	fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (fd < 0)
		die("userfaultfd");
	api = (struct uffdio_api){ .api = UFFD_API, .features = features };
	if (ioctl(fd, UFFDIO_API, &api))
		die("UFFDIO_API");
	return fd;
}

/* map maps memory in small pages; file is -1 for private anonymous memory. */
static inline char *map(size_t size, int file)
{
	int flags = file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, file, 0);

	if (p == MAP_FAILED)
		die("mmap");
	madvise(p, size, MADV_NOHUGEPAGE); /* EINVAL where there are none */
	return p;
}

static inline void watch(int fd, char *start, size_t size, uint64_t mode)
{
	struct uffdio_register r = { .range = { (uintptr_t)start, size }, .mode = mode };

	if (ioctl(fd, UFFDIO_REGISTER, &r))
		die("UFFDIO_REGISTER");
}

/* asked says ready and waits for a line from the harness: take a sample. */
static inline int asked(void)
{
	char line[64];

	printf("ready\n");
	fflush(stdout);
	return fgets(line, sizeof(line), stdin) != NULL;
}

/* What the faulting process sends with its descriptor, and at its end. */
struct hello {
	uint64_t start, page, pages;
};

struct result {
	uint64_t mean, p50, p99;
};
