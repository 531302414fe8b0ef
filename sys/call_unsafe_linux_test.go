package sys_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

// mapping maps n pages, readable and writable, until the end of the test.
func mapping(t testing.TB, pages int) (addr, length uintptr) {
	t.Helper()
	length = uintptr(pages * os.Getpagesize())
	addr, err := sys.Mmap(0, length, sys.PROT_READ|sys.PROT_WRITE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS, -1, 0)
	if err != nil {
		t.Fatalf("Mmap: %v", err)
	}
	t.Cleanup(func() {
		if err := sys.Munmap(addr, length); err != nil {
			t.Errorf("Munmap: %v", err)
		}
	})
	return addr, length
}

// view shows mapped memory.
func view(addr, length uintptr) []byte {
	return unsafe.Slice((*byte)(sys.AddressPointer(addr).Pointer()), length)
}

func TestMapProtectDiscardUnmap(t *testing.T) {
	addr, length := mapping(t, 2)
	mem := view(addr, length)
	mem[0], mem[length-1] = 1, 2
	if err := sys.Mprotect(addr, length, sys.PROT_READ); err != nil {
		t.Fatalf("Mprotect: %v", err)
	}
	if mem[0] != 1 || mem[length-1] != 2 {
		t.Fatal("Mprotect changed the memory")
	}
	if err := sys.Madvise(addr, length, sys.MADV_DONTNEED); err != nil {
		t.Fatalf("Madvise: %v", err)
	}
	if mem[0] != 0 || mem[length-1] != 0 {
		t.Error("MADV_DONTNEED left the old bytes in anonymous memory")
	}
}

func TestErrorsAreBareErrnos(t *testing.T) {
	addr, length := mapping(t, 1)
	for name, c := range map[string]struct {
		err  error
		want unix.Errno
	}{
		"Munmap of no page boundary":   {sys.Munmap(addr+1, length), unix.EINVAL},
		"Mprotect of no page boundary": {sys.Mprotect(addr+1, length, sys.PROT_READ), unix.EINVAL},
		"Madvise without such advice":  {sys.Madvise(addr, length, 12345), unix.EINVAL},
		"Mmap of nothing":              {second(sys.Mmap(0, 0, sys.PROT_READ, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS, -1, 0)), unix.EINVAL},
		"Mmap of no file":              {second(sys.Mmap(0, length, sys.PROT_READ, sys.MAP_PRIVATE, -1, 0)), unix.EBADF},
		"Mmap at an offset in a page":  {second(sys.Mmap(0, length, sys.PROT_READ, sys.MAP_PRIVATE, 0, 1)), unix.EINVAL},
		"Mremap without such flags":    {second(sys.Mremap(addr, length, length, 1<<20, 0)), unix.EINVAL},
		"Fcntl of no file":             {second(sys.Fcntl(-1, sys.F_GET_SEALS, 0)), unix.EBADF},
		"Ioctl of no file":             {second(sys.Ioctl(-1, sys.UFFDIO_API, nil)), unix.EBADF},
		"IoctlInt of no file":          {second(sys.IoctlInt(-1, sys.USERFAULTFD_IOC_NEW, 0)), unix.EBADF},
		"UffdioApiCall of no file":     {sys.UffdioApiCall(-1, &sys.UffdioApi{}), unix.EBADF},
		"MemfdCreate with a zero byte": {second(sys.MemfdCreate("a\x00b", 0)), unix.EINVAL},
		"MemfdCreate without flags":    {second(sys.MemfdCreate("a", 1<<25)), unix.EINVAL},
		"PidfdOpen of no process":      {second(sys.PidfdOpen(-1, 0)), unix.EINVAL},
	} {
		if errno, ok := c.err.(unix.Errno); !ok || errno != c.want {
			t.Errorf("%s: %v (%T), want %v", name, c.err, c.err, c.want)
		}
	}
}

// second is the error of a call that returns something, too.
func second[T int | uintptr](_ T, err error) error { return err }

// TestMmapFarIntoFile maps what lies beyond 4 GiB: on 32-bit ports an offset
// in bytes does not fit a word.
func TestMmapFarIntoFile(t *testing.T) {
	fd, err := sys.MemfdCreate("far", sys.MFD_CLOEXEC)
	testgate.Need(t, testgate.Memfd, err)
	defer unix.Close(fd)
	page := os.Getpagesize()
	const base int64 = 4 << 30
	offset := base + int64(3*page)
	if err := unix.Ftruncate(fd, offset+int64(page)); err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{offset, offset - base} {
		if _, err := unix.Pwrite(fd, []byte{byte(at >> 32), 'x'}, at); err != nil {
			t.Fatal(err)
		}
		addr, err := sys.Mmap(0, uintptr(page), sys.PROT_READ, sys.MAP_SHARED, fd, at)
		if err != nil {
			t.Fatalf("Mmap at offset %#x: %v", at, err)
		}
		if got := view(addr, 2); got[0] != byte(at>>32) || got[1] != 'x' {
			t.Errorf("offset %#x shows %v: another part of the file", at, got)
		}
		if err := sys.Munmap(addr, uintptr(page)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMremap(t *testing.T) {
	length := uintptr(os.Getpagesize())
	addr, err := sys.Mmap(0, length, sys.PROT_READ|sys.PROT_WRITE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS, -1, 0)
	if err != nil {
		t.Fatal(err)
	}
	view(addr, length)[0] = 7
	moved, err := sys.Mremap(addr, length, 3*length, sys.MREMAP_MAYMOVE, 0)
	if err != nil {
		t.Fatalf("Mremap: %v", err)
	}
	mem := view(moved, 3*length)
	mem[3*length-1] = 1
	if mem[0] != 7 {
		t.Error("Mremap lost what was there")
	}
	if err := sys.Munmap(moved, 3*length); err != nil {
		t.Fatal(err)
	}
}

// A sealed mapping stays for the life of the process: a child's.
func TestMincore(t *testing.T) {
	page := uintptr(os.Getpagesize())
	addr, length := mapping(t, 3)
	view(addr, length)[page] = 1
	there := []byte{2, 2, 2, 2}
	if err := sys.Mincore(addr, length, there); err != nil {
		t.Fatal(err)
	}
	if there[0]&1 != 0 || there[1]&1 != 1 || there[2]&1 != 0 || there[3] != 2 {
		t.Errorf("only the second of three pages was touched: %v", there)
	}
	if err := sys.Mincore(addr+1, page, there); err != unix.EINVAL {
		t.Errorf("not aligned: %v", err)
	}
}

func TestProcmapQuery(t *testing.T) {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	defer maps.Close()
	addr, length := mapping(t, 1)
	q := sys.ProcmapQuery{Size: uint64(unsafe.Sizeof(sys.ProcmapQuery{})), QueryAddr: uint64(addr)}
	err = sys.ProcmapQueryCall(int(maps.Fd()), &q)
	if err == unix.ENOTTY {
		testgate.Skip(t, testgate.ProcmapQuery, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	want := uint64(sys.PROCMAP_QUERY_VMA_READABLE | sys.PROCMAP_QUERY_VMA_WRITABLE)
	if q.VmaStart > uint64(addr) || q.VmaEnd < uint64(addr+length) || q.VmaFlags&want != want || q.VmaPageSize != uint64(os.Getpagesize()) {
		t.Errorf("%#x of %d bytes is said to be in %+v", addr, length, q)
	}
}

func TestMseal(t *testing.T) {
	out, inChild, err := testgate.Child(t, time.Minute)
	if !inChild {
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	length := uintptr(os.Getpagesize())
	addr, err := sys.Mmap(0, length, sys.PROT_READ|sys.PROT_WRITE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS, -1, 0)
	if err != nil {
		t.Fatal(err)
	}
	testgate.Need(t, testgate.Mseal, sys.Mseal(addr, length, 0))
	if err := sys.Munmap(addr, length); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Munmap of sealed memory: %v, want EPERM", err)
	}
	if err := sys.Mseal(addr, length, 1); err != unix.EINVAL {
		t.Errorf("Mseal with a flag: %v, want EINVAL", err)
	}
}

func TestMemfdSeals(t *testing.T) {
	fd, err := sys.MemfdCreate("seals", sys.MFD_CLOEXEC|sys.MFD_ALLOW_SEALING)
	testgate.Need(t, testgate.Memfd, err)
	defer unix.Close(fd)
	if flags, err := sys.Fcntl(fd, sys.F_GETFD, 0); err != nil || flags != sys.FD_CLOEXEC {
		t.Errorf("F_GETFD: %#x, %v; want FD_CLOEXEC", flags, err)
	}
	const seals = sys.F_SEAL_GROW | sys.F_SEAL_SHRINK
	if _, err := sys.Fcntl(fd, sys.F_ADD_SEALS, seals); err != nil {
		t.Fatalf("F_ADD_SEALS: %v", err)
	}
	got, err := sys.Fcntl(fd, sys.F_GET_SEALS, 0)
	if err != nil || got&^sys.F_SEAL_EXEC != seals {
		t.Errorf("F_GET_SEALS: %#x, %v; want %#x", got, err, seals)
	}
	if err := unix.Ftruncate(fd, 1); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("growing a file sealed against it: %v, want EPERM", err)
	}
}

func TestMemfdSecret(t *testing.T) {
	fd, err := sys.MemfdSecret(sys.O_CLOEXEC)
	testgate.Need(t, testgate.MemfdSecret, err)
	defer unix.Close(fd)
	if _, err := sys.MemfdSecret(1 << 30); err != unix.EINVAL {
		t.Errorf("MemfdSecret with an unknown flag: %v, want EINVAL", err)
	}
}

// TestPkey needs no keys: what it asks for is answered the same with and
// without.
func TestPkey(t *testing.T) {
	addr, length := mapping(t, 1)
	if err := sys.PkeyMprotect(addr, length, sys.PROT_READ, -1); err == nil {
		if got := view(addr, 1)[0]; got != 0 {
			t.Errorf("reads %d", got)
		}
	} else if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("PkeyMprotect with key -1: %v", err)
	}
	if key, err := sys.PkeyAlloc(1, 0); key != -1 || (err != unix.EINVAL && err != unix.ENOSPC && err != unix.ENOSYS) {
		t.Errorf("PkeyAlloc with flags: %d, %v; want -1 and EINVAL", key, err)
	}
	// ppc64 without keys answers EPERM.
	if err := sys.PkeyFree(1 << 20); err != unix.EINVAL && err != unix.ENOSYS && (err != unix.EPERM || !strings.HasPrefix(runtime.GOARCH, "ppc64")) {
		t.Errorf("PkeyFree of no key: %v, want EINVAL", err)
	}
}

func TestIoctl(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, err := w.WriteString("hello"); err != nil {
		t.Fatal(err)
	}
	var n int32
	if _, err := sys.Ioctl(int(r.Fd()), unix.TIOCINQ, unsafe.Pointer(&n)); err != nil || n != 5 {
		t.Errorf("TIOCINQ: %d bytes, %v; want 5", n, err)
	}
}

func TestProcessMadvise(t *testing.T) {
	addr, length := mapping(t, 4)
	page := length / 4
	mem := view(addr, length)
	for i := range uintptr(4) {
		mem[i*page] = byte(i + 1)
	}
	pidfd, err := sys.PidfdOpen(os.Getpid(), 0)
	testgate.Need(t, testgate.Pidfd, err)
	defer unix.Close(pidfd)
	iov := []unix.Iovec{{Base: &mem[0]}, {Base: &mem[2*page]}}
	for i := range iov {
		iov[i].SetLen(int(page))
	}
	n, err := sys.ProcessMadvise(pidfd, iov, sys.MADV_DONTNEED, 0)
	if err == unix.EINVAL || err == unix.EPERM { // before 6.13 not this advice, even for oneself
		testgate.Skip(t, testgate.ProcessMadvise, err.Error())
	}
	testgate.Need(t, testgate.ProcessMadvise, err)
	if n != int(2*page) {
		t.Errorf("advised %d bytes, want %d", n, 2*page)
	}
	if got := []byte{mem[0], mem[page], mem[2*page], mem[3*page]}; !bytes.Equal(got, []byte{0, 2, 0, 4}) {
		t.Errorf("pages begin with %v, want 0 2 0 4", got)
	}
	if n, err := sys.ProcessMadvise(sys.PIDFD_SELF, iov, sys.MADV_DONTNEED, 0); err == nil && n != int(2*page) {
		t.Errorf("PIDFD_SELF: advised %d bytes, want %d", n, 2*page)
	} else if err != nil && err != unix.EBADF { // before 6.15 a descriptor like any other
		t.Errorf("PIDFD_SELF: %v", err)
	}
	if n, err := sys.ProcessMadvise(pidfd, nil, sys.MADV_DONTNEED, 0); n != 0 || err != nil {
		t.Errorf("no ranges: %d, %v", n, err)
	}
}

func TestPagemapScan(t *testing.T) {
	file, err := os.Open("/proc/self/pagemap")
	testgate.Need(t, testgate.Proc, missing(err))
	defer file.Close()
	addr, length := mapping(t, 8)
	page := length / 8
	mem := view(addr, length)
	for _, i := range []uintptr{1, 2, 5} {
		mem[i*page] = 1
	}
	var regions [8]sys.PageRegion
	arg := sys.PmScanArg{
		Size:              uint64(unsafe.Sizeof(sys.PmScanArg{})),
		Start:             uint64(addr),
		End:               uint64(addr + length),
		Vec:               sys.SlicePointer(regions[:]),
		VecLen:            uint64(len(regions)),
		CategoryAnyofMask: sys.PAGE_IS_PRESENT | sys.PAGE_IS_SWAPPED,
		ReturnMask:        sys.PAGE_IS_FILE, // none, so that neighbours are one region
	}
	n, err := sys.PagemapScan(int(file.Fd()), &arg)
	if err == unix.ENOTTY || err == unix.EINVAL {
		err = errors.ErrUnsupported // a kernel that does not know the command
	}
	testgate.Need(t, testgate.PagemapScan, err)
	if arg.WalkEnd != arg.End {
		t.Errorf("walked to %#x of %#x", arg.WalkEnd, arg.End)
	}
	var got []uintptr
	for _, r := range regions[:n] {
		for a := uintptr(r.Start); a < uintptr(r.End); a += page {
			got = append(got, (a-addr)/page)
		}
	}
	if len(got) != 3 || got[0] != 1 || got[1] != 2 || got[2] != 5 {
		t.Errorf("present pages %v, want 1 2 5", got)
	}
}

// missing turns "no such file" into "unsupported".
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, errors.ErrUnsupported)
	}
	return err
}

// handshake opens a userfaultfd that any user may have.
func handshake(t testing.TB) int {
	t.Helper()
	fd, err := sys.Userfaultfd(sys.O_CLOEXEC | sys.O_NONBLOCK | sys.UFFD_USER_MODE_ONLY)
	if err == unix.EINVAL { // before 5.11
		fd, err = sys.Userfaultfd(sys.O_CLOEXEC | sys.O_NONBLOCK)
	}
	testgate.Need(t, testgate.Userfaultfd, err)
	t.Cleanup(func() { unix.Close(fd) })
	api := sys.UffdioApi{Api: sys.UFFD_API}
	if err := sys.UffdioApiCall(fd, &api); err != nil {
		t.Fatalf("UffdioApiCall: %v", err)
	}
	if api.Ioctls&(1<<sys.IocNr(sys.UFFDIO_REGISTER)) == 0 {
		t.Errorf("ioctls %#x lack UFFDIO_REGISTER", api.Ioctls)
	}
	return fd
}

func TestUserfaultfd(t *testing.T) {
	fd := handshake(t)
	addr, length := mapping(t, 3)
	page := uint64(length / 3)
	all := sys.UffdioRange{Start: uint64(addr), Len: uint64(length)}
	register := sys.UffdioRegister{Range: all, Mode: sys.UFFDIO_REGISTER_MODE_MISSING}
	if err := sys.UffdioRegisterCall(fd, &register); err != nil {
		t.Fatalf("UffdioRegisterCall: %v", err)
	}
	if register.Ioctls&(1<<sys.IocNr(sys.UFFDIO_COPY)) == 0 {
		t.Errorf("ioctls of the range %#x lack UFFDIO_COPY", register.Ioctls)
	}
	source := bytes.Repeat([]byte{0xa5}, int(page))
	fill := sys.UffdioCopy{Dst: uint64(addr), Src: sys.SlicePointer(source), Len: page}
	if err := sys.UffdioCopyCall(fd, &fill); err != nil || fill.Copy != int64(page) {
		t.Fatalf("UffdioCopyCall: %v, copied %d", err, fill.Copy)
	}
	zero := sys.UffdioZeropage{Range: sys.UffdioRange{Start: uint64(addr) + page, Len: page}}
	if err := sys.UffdioZeropageCall(fd, &zero); err != nil || zero.Zeropage != int64(page) {
		t.Fatalf("UffdioZeropageCall: %v, zeroed %d", err, zero.Zeropage)
	}
	if err := sys.UffdioCopyCall(fd, &fill); err != unix.EEXIST || fill.Copy != -int64(unix.EEXIST) {
		t.Errorf("UffdioCopyCall again: %v, field %d; want EEXIST in both", err, fill.Copy)
	}
	if err := sys.UffdioWakeCall(fd, &all); err != nil {
		t.Errorf("UffdioWakeCall: %v", err)
	}
	if err := sys.UffdioUnregisterCall(fd, &all); err != nil {
		t.Errorf("UffdioUnregisterCall: %v", err)
	}
	mem := view(addr, length)
	if mem[0] != 0xa5 || mem[page-1] != 0xa5 || mem[page] != 0 || mem[2*page] != 0 {
		t.Errorf("pages begin with %#x %#x %#x, want 0xa5 0 0", mem[0], mem[page], mem[2*page])
	}
}

func TestCallsAllocateNothing(t *testing.T) {
	addr, length := mapping(t, 1)
	fd := -1
	page := uint64(length)
	for name, f := range map[string]func(){
		"mmap and munmap": func() {
			a, err := sys.Mmap(0, length, sys.PROT_NONE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS, -1, 0)
			if err != nil || sys.Munmap(a, length) != nil {
				t.Error("mmap and munmap failed")
			}
		},
		"mprotect": func() {
			if sys.Mprotect(addr, length, sys.PROT_READ|sys.PROT_WRITE) != nil {
				t.Error("mprotect failed")
			}
		},
		"madvise": func() {
			if sys.Madvise(addr, length, sys.MADV_DONTNEED) != nil {
				t.Error("madvise failed")
			}
		},
		"a call that fails": func() {
			if sys.Munmap(addr+1, length) == nil {
				t.Error("munmap went well")
			}
		},
		"an ioctl with its argument on the stack": func() {
			var source [64]byte
			a := sys.UffdioCopy{Src: sys.SlicePointer(source[:]), Len: page}
			if sys.UffdioCopyCall(fd, &a) == nil {
				t.Error("UFFDIO_COPY on no descriptor went well")
			}
		},
		"a scan of the page map": func() {
			var regions [4]sys.PageRegion
			a := sys.PmScanArg{Vec: sys.SlicePointer(regions[:]), VecLen: 4}
			if _, err := sys.PagemapScan(fd, &a); err == nil {
				t.Error("PAGEMAP_SCAN on no descriptor went well")
			}
		},
		"fcntl": func() {
			if _, err := sys.Fcntl(fd, sys.F_GET_SEALS, 0); err == nil {
				t.Error("fcntl on no descriptor went well")
			}
		},
		"process_madvise": func() {
			iov := [1]unix.Iovec{}
			if _, err := sys.ProcessMadvise(fd, iov[:], sys.MADV_COLD, 0); err == nil {
				t.Error("process_madvise of no process went well")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := testing.AllocsPerRun(100, f)
			if n != 0 && conversionsAllocate() {
				testgate.Skip(t, testgate.Plain, "in this build a variable whose address becomes a number is on the heap")
			}
			if n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// conversionsAllocate says whether the program was built with
// -d=checkptr=2, which does that.
func conversionsAllocate() bool {
	return testing.AllocsPerRun(10, func() {
		var x [8]byte
		number = uintptr(unsafe.Pointer(&x))
	}) != 0
}

var number uintptr
