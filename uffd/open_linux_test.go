package uffd

import (
	"errors"
	"io/fs"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// played answers as a kernel that is not there.
type played struct {
	t          *testing.T
	syscall    error    // of userfaultfd(2) without user mode
	user       error    // with user mode
	dev        error    // of /dev/userfaultfd
	features   Features // what it has
	privileged bool     // CAP_SYS_PTRACE
	api        error    // of UFFDIO_API, before anything else
	lies       bool     // of write-protection
	untried    error    // of trying write-protection
	runOutAt   int      // the how-manieth descriptor is one too many; 0: none

	flags []int        // of the descriptors that were asked for
	open  map[int]bool // descriptors, and whether they had their handshake
	got   Features     // the features of the last handshake that succeeded
}

func (p *played) kernel() kernel {
	p.open = map[int]bool{}
	return kernel{
		userfaultfd: func(flags int) (int, error) {
			if flags&sys.UFFD_USER_MODE_ONLY != 0 {
				return p.fd(flags, p.user)
			}
			return p.fd(flags, p.syscall)
		},
		device: func(flags int) (int, string, error) {
			fd, err := p.fd(flags, p.dev)
			return fd, "the device", err
		},
		api: func(fd int, a *sys.UffdioApi) error {
			done, ok := p.open[fd]
			want := *a
			*a = sys.UffdioApi{} // as the kernel does when it fails
			switch {
			case !ok:
				p.t.Errorf("handshake on %d, which nobody opened", fd)
				return unix.EBADF
			case p.api != nil:
				return p.api
			case done || want.Api != sys.UFFD_API || !p.features.Has(Features(want.Features)):
				return unix.EINVAL
			case Features(want.Features).Has(FeatureEventFork) && !p.privileged:
				return unix.EPERM
			}
			p.open[fd], p.got = true, Features(want.Features)
			*a = sys.UffdioApi{Api: want.Api, Features: uint64(p.features), Ioctls: uint64(IoctlAPI | IoctlRegister)}
			return nil
		},
		traps: func() (bool, error) { return !p.lies && p.untried == nil, p.untried },
	}
}

func (p *played) fd(flags int, err error) (int, error) {
	p.flags = append(p.flags, flags)
	if err != nil {
		return -1, err
	}
	if p.runOutAt > 0 && len(p.open)+1 >= p.runOutAt {
		return -1, unix.EMFILE
	}
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	p.open[fd] = false
	return fd, nil
}

// left lists the descriptors that are still open, but for own.
func (p *played) left(own int) []int {
	var left []int
	for fd := range p.open {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && fd != own {
			left = append(left, fd)
		}
	}
	return left
}

func TestOpenOnOtherKernels(t *testing.T) {
	const some = FeatureSIGBUS | FeatureEventFork | FeatureWPAsync | FeatureWPUnpopulated | FeaturePagefaultFlagWP | 1<<40
	const others = some &^ writeProtection
	for _, test := range []struct {
		name    string
		k       played
		options Options

		path    Path
		user    bool
		enabled Features
		lacks   Features // of those that the kernel claims
		asked   int      // descriptors asked for
		errs    []error
	}{
		{name: "root", k: played{features: some}, path: SyscallPath, asked: 1},
		{name: "device only", k: played{features: some, syscall: unix.EPERM}, path: DevicePath, asked: 2},
		{name: "device behind seccomp", k: played{features: some, syscall: unix.ENOSYS}, path: DevicePath, asked: 2},
		{name: "no device", k: played{features: some, dev: unix.ENOENT}, path: SyscallPath, asked: 1},
		{name: "device wanted", k: played{features: some}, options: Options{Path: DevicePath}, path: DevicePath, asked: 1},

		{name: "ordinary user", k: played{syscall: unix.EPERM, dev: unix.EACCES}, asked: 2,
			errs: []error{fs.ErrPermission, unix.EPERM, unix.EACCES}},
		{name: "ordinary user falls back", k: played{features: some, syscall: unix.EPERM, dev: unix.EACCES},
			options: Options{UserMode: UserModeFallback}, path: SyscallPath, user: true, asked: 3},
		{name: "root does not fall back", k: played{features: some},
			options: Options{UserMode: UserModeFallback}, path: SyscallPath, asked: 1},
		{name: "user mode wanted", k: played{features: some},
			options: Options{UserMode: UserModeOnly}, path: SyscallPath, user: true, asked: 1},
		{name: "user mode by the device", k: played{features: some, user: unix.ENOSYS},
			options: Options{UserMode: UserModeOnly}, path: DevicePath, user: true, asked: 2},
		{name: "5.10 has no user mode", k: played{syscall: unix.EPERM, user: unix.EINVAL, dev: unix.ENOENT},
			options: Options{UserMode: UserModeOnly}, asked: 2, errs: []error{errors.ErrUnsupported}},
		{name: "nothing at all", k: played{syscall: unix.ENOSYS, user: unix.ENOSYS, dev: unix.ENOENT},
			options: Options{UserMode: UserModeFallback}, asked: 4, errs: []error{errors.ErrUnsupported, fs.ErrNotExist}},
		{name: "no descriptor left", k: played{syscall: unix.EMFILE, dev: unix.EACCES}, asked: 1, errs: []error{unix.EMFILE}},
		{name: "none left for the second", k: played{features: some, runOutAt: 2},
			options: Options{Required: FeatureSIGBUS}, asked: 2, errs: []error{unix.EMFILE}},

		{name: "required", k: played{features: some}, options: Options{Required: FeatureSIGBUS},
			path: SyscallPath, enabled: FeatureSIGBUS, asked: 2},
		{name: "wanted", k: played{features: some}, options: Options{Wanted: FeatureSIGBUS | FeatureMove | 1<<40},
			path: SyscallPath, enabled: FeatureSIGBUS | 1<<40, asked: 2},
		{name: "implied", k: played{features: some}, options: Options{Required: FeatureWPAsync},
			path: SyscallPath, enabled: FeatureWPAsync | FeatureWPUnpopulated, asked: 2},
		{name: "missing", k: played{features: some}, options: Options{Required: FeatureMove, Wanted: FeatureSIGBUS}, asked: 1,
			errs: []error{errors.ErrUnsupported}},
		{name: "same way for the second", k: played{features: some, syscall: unix.EPERM, dev: unix.EACCES},
			options: Options{Required: FeatureSIGBUS, UserMode: UserModeFallback}, path: SyscallPath, user: true, enabled: FeatureSIGBUS, asked: 4},

		{name: "fork, privileged", k: played{features: some, privileged: true}, options: Options{Required: FeatureEventFork},
			path: SyscallPath, enabled: FeatureEventFork, asked: 2},
		{name: "fork, required", k: played{features: some}, options: Options{Required: FeatureEventFork | FeatureSIGBUS}, asked: 2,
			errs: []error{ErrEventFork, fs.ErrPermission, unix.EPERM}},
		{name: "fork, wanted", k: played{features: some}, options: Options{Required: FeatureSIGBUS, Wanted: FeatureEventFork},
			path: SyscallPath, enabled: FeatureSIGBUS, asked: 2},

		{name: "a lie, not asked for", k: played{features: some, lies: true}, path: SyscallPath, lacks: writeProtection, asked: 1},
		{name: "a lie, wanted", k: played{features: some, lies: true}, options: Options{Wanted: FeaturePagefaultFlagWP | FeatureWPAsync | FeatureSIGBUS},
			path: SyscallPath, lacks: writeProtection, enabled: FeatureSIGBUS, asked: 2},
		{name: "a lie, required", k: played{features: some, lies: true}, options: Options{Required: FeaturePagefaultFlagWP}, asked: 1,
			errs: []error{errors.ErrUnsupported}},
		{name: "a lie, its async half required", k: played{features: some, lies: true}, options: Options{Required: FeatureWPAsync}, asked: 1,
			errs: []error{errors.ErrUnsupported}},
		{name: "untried, not asked for", k: played{features: some, untried: unix.ENOMEM}, options: Options{Required: FeatureSIGBUS},
			path: SyscallPath, lacks: writeProtection, enabled: FeatureSIGBUS, asked: 2},
		{name: "untried, wanted", k: played{features: some, untried: unix.ENOMEM}, options: Options{Wanted: FeaturePagefaultFlagWP}, asked: 1,
			errs: []error{unix.ENOMEM}},
		{name: "it traps", k: played{features: some}, options: Options{Required: FeaturePagefaultFlagWP},
			path: SyscallPath, enabled: FeaturePagefaultFlagWP, asked: 2},
		{name: "nothing claimed, nothing tried", k: played{features: others, untried: unix.ENOMEM}, options: Options{Wanted: FeaturePagefaultFlagWP},
			path: SyscallPath, lacks: some &^ others, asked: 2},

		{name: "handshake fails", k: played{features: some, api: unix.EFAULT}, asked: 1, errs: []error{unix.EFAULT}},
		{name: "question fails", k: played{features: some, api: unix.EFAULT}, options: Options{Wanted: FeatureMove}, asked: 1, errs: []error{unix.EFAULT}},
		{name: "handshake refused for another reason", k: played{features: some, api: unix.EPERM}, asked: 1, errs: []error{unix.EPERM}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.k.t = t
			d, err := open(test.k.kernel(), test.options)
			if len(test.k.flags) != test.asked {
				t.Errorf("asked for %d descriptors (flags %#x), want %d", len(test.k.flags), test.k.flags, test.asked)
			}
			if slices.ContainsFunc(test.k.flags, func(f int) bool { return f&^sys.UFFD_USER_MODE_ONLY != sys.O_CLOEXEC|sys.O_NONBLOCK }) {
				t.Errorf("flags %#x", test.k.flags)
			}
			if test.errs != nil {
				if d != nil || err == nil {
					t.Fatalf("%v, %v; want errors", d, err)
				}
				for _, want := range test.errs {
					if !errors.Is(err, want) {
						t.Errorf("%v; want one that is %v", err, want)
					}
				}
				if left := test.k.left(-1); len(left) != 0 {
					t.Errorf("left open: %v", left)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d.Path() != test.path || d.UserModeOnly() != test.user || d.Enabled() != test.enabled || d.Available() != some&^test.lacks {
				t.Errorf("by %v, user mode %v, enabled %v, available %v", d.Path(), d.UserModeOnly(), d.Enabled(), d.Available())
			}
			if test.k.got != test.enabled && test.k.got|FeatureWPUnpopulated != test.enabled {
				t.Errorf("the kernel enabled %v, reported is %v", test.k.got, test.enabled)
			}
			if d.Ioctls() != IoctlAPI|IoctlRegister {
				t.Errorf("ioctls %v", d.Ioctls())
			}
			if left := test.k.left(d.FD()); len(left) != 0 {
				t.Errorf("left open: %v", left)
			}
			if err := d.Close(); err != nil || len(test.k.left(-1)) != 0 {
				t.Errorf("close: %v, left open: %v", err, test.k.left(-1))
			}
		})
	}
}
