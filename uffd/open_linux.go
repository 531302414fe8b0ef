package uffd

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// absences are what a kernel without a way says: it lacks the call or a flag of
// it, or the device, its driver, or the driver's ioctl.
var absences = []error{errors.ErrUnsupported, unix.EINVAL, unix.ENOENT, unix.ENXIO, unix.ENODEV, unix.ENOTTY}

// Open makes a descriptor, always with O_CLOEXEC and O_NONBLOCK, and does the
// UFFDIO_API handshake on it (userfaultfd(2), Linux 4.3;
// ioctl_userfaultfd(2)).
//
// It tries the ways that options allow, one after the other. Then, if any
// feature is asked for, it asks the kernel on a descriptor of its own what it
// has, and enables what was chosen on a second one. Write-protection is the one
// claim that is not taken on trust: see [WriteProtectTraps].
//
// Errors: an [*OpenError] if no way leads to a descriptor; an [*Error] that wraps
// EMFILE, ENFILE or ENOMEM, which every way would meet; a [*FeatureError] if
// the kernel lacks a required feature; an [*Error] that wraps [ErrEventFork] and
// EPERM if EVENT_FORK is required without privilege (if it is only wanted, it is
// left out); an [*Error] for options that make no sense (EINVAL), and one with
// the error of WriteProtectTraps if write-protection is asked for and could not
// be tried. An error leaves no descriptor behind.
func Open(options Options) (*Descriptor, error) {
	k := thisKernel
	k.traps = WriteProtectTraps
	return open(k, options)
}

var thisKernel = kernel{
	userfaultfd: sys.Userfaultfd,
	device:      viaDevice,
	api:         sys.UffdioApiCall,
}

// kernel is the calls of Open, so that tests can play other kernels.
type kernel struct {
	userfaultfd func(flags int) (int, error)
	device      func(flags int) (fd int, op string, err error)
	api         func(fd int, a *sys.UffdioApi) error
	traps       func() (bool, error) // WriteProtectTraps; nil takes the kernel's word
}

func open(k kernel, o Options) (*Descriptor, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	fd, w, err := k.first(o.ways())
	if err != nil {
		return nil, err
	}
	d := &Descriptor{path: w.path, userModeOnly: w.userModeOnly}
	if o.Required|o.Wanted == 0 {
		return d.finish(k, fd, 0, 0)
	}

	enable, err := k.choose(fd, o)
	if err != nil {
		return nil, err
	}
	if fd, _, err = k.first([]way{w}); err != nil {
		return nil, err
	}
	return d.finish(k, fd, enable, o.Required)
}

// choose asks the kernel on fd, which it closes, and gives the features to enable.
// UFFDIO_API succeeds once for each descriptor, so asking costs one.
func (k kernel) choose(fd int, o Options) (Features, error) {
	asked := sys.UffdioApi{Api: sys.UFFD_API}
	err := k.api(fd, &asked)
	_ = unix.Close(fd)
	if err != nil {
		return 0, apiError(0, err)
	}
	available, lie, err := believed(Features(asked.Features), k.traps)
	if err != nil && (o.Required|o.Wanted)&writeProtection != 0 {
		return 0, &Error{Op: "open", Detail: fmt.Sprintf("with features %v", o.Required|o.Wanted), Err: err}
	}
	return o.choose(available, lie)
}

// first tries ways until one leads to a descriptor.
func (k kernel) first(ways []way) (int, way, error) {
	failed := new(OpenError)
	for _, w := range ways {
		fd, op, err := k.try(w)
		if err == nil {
			return fd, w, nil
		}
		if scarce(err) {
			return -1, way{}, &Error{Op: op, Err: err}
		}
		failed.Attempts = append(failed.Attempts, Attempt{w.path, w.userModeOnly, op, err})
	}
	return -1, way{}, failed
}

// scarce tells whether it failed for want of what may be there again soon.
func scarce(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM)
}

func (k kernel) try(w way) (fd int, op string, err error) {
	flags := sys.O_CLOEXEC | sys.O_NONBLOCK
	if w.userModeOnly {
		flags |= sys.UFFD_USER_MODE_ONLY
	}
	if w.path == DevicePath {
		return k.device(flags)
	}
	fd, err = k.userfaultfd(flags)
	return fd, "userfaultfd", err
}

// viaDevice makes a descriptor through the device. Reading is all the permission
// that its ioctl wants.
func viaDevice(flags int) (fd int, op string, err error) {
	op = "open " + devicePath
	dev, err := unix.Open(devicePath, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, op, err
	}
	defer unix.Close(dev)
	fd, err = sys.IoctlInt(dev, sys.USERFAULTFD_IOC_NEW, flags)
	return fd, "ioctl USERFAULTFD_IOC_NEW of " + devicePath, err
}

// finish does the handshake and takes over fd, or closes it.
func (d *Descriptor) finish(k kernel, fd int, enable, required Features) (*Descriptor, error) {
	if err := d.handshake(k, fd, enable, required); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	d.fd.Own(fd)
	return d, nil
}

func (d *Descriptor) handshake(k kernel, fd int, enable, required Features) error {
	a := sys.UffdioApi{Api: sys.UFFD_API, Features: uint64(enable)}
	err := k.api(fd, &a)
	if errors.Is(err, unix.EPERM) && enable.Has(FeatureEventFork) && !required.Has(FeatureEventFork) {
		// The kernel refused before it changed anything.
		enable &^= FeatureEventFork
		a = sys.UffdioApi{Api: sys.UFFD_API, Features: uint64(enable)}
		err = k.api(fd, &a)
	}
	if err != nil {
		return apiError(enable, err)
	}
	d.claimed, d.told, d.traps, d.ioctls = Features(a.Features), true, k.traps, Ioctls(a.Ioctls)
	d.enabled.Store(uint64(enable | implied(enable)))
	d.ready.Store(true)
	return nil
}

// implied are the features that the kernel enables along with others.
func implied(enabled Features) Features {
	if enabled.Has(FeatureWPAsync) {
		return FeatureWPUnpopulated
	}
	return 0
}

func apiError(enable Features, err error) error {
	if errors.Is(err, unix.EPERM) && enable.Has(FeatureEventFork) {
		err = fmt.Errorf("%w: %w", ErrEventFork, err)
	}
	return &Error{Op: "UFFDIO_API", Detail: fmt.Sprintf("with features %v", enable), Err: err}
}
