package selftests

import (
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// One Register over several kinds of memory with a gap between them.
func TestRegisterMixedMappings(t *testing.T) {
	a, file := newArea(t, anon, 6), newArea(t, shmem, 2)
	// anonymous, anonymous, gap, file, file, unregistered later
	start := uintptr(a.addr(3))
	if _, err := sys.Mmap(start, uintptr(2*a.page), sys.PROT_READ|sys.PROT_WRITE, sys.MAP_SHARED|sys.MAP_FIXED, file.fd, 0); err != nil {
		t.Fatal(err)
	}
	d := open(t, uffd.Options{})
	data := a.filled(5, 1)
	a.punch(t, 2)
	register(t, d, a.span(0, 5), uffd.ModeMissing)
	for i := range 5 {
		n, err := d.Copy(a.addr(i), data[uint64(i)*a.page:][:a.page], 0)
		if i == 2 {
			if n != 0 || !errors.Is(err, uffd.ErrLayout) {
				t.Errorf("COPY into the gap: %d, %v; want %v", n, err, uffd.ErrLayout)
			}
			continue
		}
		if uint64(n) != a.page || err != nil {
			t.Errorf("page %d: %d, %v", i, n, err)
		}
	}
	holds(t, "anonymous", a.span(0, 2), data[:2*a.page])
	holds(t, "file", a.span(3, 2), data[3*a.page:])
	if err := unix.Madvise(a.mem[:2*a.page], unix.MADV_DONTNEED); err != nil {
		t.Error(err)
	}
	if n, err := d.Copy(a.addr(1), data[:2*a.page], 0); n != 0 || !errors.Is(err, uffd.ErrLayout) {
		t.Errorf("COPY that reaches into the gap: %d, %v; want %v", n, err, uffd.ErrLayout)
	}
	missing(t, "after that", a, 0, 2)
	if err := d.Unregister(a.span(0, 6)); err != nil {
		t.Errorf("Unregister of it all, gap and unregistered page included: %v", err)
	}
	if n, err := d.Copy(a.addr(0), data[:a.page], 0); n != 0 || !errors.Is(err, uffd.ErrLayout) {
		t.Errorf("COPY after that: %d, %v; want %v", n, err, uffd.ErrLayout)
	}
	if _, err := d.Register(a.at(2), uffd.ModeMissing); !errors.Is(err, unix.EINVAL) {
		t.Errorf("Register of the gap alone: %v; want EINVAL", err)
	}
}

// Memory that can't be registered, and why. Nothing of a range is registered then.
func TestRegisterRefused(t *testing.T) {
	d := open(t, uffd.Options{})
	for _, test := range []struct {
		name string
		mem  func(t *testing.T) *area
		want error
	}{
		{"sealed against writing", sealed, unix.EPERM},
		{"shared and read-only", readOnlyShared, unix.EPERM},
		{"memfd_secret", secret, unix.EINVAL},
		{"droppable", droppable, unix.EINVAL},
		{"an ordinary file", ordinaryFile, unix.EINVAL},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := test.mem(t)
			if b == nil {
				return
			}
			ioctls, err := d.Register(b.all(), uffd.ModeMissing)
			if err == nil && test.name == "droppable" {
				return // kernels that are only a little younger than droppable memory
			}
			if !errors.Is(err, test.want) {
				t.Errorf("%v, %v; want %v", ioctls, err, test.want)
			}
			if n, err := d.Zero(b.all(), 0); n != 0 || !errors.Is(err, uffd.ErrLayout) {
				t.Errorf("Zero: %d, %v; want %v", n, err, uffd.ErrLayout)
			}
			// In one range with memory that can be registered.
			a := newArea(t, anon, 2)
			start := uintptr(a.addr(1))
			page := uintptr(b.page)
			if _, err := sys.Mremap(uintptr(b.addr(0)), page, page, sys.MREMAP_MAYMOVE|sys.MREMAP_FIXED, start); err != nil {
				t.Fatal(err)
			}
			b.lose()
			if ioctls, err := d.Register(a.all(), uffd.ModeMissing); !errors.Is(err, test.want) {
				t.Errorf("with other memory before it: %v, %v; want %v", ioctls, err, test.want)
			}
			if n, err := d.Zero(a.at(0), 0); n != 0 || !errors.Is(err, uffd.ErrLayout) {
				t.Errorf("the other memory was registered all the same: %d, %v", n, err)
			}
		})
	}
}

// onePage maps a page of something else.
func onePage(t *testing.T, fd, prot, flags int) *area {
	t.Helper()
	a := newArea(t, anon, 1)
	if _, err := sys.Mmap(uintptr(a.addr(0)), uintptr(a.page), prot, flags|sys.MAP_FIXED, fd, 0); err != nil {
		if flags&sys.MAP_TYPE == sys.MAP_DROPPABLE && (errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP)) {
			testgate.Skip(t, testgate.Droppable, err.Error())
		}
		t.Fatal(err)
	}
	return a
}

func sealed(t *testing.T) *area {
	fd := newFile(t, false)
	if err := unix.Ftruncate(fd, int64(smallPage)); err != nil {
		t.Fatal(err)
	}
	if _, err := sys.Fcntl(fd, sys.F_ADD_SEALS, sys.F_SEAL_WRITE); err != nil {
		t.Fatal(err)
	}
	if mem, err := unix.Mmap(fd, 0, int(smallPage), sys.PROT_READ, sys.MAP_SHARED); err != nil {
		return readOnly(t, fd) // before 6.7 there is no other way
	} else if err := unix.Munmap(mem); err != nil {
		t.Error(err)
	}
	return onePage(t, fd, sys.PROT_READ, sys.MAP_SHARED)
}

func readOnlyShared(t *testing.T) *area {
	fd := newFile(t, false)
	if err := unix.Ftruncate(fd, int64(smallPage)); err != nil {
		t.Fatal(err)
	}
	return readOnly(t, fd)
}

// readOnly maps what fd is of by a descriptor that can't write.
func readOnly(t *testing.T, fd int) *area {
	t.Helper()
	ro, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ro)
	return onePage(t, ro, sys.PROT_READ, sys.MAP_SHARED)
}

func secret(t *testing.T) *area {
	checkProcess(t)
	fd, err := sys.MemfdSecret(sys.O_CLOEXEC)
	testgate.Need(t, testgate.MemfdSecret, err)
	defer unix.Close(fd)
	if err := unix.Ftruncate(fd, int64(smallPage)); err != nil {
		t.Fatal(err)
	}
	return onePage(t, fd, sys.PROT_READ|sys.PROT_WRITE, sys.MAP_SHARED)
}

func droppable(t *testing.T) *area {
	return onePage(t, -1, sys.PROT_READ|sys.PROT_WRITE, sys.MAP_DROPPABLE|sys.MAP_ANONYMOUS)
}

// ordinaryFile is this program. In a machine that has no disk it lies in a tmpfs,
// which is shared memory: then there is no ordinary file, and nil.
func ordinaryFile(t *testing.T) *area {
	checkProcess(t)
	fd, err := unix.Open("/proc/self/exe", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		t.Fatal(err)
	}
	if fs.Type == unix.TMPFS_MAGIC {
		return nil
	}
	return onePage(t, fd, sys.PROT_READ|sys.PROT_WRITE, sys.MAP_PRIVATE)
}

// A range has one descriptor.
func TestTwoDescriptors(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 2)
		first, another := open(t, uffd.Options{}), open(t, uffd.Options{})
		register(t, first, a.at(0), uffd.ModeMissing)
		for name, r := range map[string]uffd.Range{"the same": a.at(0), "one that holds it": a.all()} {
			if ioctls, err := another.Register(r, uffd.ModeMissing); !errors.Is(err, unix.EBUSY) {
				t.Errorf("%s: %v, %v; want EBUSY", name, ioctls, err)
			}
		}
		register(t, another, a.at(1), uffd.ModeMissing) // beside it
		data := a.filled(2, 1)
		for i, d := range []*uffd.Descriptor{first, another} {
			r := reads(t, a.addr(i))
			missingFault(t, d, a, i, false)
			noEvent(t, first)
			noEvent(t, another)
			if err := []*uffd.Descriptor{another, first}[i].Wake(a.at(i)); err != nil {
				t.Error(err)
			}
			r.stuck() // it waits for the one that it told
			if _, err := d.Copy(a.addr(i), data[uint64(i)*a.page:][:a.page], 0); err != nil {
				t.Error(err)
			}
			r.saw(data[uint64(i)*a.page])
		}
		if n, err := first.Copy(a.addr(0), data, 0); n != 0 || !errors.Is(err, uffd.ErrLayout) && !errors.Is(err, uffd.ErrExists) {
			t.Errorf("COPY over both: %d, %v", n, err)
		}
		if err := first.Close(); err != nil {
			t.Error(err)
		}
		register(t, another, a.all(), uffd.ModeMissing) // now it is free
	})
}

// What a descriptor may do to the range of another: end its registration on old
// kernels, nothing since Linux 6.17.
func TestUnregisterOfAnother(t *testing.T) {
	a := newArea(t, anon, 1)
	first, another := open(t, uffd.Options{}), open(t, uffd.Options{})
	register(t, first, a.all(), uffd.ModeMissing)
	data := a.filled(1, 1)
	switch err := another.Unregister(a.all()); {
	case errors.Is(err, unix.EINVAL):
		missing(t, "after it was refused", a, 0, 1)
		if n, err := first.Copy(a.addr(0), data, 0); n != len(data) || err != nil {
			t.Errorf("after it was refused: %d, %v", n, err)
		}
	case err == nil:
		if n, err := first.Copy(a.addr(0), data, 0); n != 0 || !errors.Is(err, uffd.ErrLayout) {
			t.Errorf("after it was done: %d, %v; want %v", n, err, uffd.ErrLayout)
		}
	default:
		t.Error(err)
	}
}
