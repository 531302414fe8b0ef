package uffd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

var page = uintptr(os.Getpagesize())

// atEnd fails the test if it leaves userfaultfds behind.
func atEnd(t testing.TB) {
	t.Helper()
	before := descriptors(t)
	t.Cleanup(func() {
		if after := descriptors(t); len(after) > len(before) {
			t.Errorf("userfaultfds before: %v, after: %v", before, after)
		}
	})
}

func descriptors(t testing.TB) []string {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	var found []string
	for _, fd := range all {
		link, err := os.Readlink(filepath.Join("/proc/self/fd", fd.Name()))
		if err == nil && (strings.Contains(link, "[userfaultfd]") || link == devicePath) {
			found = append(found, fd.Name())
		}
	}
	return found
}

// mustOpen opens what every user may have, if there is userfaultfd at all.
func mustOpen(t testing.TB, o Options) *Descriptor {
	t.Helper()
	atEnd(t)
	if o.UserMode == KernelFaults {
		o.UserMode = UserModeFallback
	}
	d, err := Open(o)
	if err != nil && o.Required != 0 && errors.Is(err, errors.ErrUnsupported) {
		testgate.Skip(t, testgate.UffdFeature, err.Error())
	}
	testgate.Need(t, testgate.Userfaultfd, err)
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// maybeAll tells, from the rules and not by trying, whether the paths lead to a
// descriptor that sees all faults.
func maybeAll(t testing.TB) (bySyscall, byDevice bool) {
	t.Helper()
	sysctl, err := os.ReadFile("/proc/sys/vm/unprivileged_userfaultfd")
	if err != nil {
		testgate.Skip(t, testgate.Userfaultfd, err.Error())
	}
	dev, err := os.Open(devicePath)
	if err == nil {
		dev.Close()
	}
	return mayTrace(t) || strings.TrimSpace(string(sysctl)) == "1", err == nil
}

// mayTrace tells whether this process has CAP_SYS_PTRACE.
func mayTrace(t testing.TB) bool {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	var caps uint64
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "CapEff: %x", &caps); err == nil {
			break
		}
	}
	return caps>>unix.CAP_SYS_PTRACE&1 != 0
}

// userModeKnown tells whether this kernel has UFFD_USER_MODE_ONLY.
func userModeKnown(t testing.TB) bool {
	t.Helper()
	fd, err := sys.Userfaultfd(sys.UFFD_USER_MODE_ONLY | sys.O_CLOEXEC)
	if errors.Is(err, unix.EINVAL) {
		return false
	}
	testgate.Need(t, testgate.Userfaultfd, err)
	_ = unix.Close(fd)
	return true
}

// Every path and mode against the kernel's rules.
func TestOpen(t *testing.T) {
	bySyscall, byDevice := maybeAll(t)
	user := userModeKnown(t)
	for _, test := range []struct {
		options Options
		all     bool // a descriptor that sees all faults is to be had
	}{
		{Options{}, bySyscall || byDevice},
		{Options{Path: SyscallPath}, bySyscall},
		{Options{Path: DevicePath}, byDevice},
		{Options{UserMode: UserModeFallback}, bySyscall || byDevice},
		{Options{UserMode: UserModeFallback, Path: SyscallPath}, bySyscall},
		{Options{UserMode: UserModeOnly}, false},
		{Options{UserMode: UserModeOnly, Path: SyscallPath}, false},
	} {
		t.Run(fmt.Sprintf("%v by %v", test.options.UserMode, test.options.Path), func(t *testing.T) {
			atEnd(t)
			d, err := Open(test.options)
			if !test.all && test.options.UserMode == KernelFaults {
				oe, ok := errors.AsType[*OpenError](err)
				if !ok || oe.Remedy() == "" {
					t.Fatalf("%v, %v; want an OpenError with a remedy", d, err)
				}
				refused := errors.Is(err, fs.ErrPermission)
				if refused == errors.Is(err, errors.ErrUnsupported) || test.options.Path != DevicePath && !refused {
					t.Errorf("%v: neither or both of refused and unsupported", err)
				}
				return
			}
			if !test.all && !user {
				if d != nil || !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "5.11") {
					t.Fatalf("%v, %v; want unsupported", d, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d.UserModeOnly() == test.all {
				t.Errorf("user mode only: %v, want %v", d.UserModeOnly(), !test.all)
			}
			for _, f := range []struct{ cmd, want int }{{unix.F_GETFD, unix.FD_CLOEXEC}, {unix.F_GETFL, unix.O_NONBLOCK}} {
				if got, err := unix.FcntlInt(uintptr(d.FD()), f.cmd, 0); err != nil || got&f.want == 0 {
					t.Errorf("fcntl %d: %#x, %v", f.cmd, got, err)
				}
			}
			if d.Available() == 0 || !d.Ioctls().Has(IoctlAPI|IoctlRegister|IoctlUnregister) {
				t.Errorf("available %v, ioctls %v", d.Available(), d.Ioctls())
			}
			for range 2 {
				if err := d.Close(); err != nil {
					t.Error(err)
				}
			}
			if d.FD() != -1 {
				t.Errorf("descriptor %d after Close", d.FD())
			}
			if err := d.Control(func(int) error { return nil }); !errors.Is(err, ErrClosed) || !errors.Is(err, fs.ErrClosed) {
				t.Errorf("Control after Close: %v", err)
			}
		})
	}
}

// What Enabled reports, the kernel has in its own words in fdinfo.
func TestEnabledIsWhatTheKernelEnabled(t *testing.T) {
	all := mustOpen(t, Options{}).Available()
	for _, want := range []Features{0, FeatureSIGBUS, FeatureWPAsync, FeatureThreadID | FeatureMove, all &^ FeatureEventFork} {
		d := mustOpen(t, Options{Wanted: want &^ FeatureEventFork})
		info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", d.FD()))
		if err != nil {
			testgate.Skip(t, testgate.Proc, err.Error())
		}
		var api, features, ioctls uint64
		for line := range strings.Lines(string(info)) {
			if rest, ok := strings.CutPrefix(line, "API:"); ok {
				if _, err := fmt.Sscanf(strings.TrimSpace(rest), "%x:%x:%x", &api, &features, &ioctls); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
			}
		}
		const initialized = 1 << 31 // the kernel's own mark
		if api != sys.UFFD_API || Features(features)&^initialized != d.Enabled() {
			t.Errorf("wanted %v: enabled %v, fdinfo has %v of API %#x", want, d.Enabled(), Features(features), api)
		}
		if want&all&^d.Enabled() != 0 {
			t.Errorf("wanted and available, but not enabled: %v", want&all&^d.Enabled())
		}
		if d.Available() != all {
			t.Errorf("available %v, before %v", d.Available(), all)
		}
	}
}

func TestRequiredFeatureThatNoKernelHas(t *testing.T) {
	atEnd(t)
	const never Features = 1 << 62
	have := mustOpen(t, Options{}).Available()
	d, err := Open(Options{Required: never | FeatureSIGBUS, UserMode: UserModeFallback})
	fe, ok := errors.AsType[*FeatureError](err)
	if d != nil || !ok || fe.Missing != never|FeatureSIGBUS&^have || fe.Available != have || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v, %v", d, err)
	}
	if !strings.Contains(fmt.Sprint(err), "0x4000000000000000") {
		t.Errorf("%v does not name the bit", err)
	}
	if d := mustOpen(t, Options{Wanted: never}); d.Enabled() != 0 {
		t.Errorf("enabled %v", d.Enabled())
	}
}

func TestEventForkNeedsPrivilege(t *testing.T) {
	privileged := mayTrace(t)
	if have := mustOpen(t, Options{}).Available(); !have.Has(FeatureEventFork) {
		testgate.Skip(t, testgate.UffdFeature, "the kernel has no EVENT_FORK")
	}
	d, err := Open(Options{Required: FeatureEventFork, UserMode: UserModeFallback})
	switch {
	case privileged && err != nil:
		t.Fatal(err)
	case privileged:
		if d.Enabled() != FeatureEventFork {
			t.Errorf("enabled %v", d.Enabled())
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	case d != nil || !errors.Is(err, ErrEventFork) || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "CAP_SYS_PTRACE"):
		t.Errorf("%v, %v; want %v", d, err, ErrEventFork)
	}
	d = mustOpen(t, Options{Wanted: FeatureEventFork | FeatureSIGBUS})
	if got := d.Enabled().Has(FeatureEventFork); got != privileged {
		t.Errorf("only wanted: enabled %v, privileged %v", d.Enabled(), privileged)
	}
}

// The handshake as the kernel has it, which Open relies on.
func TestHandshake(t *testing.T) {
	atEnd(t)
	bare := func() int {
		fd, err := sys.Userfaultfd(sys.O_CLOEXEC | sys.O_NONBLOCK | sys.UFFD_USER_MODE_ONLY)
		if errors.Is(err, unix.EINVAL) {
			fd, err = sys.Userfaultfd(sys.O_CLOEXEC | sys.O_NONBLOCK) // before 5.11
		}
		testgate.Need(t, testgate.Userfaultfd, err)
		t.Cleanup(func() { _ = unix.Close(fd) })
		return fd
	}
	api := func(fd int, api uint64, features Features) (sys.UffdioApi, error) {
		a := sys.UffdioApi{Api: api, Features: uint64(features)}
		err := sys.UffdioApiCall(fd, &a)
		return a, err
	}
	fd := bare()
	for _, version := range []uint64{0, sys.UFFD_API - 1, sys.UFFD_API + 1, 1<<32 | sys.UFFD_API} {
		if a, err := api(fd, version, 0); !errors.Is(err, unix.EINVAL) || a.Ioctls != 0 || a.Features != 0 {
			t.Errorf("version %#x: %+v, %v", version, a, err)
		}
	}
	if err := sys.UffdioWakeCall(fd, &sys.UffdioRange{}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("another ioctl before the handshake: %v", err)
	}
	if _, err := unix.Read(fd, make([]byte, 1024)); !errors.Is(err, unix.EINVAL) {
		t.Errorf("read before the handshake: %v", err)
	}
	if a, err := api(fd, sys.UFFD_API, 1<<63); !errors.Is(err, unix.EINVAL) || a.Features != 0 {
		t.Errorf("a feature that does not exist: %+v, %v", a, err)
	}
	a, err := api(fd, sys.UFFD_API, 0) // the failures above spoilt nothing
	if err != nil || a.Api != sys.UFFD_API || !Ioctls(a.Ioctls).Has(IoctlAPI|IoctlRegister|IoctlUnregister) {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := api(fd, sys.UFFD_API, 0); !errors.Is(err, unix.EINVAL) {
		t.Errorf("a second time: %v", err)
	}
	if _, err := unix.Read(fd, make([]byte, 1024)); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("read after the handshake: %v", err)
	}
}

// registered maps a page that is missing and registers it.
func registered(t *testing.T, d *Descriptor) uintptr {
	t.Helper()
	addr, err := sys.Mmap(0, page, sys.PROT_READ|sys.PROT_WRITE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS, -1, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sys.Munmap(addr, page); err != nil {
			t.Error(err)
		}
	})
	err = d.Control(func(fd int) error {
		return sys.UffdioRegisterCall(fd, &sys.UffdioRegister{
			Range: sys.UffdioRange{Start: uint64(addr), Len: uint64(page)},
			Mode:  sys.UFFDIO_REGISTER_MODE_MISSING,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// fault touches the page at addr from inside the kernel, which the Go runtime
// knows to be a wait: it reads a byte into it from a pipe.
func fault(t *testing.T, addr uintptr) error {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	if _, err := unix.Write(pipe[1], []byte{42}); err != nil {
		return err
	}
	if n, _, errno := unix.Syscall(unix.SYS_READ, uintptr(pipe[0]), addr, 1); errno != 0 {
		return errno
	} else if n != 1 {
		return fmt.Errorf("read %d bytes", n)
	}
	return nil
}

// What UserModeOnly means, for a caller who finds out by accident.
func TestUserModeOnlyDoesNotServeTheKernel(t *testing.T) {
	d := mustOpen(t, Options{UserMode: UserModeOnly})
	if !d.UserModeOnly() {
		t.Fatal("not user-mode-only")
	}
	_, inChild, err := testgate.Child(t, time.Minute)
	if !inChild {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if err := fault(t, registered(t, d)); !errors.Is(err, unix.EFAULT) {
		t.Errorf("a fault inside the kernel: %v, want EFAULT", err)
	}
	if _, err := unix.Read(d.FD(), make([]byte, 32)); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("a message about it: %v", err)
	}
}

func TestKernelFaultsAreSeen(t *testing.T) {
	atEnd(t)
	d, err := Open(Options{})
	testgate.Need(t, testgate.UffdKernelFaults, err)
	defer d.Close()
	_, inChild, err := testgate.Child(t, time.Minute)
	if !inChild {
		if err != nil {
			t.Error(err)
		}
		return
	}
	addr := registered(t, d)
	done := make(chan error)
	go func() { done <- fault(t, addr) }()
	poll := []unix.PollFd{{Fd: int32(d.FD()), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(poll, -1); err == nil {
			break
		} else if !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
	}
	var message [32]byte
	if n, err := unix.Read(d.FD(), message[:]); n != len(message) || err != nil || message[0] != sys.UFFD_EVENT_PAGEFAULT {
		t.Fatalf("message of %d bytes, %v: % x", n, err, message)
	}
	err = d.Control(func(fd int) error {
		return sys.UffdioZeropageCall(fd, &sys.UffdioZeropage{Range: sys.UffdioRange{Start: uint64(addr), Len: uint64(page)}})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("the read that faulted: %v", err)
	}
}

// Calls against Close and against other descriptors that take the numbers which
// become free: a call works on this userfaultfd or is told that it is closed,
// and never reaches a stranger (whom the ioctl would make say ENOTTY).
func TestCallsAgainstClose(t *testing.T) {
	addr := registered(t, mustOpen(t, Options{}))
	stop := make(chan struct{})
	var strangers sync.WaitGroup
	strangers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if n, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
				_ = unix.Close(n)
			}
		}
	})
	for range testgate.Rounds(300, 50) {
		d, err := Open(Options{UserMode: UserModeFallback})
		if err != nil {
			t.Fatal(err)
		}
		var begun, calls sync.WaitGroup
		begun.Add(2)
		for range 2 {
			calls.Go(func() {
				for i := 0; ; i++ {
					if i == 1 {
						begun.Done()
					}
					err := d.Control(func(fd int) error {
						return sys.UffdioWakeCall(fd, &sys.UffdioRange{Start: uint64(addr), Len: uint64(page)})
					})
					if errors.Is(err, ErrClosed) {
						return
					}
					if err != nil {
						t.Error(err)
					}
					runtime.Gosched() // or they keep the one that closes waiting
				}
			})
		}
		begun.Wait()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		calls.Wait()
	}
	close(stop)
	strangers.Wait()
}

func TestZeroDescriptorIsClosed(t *testing.T) {
	var d Descriptor
	if d.FD() != -1 || d.Close() != nil {
		t.Error("it is open")
	}
	if err := d.Control(func(int) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestControlAllocatesNothing(t *testing.T) {
	d := mustOpen(t, Options{})
	r := sys.UffdioRange{Start: uint64(registered(t, d)), Len: uint64(page)}
	call := func(fd int) error { return sys.UffdioWakeCall(fd, &r) }
	if n := testing.AllocsPerRun(100, func() {
		if err := d.Control(call); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
