package hugepages

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/bytesize"
)

// Reserve has the kernel reserve n more huge pages of this size until the end of
// the test, which gives back as many as it got. It takes them even if others are
// free: those may be what another process has just asked for and not mapped yet.
//
// The error says that fewer came than were asked for, and why: an ordinary user may
// not ask (fs.ErrPermission), and memory may be short. The test may go on with
// those that are there. What is wrong with the files themselves fails it.
//
// Pages that were given back while in use are the first to be counted as new ones,
// and the kernel unpins in its own time. So Reserve waits, no longer than patience,
// until as many are free as it got.
func Reserve(t testing.TB, size uint64, n int, patience time.Duration) error {
	t.Helper()
	return reserve(t, poolOf(size), size, n, patience)
}

func reserve(t testing.TB, p pool, size uint64, n int, patience time.Duration) error {
	t.Helper()
	got, err := p.add(n)
	if err != nil {
		err = fmt.Errorf("reserve %d huge pages of %v: %w", n, bytesize.Size(size), err)
		if !refused(err) {
			t.Fatal(err)
		}
		return err
	}
	got = max(0, got) // less than before, if somebody without the lock took some away
	t.Cleanup(func() {
		if _, err := p.add(-got); err != nil {
			t.Errorf("give back %d huge pages of %v: %v", got, bytesize.Size(size), err)
		}
	})
	p.await(got, patience)
	return short(size, n, got)
}

// await waits until n pages are free, no longer than patience.
func (p pool) await(n int, patience time.Duration) {
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if free, err := p.free(); err != nil || free >= n || time.Now().After(end) {
			return
		}
	}
}

// refused tells of errors that say that there are no pages to be had: the caller
// may not write, /sys is read-only or not mounted, the kernel has no such size, or
// cannot have more of it once it runs.
func refused(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) ||
		errors.Is(err, unix.EROFS) || errors.Is(err, unix.EINVAL)
}

// short is nil if n pages came. What the kernel found is what it counts: it reports
// no error.
func short(size uint64, n, got int) error {
	if got >= n {
		return nil
	}
	return fmt.Errorf("reserve %d huge pages of %v: the kernel found memory for %d", n, bytesize.Size(size), got)
}
