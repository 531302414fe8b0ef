package selftests

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// UFFDIO_API by the system call and by /dev/userfaultfd, in the kernel's own terms.
func TestAPI(t *testing.T) {
	for name, bare := range map[string]func(*testing.T) int{"syscall": bareSyscall, "dev": bareDevice} {
		t.Run(name, func(t *testing.T) {
			checkProcess(t)
			fd := bare(t)
			defer unix.Close(fd)
			api := func(version, features uint64) (sys.UffdioApi, error) {
				a := sys.UffdioApi{Api: version, Features: features, Ioctls: 1}
				err := sys.UffdioApiCall(fd, &a)
				return a, err
			}
			for _, bad := range []struct{ version, features uint64 }{
				{sys.UFFD_API + 1, 0}, {0, 0}, {sys.UFFD_API | 1<<32, 0},
				{sys.UFFD_API, 1 << 63}, {sys.UFFD_API, 1<<63 | sys.UFFD_FEATURE_SIGBUS},
			} {
				if a, err := api(bad.version, bad.features); !errors.Is(err, unix.EINVAL) || a != (sys.UffdioApi{}) {
					t.Errorf("%#x: %+v, %v; want zeros and EINVAL", bad, a, err)
				}
			}
			a, err := api(sys.UFFD_API, 0)
			want := uffd.IoctlAPI | uffd.IoctlRegister | uffd.IoctlUnregister
			if got := uffd.Ioctls(a.Ioctls); err != nil || got&^uffd.IoctlSetMode != want {
				t.Errorf("calls %v, %v; want %v", got, err, want)
			}
			if a.Features&(sys.UFFD_FEATURE_MISSING_SHMEM|sys.UFFD_FEATURE_SIGBUS) == 0 {
				t.Errorf("features %v", uffd.Features(a.Features))
			}
			if a, err := api(sys.UFFD_API, 0); !errors.Is(err, unix.EINVAL) || a != (sys.UffdioApi{}) {
				t.Errorf("a second time: %+v, %v; want zeros and EINVAL", a, err)
			}
		})
	}
}

// The same handshake in this library's terms: on a descriptor that somebody else
// has made.
func TestAPIOfReceived(t *testing.T) {
	checkProcess(t)
	fd := bareSyscall(t)
	d, err := uffd.FromFD(fd)
	if err != nil {
		_ = unix.Close(fd)
		t.Fatal(err)
	}
	defer d.Close()
	r := uffd.Range{Len: smallPage}
	if _, err := d.Register(r, uffd.ModeMissing); d.Ready() || !errors.Is(err, uffd.ErrNoHandshake) {
		t.Errorf("Register before the handshake: %v", err)
	}
	if _, err := d.TryRead(make([]uffd.Event, 1)); !errors.Is(err, uffd.ErrNoHandshake) {
		t.Errorf("TryRead before the handshake: %v", err)
	}
	err = d.Handshake(uffd.Options{Required: 1 << 62})
	if fe, ok := errors.AsType[*uffd.FeatureError](err); !ok || fe.Missing != 1<<62 || d.Ready() {
		t.Errorf("Handshake with a feature that does not exist: %v", err)
	}
	if err := d.Handshake(uffd.Options{Required: uffd.FeatureSIGBUS}); err != nil || d.Enabled() != uffd.FeatureSIGBUS || !d.Ready() {
		t.Errorf("Handshake: %v, enabled %v", err, d.Enabled())
	}
	if err := d.Handshake(uffd.Options{}); !errors.Is(err, unix.EINVAL) || d.Enabled() != uffd.FeatureSIGBUS {
		t.Errorf("a second Handshake: %v, enabled %v", err, d.Enabled())
	}
	noEvent(t, d)
}

// bareSyscall is a descriptor by userfaultfd(2), as every user may have it.
func bareSyscall(t *testing.T) int {
	t.Helper()
	const flags = sys.O_CLOEXEC | sys.O_NONBLOCK
	fd, err := sys.Userfaultfd(flags | sys.UFFD_USER_MODE_ONLY)
	if errors.Is(err, unix.EINVAL) { // before 5.11
		fd, err = sys.Userfaultfd(flags)
	}
	testgate.Need(t, testgate.Userfaultfd, err)
	return fd
}

// bareDevice is a descriptor by /dev/userfaultfd.
func bareDevice(t *testing.T) int {
	t.Helper()
	f, err := os.OpenFile("/dev/userfaultfd", os.O_RDWR|unix.O_CLOEXEC, 0)
	if errors.Is(err, os.ErrNotExist) { // before 6.1
		open(t, uffd.Options{})
		testgate.Skip(t, testgate.UffdFeature, err.Error())
	}
	testgate.Need(t, testgate.UffdKernelFaults, err)
	defer f.Close()
	fd, err := sys.IoctlInt(int(f.Fd()), sys.USERFAULTFD_IOC_NEW, sys.O_CLOEXEC|sys.O_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}
