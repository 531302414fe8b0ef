/*
 * Faults that another thread of the same process serves. faults_linux.go is the same
 * in Go.
 *
 *	faults CPU HOW LOOKS THREADS BYTES COUNT PASSES WARM
 *
 * THREADS threads touch a byte of each of some blocks of BYTES, everyone its share of
 * them, in PASSES passes; the memory is emptied between passes. In a pass COUNT blocks
 * are timed, after WARM that do not count. A block is copied, when it is touched,
 * from a source that is as large as the memory. The values of a sample are the time of all
 * faults by their number, the median and the 99th percentile of single faults, in ns.
 *
 * The thread that serves runs on processor CPU; -1 is the one of all others. HOW says
 * what it does when there is nothing to read: "block", it waits in read(2); "poll", it
 * looks LOOKS times more before it waits in poll(2), for the end as well.
 */
#include "bench.h"
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>

static int fd, cpu, blocking;
static char *memory, *source;
static size_t looks, threads, bytes, count, share, skip;
static pthread_barrier_t barrier;

static struct toucher {
	pthread_t thread;
	uint64_t *took, begin, end;
	size_t first, done;
} *touchers;

static void resolve(const struct uffd_msg *m)
{
	struct uffdio_copy a = { .len = bytes };

	if (m->event != UFFD_EVENT_PAGEFAULT)
		die("an event that was not asked for");
	a.dst = (uintptr_t)memory + (m->arg.pagefault.address - (uintptr_t)memory) / bytes * bytes;
	a.src = (uintptr_t)source + (a.dst - (uintptr_t)memory);
	if (ioctl(fd, UFFDIO_COPY, &a) == 0)
		return;
	if (errno != EEXIST || ioctl(fd, UFFDIO_WAKE, &(struct uffdio_range){ a.dst, a.len }))
		die("UFFDIO_COPY");
}

static void *serve(void *p)
{
	struct uffd_msg messages[16];
	struct pollfd wait[2] = { { .fd = fd, .events = POLLIN }, { .fd = eventfd(0, EFD_CLOEXEC), .events = POLLIN } };
	size_t looked = 0;
	cpu_set_t set;

	CPU_ZERO(&set);
	if (cpu >= 0) {
		CPU_SET(cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			die("sched_setaffinity");
	}
	pthread_barrier_wait(&barrier);
	for (;;) {
		ssize_t n = read(fd, messages, sizeof(messages));

		if (n < 0 && errno == EAGAIN && !blocking) {
			if (looked++ < looks)
				continue;
			looked = 0;
			if (poll(wait, 2, -1) < 0)
				die("poll");
			if (wait[1].revents)
				return p;
			continue;
		}
		if (n <= 0)
			die("read");
		looked = 0;
		for (size_t i = 0; i < n / sizeof(messages[0]); i++)
			resolve(&messages[i]);
	}
}

/* touch times its accesses, but for the first. */
static void touch(struct toucher *t)
{
	uint64_t end = 0;

	for (size_t i = 0; i < skip + share; i++) {
		uint64_t begin = now();

		if (*(volatile char *)(memory + (t->first + i) * bytes) != 1)
			die("a page holds something else than it should");
		end = now();
		if (i == skip)
			t->begin = begin;
		if (i >= skip)
			t->took[t->done++] = end - begin;
	}
	t->end = end;
}

static void *toucher(void *p)
{
	struct toucher *t = p;

	while (pthread_barrier_wait(&barrier) <= 0) {
		touch(t);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void discard(void)
{
	if (madvise(memory, bytes * (skip + share) * threads, MADV_DONTNEED))
		die("madvise");
}

static void sample(size_t passes, uint64_t *all)
{
	uint64_t total = 0;
	size_t n = 0;

	for (size_t i = 0; i < threads; i++)
		touchers[i].done = 0;
	for (size_t pass = 0; pass < passes; pass++) {
		uint64_t begin = UINT64_MAX, end = 0;

		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		for (size_t i = 0; i < threads; i++) {
			begin = touchers[i].begin < begin ? touchers[i].begin : begin;
			end = touchers[i].end > end ? touchers[i].end : end;
		}
		total += end - begin;
		discard();
	}
	for (size_t i = 0; i < threads; i++) {
		memcpy(all + n, touchers[i].took, touchers[i].done * sizeof(*all));
		n += touchers[i].done;
	}
	printf("%.2f %llu", (double)total / n, (unsigned long long)quantile(all, n, 0.5));
	printf(" %llu\n", (unsigned long long)quantile(all, n, 0.99));
}

/* aligned maps memory that begins at a multiple of BYTES. */
static char *aligned(size_t size)
{
	return (char *)(((uintptr_t)map(size + bytes, -1) + bytes - 1) / bytes * bytes);
}

int main(int argc, char **argv)
{
	size_t passes, warm, size;
	pthread_t server;
	uint64_t *all;

	if (argc != 9)
		die("faults CPU HOW LOOKS THREADS BYTES COUNT PASSES WARM");
	cpu = atoi(argv[1]);
	blocking = !strcmp(argv[2], "block");
	looks = strtoul(argv[3], NULL, 10);
	threads = strtoul(argv[4], NULL, 10);
	bytes = strtoul(argv[5], NULL, 10);
	count = strtoul(argv[6], NULL, 10);
	passes = strtoul(argv[7], NULL, 10);
	warm = strtoul(argv[8], NULL, 10);
	share = count / threads;
	skip = warm / threads;
	size = bytes * (skip + share) * threads;
	if (!share)
		die("more threads than blocks");

	source = aligned(size);
	memset(source, 1, size);
	memory = aligned(size);
	fd = open_uffd(0);
	if (blocking && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK))
		die("F_SETFL");
	watch(fd, memory, size, UFFDIO_REGISTER_MODE_MISSING);

	pthread_barrier_init(&barrier, NULL, 2);
	if (pthread_create(&server, NULL, serve, NULL))
		die("pthread_create");
	pthread_barrier_wait(&barrier); /* it is where it is to be */
	pthread_barrier_destroy(&barrier);

	pthread_barrier_init(&barrier, NULL, threads + 1);
	touchers = calloc(threads, sizeof(*touchers));
	all = malloc(passes * count * sizeof(*all));
	memset(all, 1, passes * count * sizeof(*all)); /* its own faults are not to be timed */
	for (size_t i = 0; i < threads; i++) {
		struct toucher *t = &touchers[i];

		t->first = i * (skip + share);
		t->took = malloc(passes * share * sizeof(*t->took));
		memset(t->took, 1, passes * share * sizeof(*t->took));
		if (pthread_create(&t->thread, NULL, toucher, t))
			die("pthread_create");
	}
	while (asked())
		sample(passes, all);
	return 0;
}
