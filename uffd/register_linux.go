package uffd

import (
	"fmt"

	"github.com/pageslot/pageslot/sys"
)

const (
	opRegister   = "UFFDIO_REGISTER"
	opUnregister = "UFFDIO_UNREGISTER"
	opWake       = "UFFDIO_WAKE"
)

// Register makes faults in a range come to this descriptor (UFFDIO_REGISTER,
// Linux 4.3; ioctl_userfaultfd(2)), and returns the calls that the kernel
// offers for it. The range may have gaps between mappings. Memory can be
// private and shared anonymous memory, shared memory and memfds, and hugetlbfs,
// as far as [Descriptor.Available] has them; on a descriptor with WP_ASYNC and
// for ModeWP alone, any memory (Linux 6.7). Registering again adds to the mode;
// leaving out WP or RWP that was there is EBUSY since Linux 7.3. (Older kernels
// take it, but pages of hugetlbfs that are protected then stay so: who writes to
// one spins in the kernel. Unprotect them first.)
//
// Of what it returns Move is there for all memory but hugetlbfs, though it works
// with private anonymous memory only.
//
// Errors: EINVAL for a range that is empty or not of whole pages, for a mode that
// the kernel, the port or the kind of memory does not have, for ModeWP with
// ModeRWP, and where nothing is mapped; EPERM for a mapping that can never be
// written (a shared one of a file open for reading, or sealed against writing);
// EBUSY for memory that another descriptor has; ENOMEM.
//
// Read the package's documentation before you register memory of this process.
func (d *Descriptor) Register(r Range, mode Mode) (Ioctls, error) {
	fd, err := d.fd.Hold()
	if err != nil {
		return 0, &Error{Op: opRegister, Err: err}
	}
	a := sys.UffdioRegister{Range: r.kernel(), Mode: uint64(mode)}
	err = sys.UffdioRegisterCall(fd, &a)
	d.fd.Drop()
	if err != nil {
		return 0, d.failed(opRegister, fmt.Sprintf("of %v for %v", r, mode), r, err, d.oddity(mode))
	}
	return Ioctls(a.Ioctls), nil
}

// Unregister ends what Register began (UFFDIO_UNREGISTER, Linux 4.3). Those who
// wait for missing pages go on and find zeros. Protected pages become ordinary
// ones, but those who wait to write to one of a range without ModeMissing are left
// asleep: call Wake. Mappings of the range that were not registered are passed
// over.
//
// Errors: EINVAL for a range that is empty or not of whole pages, where nothing is
// mapped, and, since Linux 6.17, for memory that another descriptor has; ENOMEM
// also when the process is gone.
func (d *Descriptor) Unregister(r Range) error {
	fd, err := d.fd.Hold()
	if err != nil {
		return &Error{Op: opUnregister, Err: err}
	}
	a := r.kernel()
	err = sys.UffdioUnregisterCall(fd, &a)
	d.fd.Drop()
	if err != nil {
		return d.failed(opUnregister, fmt.Sprintf("of %v", r), r, err)
	}
	return nil
}

// Wake lets those go on who wait for pages of a range (UFFDIO_WAKE, Linux 4.3).
// Where the page is still missing or protected, they fault again at once.
//
// Errors: EINVAL for a range that is empty or not of whole pages.
func (d *Descriptor) Wake(r Range) error {
	fd, err := d.fd.Hold()
	if err != nil {
		return &Error{Op: opWake, Err: err}
	}
	err = wake(fd, r)
	d.fd.Drop()
	if err != nil {
		return d.failed(opWake, fmt.Sprintf("of %v", r), r, err)
	}
	return nil
}

func wake(fd int, r Range) error {
	a := r.kernel()
	return sys.UffdioWakeCall(fd, &a)
}

func (r Range) kernel() sys.UffdioRange { return sys.UffdioRange{Start: r.Start, Len: r.Len} }
