/*
 * Calls that resolve faults or protect pages, one after the other, on memory of
 * this process that nobody touches. calls_linux.go is the same in Go.
 *
 *	calls CASE BYTES COUNT WARM RUN
 *
 * A pass makes COUNT calls of BYTES each. A sample is passes for WARM nanoseconds,
 * which do not count, and then passes for RUN nanoseconds; its value is the median
 * of them, in ns for a call.
 *
 * There is a second thread, which sleeps: a program that makes these calls on its
 * own memory has one that faults. The kernel counts references to a descriptor only
 * in programs with several threads, which takes 10 to 15 ns of a call.
 */
#include "bench.h"
#include <pthread.h>

static int fd;
static char *memory, *source;
static size_t bytes, count;

static void copy(void)
{
	for (size_t i = 0; i < count; i++) {
		struct uffdio_copy a = { .dst = (uintptr_t)memory + i * bytes, .src = (uintptr_t)source, .len = bytes };

		if (ioctl(fd, UFFDIO_COPY, &a) || a.copy != (int64_t)bytes)
			die("UFFDIO_COPY");
	}
}

static void zeropage(void)
{
	for (size_t i = 0; i < count; i++) {
		struct uffdio_zeropage a = { .range = { (uintptr_t)memory + i * bytes, bytes } };

		if (ioctl(fd, UFFDIO_ZEROPAGE, &a) || a.zeropage != (int64_t)bytes)
			die("UFFDIO_ZEROPAGE");
	}
}

static void poison(void)
{
	for (size_t i = 0; i < count; i++) {
		struct uffdio_poison a = { .range = { (uintptr_t)memory + i * bytes, bytes } };

		if (ioctl(fd, UFFDIO_POISON, &a) || a.updated != (int64_t)bytes)
			die("UFFDIO_POISON");
	}
}

static void resume(void)
{
	for (size_t i = 0; i < count; i++) {
		struct uffdio_continue a = { .range = { (uintptr_t)memory + i * bytes, bytes } };

		if (ioctl(fd, UFFDIO_CONTINUE, &a) || a.mapped != (int64_t)bytes)
			die("UFFDIO_CONTINUE");
	}
}

/* protect sets and takes away in turn, so it makes an even number of calls. */
static void protect(void)
{
	for (size_t i = 0; i < count; i += 2) {
		struct uffdio_writeprotect a = { .range = { (uintptr_t)memory + i / 2 * bytes, bytes } };

		a.mode = UFFDIO_WRITEPROTECT_MODE_WP;
		if (ioctl(fd, UFFDIO_WRITEPROTECT, &a))
			die("UFFDIO_WRITEPROTECT");
		a.mode = 0;
		if (ioctl(fd, UFFDIO_WRITEPROTECT, &a))
			die("UFFDIO_WRITEPROTECT");
	}
}

static void wake(void)
{
	for (size_t i = 0; i < count; i++) {
		struct uffdio_range a = { (uintptr_t)memory + i * bytes, bytes };

		if (ioctl(fd, UFFDIO_WAKE, &a))
			die("UFFDIO_WAKE");
	}
}

static void discard(void)
{
	if (madvise(memory, bytes * count, MADV_DONTNEED))
		die("madvise");
}

static void keep(void) {}

static struct {
	const char *name;
	uint64_t features, mode;
	void (*pass)(void);
	void (*reset)(void);
} cases[] = {
	{ "copy", 0, UFFDIO_REGISTER_MODE_MISSING, copy, discard },
	{ "zeropage", 0, UFFDIO_REGISTER_MODE_MISSING, zeropage, discard },
	{ "poison", UFFD_FEATURE_POISON, UFFDIO_REGISTER_MODE_MISSING, poison, discard },
	{ "continue", UFFD_FEATURE_MINOR_SHMEM, UFFDIO_REGISTER_MODE_MINOR, resume, discard },
	{ "writeprotect", UFFD_FEATURE_PAGEFAULT_FLAG_WP, UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP, protect, keep },
	{ "wake", 0, UFFDIO_REGISTER_MODE_MISSING, wake, keep },
};

/* shared makes a file whose pages are there. */
static int shared(size_t size)
{
	int file = memfd_create("bench", MFD_CLOEXEC);

	if (file < 0)
		die("memfd_create");
	for (size_t done = 0; done < size; done += bytes)
		if (write(file, source, bytes) != (ssize_t)bytes)
			die("write");
	return file;
}

static double sample(int c, uint64_t warm, uint64_t run)
{
	static uint64_t took[4096];
	uint64_t begin = now(), end = begin + warm;
	size_t n = 0;

	while (now() < end) {
		cases[c].pass();
		cases[c].reset();
	}
	end = now() + run;
	do {
		begin = now();
		cases[c].pass();
		took[n++] = now() - begin;
		cases[c].reset();
	} while (now() < end && n < 4096);
	return (double)quantile(took, n, 0.5) / count;
}

static void *sleeper(void *p)
{
	pause();
	return p;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	size_t c;

	if (argc != 6)
		die("calls CASE BYTES COUNT WARM RUN");
	bytes = strtoul(argv[2], NULL, 10);
	count = strtoul(argv[3], NULL, 10);
	for (c = 0; strcmp(cases[c].name, argv[1]);)
		if (++c == sizeof(cases) / sizeof(cases[0]))
			die(argv[1]);

	fd = open_uffd(cases[c].features);
	source = map(bytes, -1);
	memset(source, 1, bytes);
	memory = map(bytes * count, cases[c].mode & UFFDIO_REGISTER_MODE_MINOR ? shared(bytes * count) : -1);
	watch(fd, memory, bytes * count, cases[c].mode);
	if (cases[c].pass == protect)
		copy();
	if (pthread_create(&thread, NULL, sleeper, NULL))
		die("pthread_create");
	while (asked())
		printf("%.2f\n", sample(c, strtoull(argv[4], NULL, 10), strtoull(argv[5], NULL, 10)));
	return 0;
}
