package uffd

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Map maps private anonymous memory, readable and writable, whose pages stay missing
// until it is registered or touched (mmap(2), madvise(2) MADV_NOHUGEPAGE, mprotect(2)).
// unix.Munmap takes it away again. length is in bytes; only whole pages can be
// registered.
//
// A plain mmap(2) does not promise that. The kernel joins private anonymous mappings
// that lie side by side, and where huge pages are always on, touching one of them fills
// up to a huge page of the other with zeros: pages that nobody is asked for when they
// are registered afterwards. Registered memory is joined with nothing, so
// MADV_HUGEPAGE may follow.
//
// Errors: EINVAL for a length below 1; ENOMEM.
func Map(length int) ([]byte, error) {
	mem, err := unix.Mmap(-1, 0, length, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, &Error{Op: "mmap", Detail: bytesOf(length), Err: err}
	}
	// Without rights it is joined with nothing that has any, and then never. EINVAL is
	// of a kernel without huge pages.
	if err := unix.Madvise(mem, unix.MADV_NOHUGEPAGE); err != nil && !errors.Is(err, unix.EINVAL) {
		return nil, errors.Join(&Error{Op: "madvise", Detail: "MADV_NOHUGEPAGE of " + bytesOf(length), Err: err}, unix.Munmap(mem))
	}
	if err := unix.Mprotect(mem, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		return nil, errors.Join(&Error{Op: "mprotect", Detail: "of " + bytesOf(length), Err: err}, unix.Munmap(mem))
	}
	return mem, nil
}

func bytesOf(length int) string { return fmt.Sprintf("%d bytes", length) }
