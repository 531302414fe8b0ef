package harness

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// newReads is what c/reads.c is: reads of a batch of messages at a time.
func newReads(_ string, args []string) (sampler, error) {
	usage := fmt.Errorf("reads FAULTER THREADS BATCH WARM RUN, not %q", args)
	if len(args) != 5 {
		return nil, usage
	}
	batch, err := strconv.Atoi(args[2])
	if err != nil || batch < 1 {
		return nil, usage
	}
	t, err := newTimer(args[3], args[4])
	if err != nil {
		return nil, err
	}
	f, err := startFaulter(args[0], "wait", args[1])
	if err != nil {
		return nil, err
	}
	info, err := unix.Open(fmt.Sprintf("/proc/self/fdinfo/%d", f.d.FD()), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("fdinfo: %w", err)
	}
	clock, text, events := newClock(), make([]byte, 256), make([]uffd.Event, batch)
	once := func() (time.Duration, error) {
		if err := gather(info, text, f.pages()); err != nil {
			return 0, err
		}
		begin := clock.now()
		for i := 0; i < f.pages(); i += batch {
			if n, err := f.d.TryRead(events); err != nil || n != batch {
				return 0, fmt.Errorf("%d of %d events, %w", n, batch, err)
			}
		}
		took := clock.now() - begin
		return took, f.d.Wake(f.memory)
	}
	return func() ([]float64, int, error) {
		median, times, err := t.sample(clock, once)
		reads := f.pages() / batch
		return []float64{median / float64(reads)}, times * reads, err
	}, nil
}

// gather waits until all threads wait: the kernel counts them in fdinfo.
func gather(info int, text []byte, threads int) error {
	pause := unix.Timespec{Nsec: 20000}
	for {
		n, err := unix.Pread(info, text, 0)
		if err != nil {
			return fmt.Errorf("fdinfo: %w", err)
		}
		if pending(text[:n]) == threads {
			return nil
		}
		_ = unix.Nanosleep(&pause, nil)
	}
}

var pendingKey = []byte("pending:")

// pending is the number behind this word, or -1.
func pending(info []byte) int {
	_, rest, ok := bytes.Cut(info, pendingKey)
	if !ok {
		return -1
	}
	rest, _, _ = bytes.Cut(rest, []byte("\n"))
	n, err := strconv.Atoi(string(bytes.TrimSpace(rest)))
	if err != nil {
		return -1
	}
	return n
}
