package uffd

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

// clean fails the test if it leaves descriptors or goroutines behind. Call it
// before anything else.
func clean(t testing.TB) {
	t.Helper()
	r, w, err := os.Pipe() // the runtime's poller, which stays
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	w.Close()
	fds, goroutines := numbers(t), runtime.NumGoroutine()
	t.Cleanup(func() {
		for end := time.Now().Add(testgate.Stretch(t, 10*time.Second)); runtime.NumGoroutine() > goroutines; {
			if time.Now().After(end) {
				stacks := make([]byte, 1<<16)
				t.Errorf("%d goroutines before, %d after:\n%s", goroutines, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
				break
			}
			time.Sleep(time.Millisecond)
		}
		for fd, file := range numbers(t) {
			if fds[fd] == "" {
				t.Errorf("descriptor %s is left: %s", fd, file)
			}
		}
	})
}

// numbers are the descriptors of this process, and their files.
func numbers(t testing.TB) map[string]string {
	t.Helper()
	const dir = "/proc/self/fd"
	all, err := os.ReadDir(dir)
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	found := map[string]string{}
	for _, e := range all {
		if file, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil { // but for dir itself
			found[e.Name()] = file
		}
	}
	return found
}

// area is memory of which nothing is there yet.
type area struct {
	mem []byte // nobody may touch a page that faults
	fd  int    // of the file, or -1
	Range
}

// anonymous maps private memory of so many pages.
func anonymous(t testing.TB, pages int) area {
	t.Helper()
	return mapArea(t, pages, -1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
}

// file maps a file in memory, shared.
func file(t testing.TB, pages int) area {
	t.Helper()
	return mapArea(t, pages, newFile(t, pages), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

func newFile(t testing.TB, pages int) int {
	t.Helper()
	fd, err := sys.MemfdCreate("uffd", sys.MFD_CLOEXEC|sys.MFD_ALLOW_SEALING)
	if errors.Is(err, unix.EACCES) { // vm.memfd_noexec=2
		fd, err = sys.MemfdCreate("uffd", sys.MFD_CLOEXEC|sys.MFD_ALLOW_SEALING|sys.MFD_NOEXEC_SEAL)
	}
	testgate.Need(t, testgate.Memfd, err)
	t.Cleanup(func() {
		if err := unix.Close(fd); err != nil {
			t.Error(err)
		}
	})
	if err := unix.Ftruncate(fd, int64(pages)*int64(page)); err != nil {
		t.Fatal(err)
	}
	return fd
}

func mapArea(t testing.TB, pages, fd, prot, flags int) area {
	t.Helper()
	mem, err := unix.Mmap(fd, 0, pages*int(page), prot, flags)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	// Where huge pages are always on, a page could be there because its neighbour is.
	if err := unix.Madvise(mem, unix.MADV_NOHUGEPAGE); err != nil && !errors.Is(err, unix.EINVAL) {
		t.Fatal(err)
	}
	return area{mem, fd, RangeOf(mem)}
}

// addr is that of page i.
func (a area) addr(i int) uint64 { return a.Start + uint64(i)*pageSize }

// pages are n of them from page i on.
func (a area) pages(i, n int) Range { return Range{a.addr(i), uint64(n) * pageSize} }

// register registers all of an area.
func register(t testing.TB, d *Descriptor, a area, mode Mode) Ioctls {
	t.Helper()
	ioctls, err := d.Register(a.Range, mode)
	if err != nil {
		t.Fatal(err)
	}
	return ioctls
}

// state is what the page table says of the area: for each page whether it is
// there, whether something else is (a marker), and whether it is protected.
func (a area) state(t testing.TB) []uint64 {
	t.Helper()
	const present, swapped, protected = 1 << 63, 1 << 62, 1 << 57
	raw := make([]byte, len(a.mem)/int(page)*8)
	f, err := os.Open("/proc/self/pagemap")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	defer f.Close()
	if _, err := f.ReadAt(raw, int64(a.Start/pageSize*8)); err != nil {
		t.Fatal(err)
	}
	words := make([]uint64, 0, len(raw)/8)
	for ; len(raw) > 0; raw = raw[8:] {
		words = append(words, binary.NativeEndian.Uint64(raw)&(present|swapped|protected))
	}
	return words
}

// there tells whether page i is.
func (a area) there(t testing.TB, i int) bool { return a.state(t)[i]>>63 != 0 }

// missing fails the test unless no page is there.
func (a area) missing(t testing.TB) {
	t.Helper()
	for i, w := range a.state(t) {
		if w != 0 {
			t.Errorf("page %d is not missing: %#x", i, w)
		}
	}
}
