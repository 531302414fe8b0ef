package uffd

import (
	"errors"
	"fmt"
	"math/bits"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

// bare is a userfaultfd without a handshake, with O_CLOEXEC and O_NONBLOCK as flags
// say; the test closes it, or gives it to FromFD.
func bare(t testing.TB, flags int) int {
	t.Helper()
	fd, err := sys.Userfaultfd(flags)
	if errors.Is(err, unix.EPERM) {
		fd, err = sys.Userfaultfd(flags | sys.UFFD_USER_MODE_ONLY)
	}
	testgate.Need(t, testgate.Userfaultfd, err)
	return fd
}

// received is a descriptor from FromFD.
func received(t testing.TB, fd int) *Descriptor {
	t.Helper()
	d, err := FromFD(fd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// dup is another number of the same descriptor.
func dup(t testing.TB, d *Descriptor) int {
	t.Helper()
	fd, err := unix.FcntlInt(uintptr(d.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// Whatever is no userfaultfd is refused and stays open, with /proc and without.
func TestFromFDOfAnotherKind(t *testing.T) {
	for name, proc := range map[string]string{"proc": "/proc", "no proc": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			clean(t)
			open := func(path string, flags int) int {
				fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o600)
				if errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOENT) && path == devicePath {
					return -2
				}
				if err != nil {
					t.Fatal(err)
				}
				return fd
			}
			var pipe [2]int
			if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
				t.Fatal(err)
			}
			event, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
			if err != nil {
				t.Fatal(err)
			}
			socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			for name, fd := range map[string]int{
				"a pipe's end to read":  pipe[0],
				"a pipe's end to write": pipe[1],
				"an eventfd":            event,
				"a socket":              socket,
				"a memfd":               newFile(t, 1),
				"a folder":              open(t.TempDir(), unix.O_RDONLY),
				"a file by that name":   open(filepath.Join(t.TempDir(), "[userfaultfd]"), unix.O_RDWR|unix.O_CREAT),
				"another such file":     open(filepath.Join(t.TempDir(), "anon_inode:[userfaultfd]"), unix.O_RDWR|unix.O_CREAT),
				"the device":            open(devicePath, unix.O_RDONLY),
				"/dev/null":             open("/dev/null", unix.O_RDWR),
				"a path":                open("/dev/null", unix.O_PATH),
			} {
				if fd == -2 {
					continue
				}
				flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
				if err != nil {
					t.Fatal(err)
				}
				d, err := fromFD(fd, proc)
				if d != nil {
					t.Errorf("%s: it was taken", name)
				}
				want(t, err, unix.EINVAL, nil, "take over", fmt.Sprint(fd))
				if !errors.Is(err, ErrNotUserfaultfd) {
					t.Errorf("%s: %v", name, err)
				}
				if now, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || now != flags {
					t.Errorf("%s: flags were %#x, are %#x, %v", name, flags, now, err)
				}
				if name != "a memfd" {
					if err := unix.Close(fd); err != nil {
						t.Error(err)
					}
				}
			}
			for _, fd := range []int{pipe[0], -1, -1 << 31, 1 << 30} {
				d, err := fromFD(fd, proc)
				if d != nil {
					t.Errorf("%d: it was taken", fd)
				}
				want(t, err, unix.EBADF, nil, "take over", fmt.Sprint(fd))
			}
		})
	}
}

// A descriptor tells what it is, as far as the kernel tells.
func TestFromFD(t *testing.T) {
	clean(t)
	have := mustOpen(t, Options{}).Available()
	// Without events: unmapping the memory would wait for a reader.
	const events = FeatureEventFork | FeatureEventRemap | FeatureEventRemove | FeatureEventUnmap
	for _, features := range []Features{0, FeatureSIGBUS | FeatureThreadID, have &^ events} {
		first := mustOpen(t, Options{Wanted: features})
		d := received(t, dup(t, first))
		if !d.Ready() || d.Enabled() != first.Enabled() || d.Available() != first.Enabled() {
			t.Errorf("ready %v, enabled %v, available %v; want %v", d.Ready(), d.Enabled(), d.Available(), first.Enabled())
		}
		if !d.Ioctls().Has(first.Ioctls()) {
			t.Errorf("ioctls %v, want %v at least", d.Ioctls(), first.Ioctls())
		}
		a := anonymous(t, 2)
		register(t, first, a, ModeMissing)
		if n, err := d.Zero(a.Range, 0); n != a.Len || err != nil {
			t.Errorf("Zero: %d, %v", n, err)
		}
		err := d.Handshake(Options{})
		want(t, err, unix.EINVAL, nil, "UFFDIO_API", "has had")
	}
	t.Run("without /proc", func(t *testing.T) {
		first := mustOpen(t, Options{Wanted: FeatureSIGBUS})
		d, err := fromFD(dup(t, first), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if !d.Ready() || d.Enabled() != 0 || d.Ioctls() != 0 {
			t.Errorf("ready %v, enabled %v, ioctls %v", d.Ready(), d.Enabled(), d.Ioctls())
		}
		if err := d.Wake(anonymous(t, 1).Range); err != nil {
			t.Error(err)
		}
	})
	t.Run("without /proc and handshake", func(t *testing.T) {
		d, err := fromFD(bare(t, 0), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if d.Ready() {
			t.Error("it is ready")
		}
	})
}

// What FromFD cannot read for want of descriptors it does not take for nothing.
func TestFromFDWithoutRoom(t *testing.T) {
	clean(t)
	fd := dup(t, mustOpen(t, Options{Wanted: FeatureSIGBUS}))
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	// poll(2) takes no more than the limit, either.
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	d, err := FromFD(fd)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if d != nil {
		t.Errorf("it was taken, with the features %v", d.Enabled())
	}
	want(t, err, unix.EMFILE, nil, "take over", fmt.Sprint(fd))
	if d := received(t, fd); d.Enabled() != FeatureSIGBUS {
		t.Errorf("enabled: %v", d.Enabled())
	}
}

// A number of 64 bits is not that of its lower half.
func TestFromFDOfLargeNumber(t *testing.T) {
	clean(t)
	first := mustOpen(t, Options{})
	for bit := 32; bit < bits.UintSize; bit++ {
		large := first.FD() | 1<<bit
		d, err := FromFD(large)
		if d != nil {
			t.Fatalf("%#x: it was taken", large)
		}
		want(t, err, unix.EBADF, nil, "take over", fmt.Sprint(large))
	}
}

// A blocking descriptor that programs would inherit becomes one as Open makes it.
func TestFromFDFlags(t *testing.T) {
	clean(t)
	d := received(t, bare(t, 0))
	for _, f := range []struct{ cmd, want int }{{unix.F_GETFD, unix.FD_CLOEXEC}, {unix.F_GETFL, unix.O_NONBLOCK}} {
		if got, err := unix.FcntlInt(uintptr(d.FD()), f.cmd, 0); err != nil || got&f.want == 0 {
			t.Errorf("fcntl %d: %#x, %v", f.cmd, got, err)
		}
	}
	if err := d.Handshake(Options{}); err != nil {
		t.Fatal(err)
	}
	if n, err := d.TryRead(make([]Event, 1)); n != 0 || !errors.Is(err, unix.EAGAIN) {
		t.Errorf("%d events, %v", n, err)
	}
}
