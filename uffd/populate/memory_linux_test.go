package populate

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/hugepages"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// area is memory of a test, with pages of a size.
type area struct {
	mem  []byte
	page uint64
}

func (a area) all() uffd.Range          { return uffd.RangeOf(a.mem) }
func (a area) pages() int               { return len(a.mem) / int(a.page) }
func (a area) span(i, n int) uffd.Range { return uffd.RangeOf(a.part(i, n)) }
func (a area) part(i, n int) []byte     { return a.mem[i*int(a.page) : (i+n)*int(a.page)] }

// discard gives the pages up.
func (a area) discard(t testing.TB) {
	t.Helper()
	if err := unix.Madvise(a.mem, unix.MADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
}

// there tells for each page whether the page table has it, as "1" or "0".
func (a area) there(t testing.TB) string {
	t.Helper()
	s := ""
	for i := range a.pages() {
		var word [8]byte
		fd, err := unix.Open("/proc/self/pagemap", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			testgate.Skip(t, testgate.Proc, err.Error())
		}
		_, err = unix.Pread(fd, word[:], int64(a.span(i, 1).Start/pageSize*8))
		_ = unix.Close(fd)
		if err != nil {
			t.Fatal(err)
		}
		s += map[bool]string{true: "1", false: "0"}[binary.NativeEndian.Uint64(word[:])>>63 != 0]
	}
	return s
}

// memory is a kind of it.
type memory struct {
	name string
	make func(t testing.TB, pages int) area
}

var memories = []memory{{"anon", anon}, {"shmem", shmem}, {"hugetlb", hugetlb}}

func forEach(t *testing.T, test func(t *testing.T, m memory)) {
	for _, m := range memories {
		t.Run(m.name, func(t *testing.T) { test(t, m) })
	}
}

// anon is private and anonymous, without transparent huge pages.
func anon(t testing.TB, pages int) area {
	t.Helper()
	return mapped(t, -1, pages, pageSize, unix.MAP_PRIVATE|unix.MAP_ANON)
}

// shmem is a file in memory, mapped shared.
func shmem(t testing.TB, pages int) area {
	t.Helper()
	return mapped(t, file(t, pages), pages, pageSize, unix.MAP_SHARED)
}

func file(t testing.TB, pages int) (fd int) {
	t.Helper()
	fd, err := sys.MemfdCreate("populate", sys.MFD_CLOEXEC)
	if errors.Is(err, unix.EACCES) { // vm.memfd_noexec=2
		fd, err = sys.MemfdCreate("populate", sys.MFD_CLOEXEC|sys.MFD_NOEXEC_SEAL)
	}
	testgate.Need(t, testgate.Memfd, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Ftruncate(fd, int64(pages)*int64(pageSize)); err != nil {
		t.Fatal(err)
	}
	return fd
}

// hugetlb is private and anonymous, of huge pages that are reserved, or a skip.
func hugetlb(t testing.TB, pages int) area {
	t.Helper()
	const largest = 32 << 20
	size, err := hugepages.Default()
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	if size == 0 || size > largest {
		testgate.Skip(t, testgate.Hugetlb, fmt.Sprintf("a huge page has %d bytes", size))
	}
	// With the hash MMU of POWER and small pages of 4 KiB, MADV_POPULATE_WRITE never ends in
	// the middle of a huge page. Only this MMU has those of 16 MiB.
	if runtime.GOARCH == "ppc64le" && pageSize == 4<<10 && size == 16<<20 {
		testgate.Skip(t, testgate.Hugetlb, "this kernel can't populate a part of a huge page")
	}
	if err := hugepages.Reserve(t, size, pages, testgate.Stretch(t, 2*time.Second)); err != nil {
		t.Log(err) // those that are there may suffice
	}
	return mapped(t, -1, pages, size, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_HUGETLB)
}

func mapped(t testing.TB, fd, pages int, page uint64, flags int) area {
	t.Helper()
	var mem []byte
	var err error
	if flags == unix.MAP_PRIVATE|unix.MAP_ANON {
		mem, err = uffd.Map(pages * int(page))
	} else {
		mem, err = unix.Mmap(fd, 0, pages*int(page), unix.PROT_READ|unix.PROT_WRITE, flags)
	}
	if err != nil && flags&unix.MAP_HUGETLB != 0 {
		testgate.Skip(t, testgate.Hugetlb, "mmap: "+err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	if err := unix.Madvise(mem, unix.MADV_NOHUGEPAGE); err != nil && !errors.Is(err, unix.EINVAL) {
		t.Fatal(err)
	}
	return area{mem, page}
}

// needed skips where the kernel can't populate.
func needed(t testing.TB) {
	t.Helper()
	testgate.Need(t, testgate.Populate, Supported())
}

// openFor is a descriptor as the options say, or a skip with the name.
func openFor(t testing.TB, name testgate.Name, o uffd.Options) *uffd.Descriptor {
	t.Helper()
	d, err := uffd.Open(o)
	if _, lacks := errors.AsType[*uffd.FeatureError](err); lacks {
		testgate.Skip(t, testgate.UffdFeature, err.Error())
	}
	testgate.Need(t, name, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// open is a descriptor that sees the faults of system calls.
func open(t testing.TB, features uffd.Features) *uffd.Descriptor {
	t.Helper()
	return openFor(t, testgate.UffdKernelFaults, uffd.Options{Required: features})
}

func register(t testing.TB, d *uffd.Descriptor, a area, mode uffd.Mode) {
	t.Helper()
	if _, err := d.Register(a.all(), mode); err != nil {
		t.Fatal(err)
	}
}

// counts are the faults that a handler has served.
type counts struct{ missing, minor, written atomic.Int64 }

// handle serves the faults of an area with a goroutine of this process: what nobody
// may do whose memory is touched without asking. Missing pages are those of want.
func handle(t testing.TB, d *uffd.Descriptor, a area, want []byte) *counts {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	n := &counts{}
	go func() {
		defer close(done)
		events := make([]uffd.Event, 16)
		for {
			got, err := d.ReadContext(ctx, events)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			for i := range events[:got] {
				if err := n.serve(d, a, want, events[i].Fault()); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return n
}

func (n *counts) serve(d *uffd.Descriptor, a area, want []byte, f uffd.Fault) error {
	page := uffd.Range{Start: f.Address &^ (a.page - 1), Len: a.page}
	retry := uffd.Retry{Exist: uffd.ExistSkip, PageSize: a.page}
	var err error
	switch {
	case f.Flags.Has(uffd.FaultWP):
		n.written.Add(1)
		err = d.WriteUnprotect(page, 0)
	case f.Flags.Has(uffd.FaultMinor):
		n.minor.Add(1)
		_, err = d.ContinueAll(page, 0, retry)
	default:
		n.missing.Add(1)
		at := page.Start - a.all().Start
		_, err = d.CopyAll(page.Start, want[at:at+page.Len], 0, retry)
	}
	return err
}

// content is n bytes that differ from page to page.
func content(seed, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(seed) + byte(i) + byte(i>>8)*31 + byte(i>>16)*7
	}
	return b
}
