package manager

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// ours tells whether a descriptor stands for the memory of this process. The kernel
// does not say, so it is asked about a mapping that only this process is known to
// have: UFFDIO_UNREGISTER is EINVAL where the descriptor's process has nothing
// mapped, and does nothing to a mapping that is not registered. If what it answers
// follows what is mapped here, twice, the memory is the same.
//
// (UFFDIO_MOVE would tell at once, but only from Linux 6.8 on. UFFDIO_REGISTER
// would do instead, and change the other process if it has something there.)
func ours(k kernel, l *layout) (bool, error) {
	agreed := 0
	for range 8 {
		mem, err := unix.Mmap(-1, 0, int(systemPage), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			return false, fmt.Errorf("mmap of a page to ask with: %w", err)
		}
		r := uffd.RangeOf(mem)
		may, err := harmless(k, l, r)
		var here, after error
		if may && err == nil {
			here = k.Unregister(r)
		}
		if err := errors.Join(err, unix.Munmap(mem)); err != nil {
			return false, err
		}
		if !may {
			continue
		}
		if here == nil {
			after = k.Unregister(r)
		}
		for _, err := range []error{here, after} {
			switch {
			case errors.Is(err, unix.ENOMEM), errors.Is(err, unix.ESRCH):
				return false, uffd.ErrGone
			case err != nil && !errors.Is(err, unix.EINVAL):
				return false, err
			}
		}
		if here != nil {
			return false, nil // it has nothing where there is something here
		}
		if after != nil {
			if agreed++; agreed == 2 {
				return true, nil
			}
		}
	}
	return false, nil
}

// harmless tells whether unregistering a range can do nothing to the descriptor's
// process: nothing is registered there, as far as the caller or the kernel knows.
// A copy from what cannot be read is ENOENT then, and changes nothing otherwise.
func harmless(k kernel, l *layout, r uffd.Range) (bool, error) {
	if _, ok := l.find(r.Start); ok {
		return false, nil
	}
	_, err := k.Copy(r.Start, k.shared.nothing, uffd.DontWake)
	switch {
	case errors.Is(err, uffd.ErrGone):
		return false, err
	case errors.Is(err, uffd.ErrLayout), errors.Is(err, uffd.ErrChanging):
		return true, nil
	}
	return false, nil
}
