package track

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/hugepages"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

// largestHuge bounds the huge pages that are tried.
const largestHuge = 4 << 20

// kinds are the kinds of memory, of two units or ten pages.
var kinds = []struct {
	name  string
	make  func(t *testing.T) area
	noted bool // giving up contents is noted
}{
	{"anon", func(t *testing.T) area { return anon(t, 10) }, true},
	{"shared anon", func(t *testing.T) area { return mapped(t, -1, 10*int(page), unix.MAP_SHARED|unix.MAP_ANON) }, false},
	{"shared memfd", func(t *testing.T) area { return memfd(t, unix.MAP_SHARED) }, false},
	{"private memfd", func(t *testing.T) area { return memfd(t, unix.MAP_PRIVATE) }, false},
	{"shared file", func(t *testing.T) area { return file(t, unix.MAP_SHARED) }, false},
	{"private file", func(t *testing.T) area { return file(t, unix.MAP_PRIVATE) }, false},
	{"hugetlb", func(t *testing.T) area { return hugetlb(t, 2) }, false},
	{"transparent huge pages", func(t *testing.T) area { return thp(t, 2) }, true},
}

func memfd(t *testing.T, flags int) area {
	t.Helper()
	fd, err := sys.MemfdCreate("track", sys.MFD_CLOEXEC)
	testgate.Need(t, testgate.Memfd, err)
	defer unix.Close(fd)
	if err := unix.Ftruncate(fd, 10*int64(page)); err != nil {
		t.Fatal(err)
	}
	return mapped(t, fd, 10*int(page), flags)
}

func file(t *testing.T, flags int) area {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, bytes.Repeat([]byte("c"), 10*int(page)), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return mapped(t, int(f.Fd()), 10*int(page), flags)
}

// thp is memory that gets transparent huge pages, as far as the kernel has them.
func thp(t *testing.T, n int) area {
	t.Helper()
	size := number(t, "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
	if size == 0 || size > largestHuge {
		testgate.Skip(t, testgate.THP, fmt.Sprintf("a huge page has %d bytes", size))
	}
	all := mapped(t, -1, (n+1)*size, unix.MAP_PRIVATE|unix.MAP_ANON)
	from := (size - int(all.all().Start%uint64(size))) % size
	a := area{mem: all.mem[from : from+n*size], unit: 1}
	if err := unix.Madvise(a.mem, unix.MADV_HUGEPAGE); err != nil {
		testgate.Skip(t, testgate.THP, "MADV_HUGEPAGE: "+err.Error())
	}
	for i := 0; i < a.pages(); i += size / int(page) {
		a.mem[i*int(page)] = 1 // a read first would get the huge page of zeros, which the write may split
	}
	return a
}

// hugetlb is private anonymous memory of n huge pages, or a skip.
func hugetlb(t *testing.T, n int) area {
	t.Helper()
	size := hugeSize(t)
	if err := hugepages.Reserve(t, uint64(size), n, testgate.Stretch(t, 2*time.Second)); err != nil {
		t.Log(err) // those that are there may suffice
	}
	a := mapped(t, -1, n*size, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_HUGETLB)
	a.unit = size / int(page)
	return a
}

// hugeSize is the default size of huge pages.
func hugeSize(t *testing.T) int {
	t.Helper()
	size, err := hugepages.Default()
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	if size == 0 || size > largestHuge {
		testgate.Skip(t, testgate.Hugetlb, fmt.Sprintf("a huge page has %d bytes", size))
	}
	return int(size)
}

// number is 0 for a file that does not exist.
func number(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func zeros(t testing.TB) int {
	t.Helper()
	fd, err := unix.Open("/dev/zero", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}
