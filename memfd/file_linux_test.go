package memfd

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/hugepages"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

func newFile(t testing.TB, flags Flags) *File {
	t.Helper()
	f, err := Create(unique(t), flags)
	testgate.Need(t, testgate.Memfd, err)
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestFile(t *testing.T) {
	f := newFile(t, AllowSealing)
	if n, err := f.Size(); n != 0 || err != nil {
		t.Errorf("size %d, %v", n, err)
	}
	if n, err := f.WriteAt([]byte("hello"), int64(page)-2); n != 5 || err != nil {
		t.Errorf("write: %d, %v", n, err)
	}
	if err := f.Truncate(int64(page) + 2); err != nil {
		t.Error(err)
	}
	b := make([]byte, 8)
	if n, err := f.ReadAt(b, int64(page)-4); n != 6 || err != io.EOF || string(b[:6]) != "\x00\x00hell" {
		t.Errorf("read: %d, %v, %q", n, err, b)
	}
	if n, err := f.ReadAt(b, 1<<40); n != 0 || err != io.EOF {
		t.Errorf("read behind the end: %d, %v", n, err)
	}
	if n, err := f.ReadAt(nil, 0); n != 0 || err != nil {
		t.Errorf("read of nothing: %d, %v", n, err)
	}
	flags, err := unix.FcntlInt(uintptr(f.Fd()), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("the descriptor would be inherited: %#x, %v", flags, err)
	}
	for name, call := range map[string]func() error{
		"truncate": func() error { return f.Truncate(-1) },
		"read":     func() error { _, err := f.ReadAt(b, -1); return err },
		"write":    func() error { _, err := f.WriteAt(b, math.MaxInt64-3); return err },
	} {
		if err := call(); !errors.Is(err, ErrRange) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n, err := f.Size(); n != int64(page)+2 || err != nil {
		t.Errorf("size %d, %v", n, err)
	}
}

func TestFileClosed(t *testing.T) {
	f := newFile(t, AllowSealing)
	for range 2 {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []*File{f, {}} {
		for name, call := range map[string]func() error{
			"size":     func() error { _, err := f.Size(); return err },
			"truncate": func() error { return f.Truncate(1) },
			"read":     func() error { _, err := f.ReadAt(make([]byte, 1), 0); return err },
			"write":    func() error { _, err := f.WriteAt(make([]byte, 1), 0); return err },
			"add":      func() error { return f.AddSeals(SealGrow) },
			"seals":    func() error { _, err := f.Seals(); return err },
			"shared":   func() error { _, err := f.MapShared(0, 1, ProtRead); return err },
			"private":  func() error { _, err := f.MapPrivate(0, 1, ProtRead); return err },
		} {
			if err := call(); !errors.Is(err, ErrClosed) || !errors.Is(err, fs.ErrClosed) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if f.Fd() != -1 {
			t.Errorf("descriptor %d", f.Fd())
		}
	}
}

func TestSeals(t *testing.T) {
	f := newFile(t, AllowSealing)
	base, err := f.Seals()
	if err != nil || base&^SealExec != 0 {
		t.Fatalf("a new file has %v, %v", base, err)
	}
	if err := f.Truncate(int64(page)); err != nil {
		t.Fatal(err)
	}

	// A shared mapping that may write stands in the way, for as long as it lives.
	m, err := f.MapShared(0, int(page), ProtRead|ProtWrite)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.AddSeals(SealGrow | SealWrite); !errors.Is(err, unix.EBUSY) || !strings.Contains(err.Error(), "GROW|WRITE") {
		t.Errorf("%v, want EBUSY that names the seals", err)
	}
	if s, err := f.Seals(); s != base || err != nil {
		t.Errorf("some seals were added by a call that failed: %v, %v", s, err)
	}
	m.Bytes()[0] = 42
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}

	if err := f.AddSeals(1 << 20); !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "0x100000") {
		t.Errorf("%v, want EINVAL that names the bit", err)
	}
	if err := f.AddSeals(SealGrow | SealWrite); err != nil {
		t.Fatal(err)
	}
	if s, err := f.Seals(); s != base|SealGrow|SealWrite || err != nil {
		t.Errorf("seals %v, %v", s, err)
	}
	if _, err := f.WriteAt([]byte{1}, 0); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "sealed") {
		t.Errorf("write: %v", err)
	}
	if err := f.Truncate(int64(page) - 1); err != nil {
		t.Errorf("shrink, which is not sealed: %v", err)
	}
	if err := f.AddSeals(SealSeal); err != nil {
		t.Fatal(err)
	}
	if err := f.AddSeals(SealShrink); !errors.Is(err, unix.EPERM) {
		t.Errorf("%v, want EPERM", err)
	}
}

// Which seals a file begins with depends on what was asked for and on the
// kernel; what may be done with it does not.
func TestCreateExecFlags(t *testing.T) {
	probe, err := sys.MemfdCreate("probe", sys.MFD_NOEXEC_SEAL)
	known := err == nil
	if known {
		_ = unix.Close(probe)
	} else if !errors.Is(err, unix.EINVAL) {
		t.Fatal(err)
	}
	for _, flags := range []Flags{0, AllowSealing, NoExecSeal, Exec, Exec | AllowSealing, CloseOnExec} {
		t.Run(flags.String(), func(t *testing.T) {
			f, err := Create(unique(t), flags)
			if flags&Exec != 0 && errors.Is(err, unix.EACCES) && strings.Contains(err.Error(), "vm.memfd_noexec") {
				testgate.Skip(t, testgate.MemfdNoexec, err.Error())
			}
			if flags&NoExecSeal != 0 && !known {
				if !errors.Is(err, errors.ErrUnsupported) {
					t.Errorf("%v, want unsupported", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var want Seals
			if known && flags&Exec == 0 {
				want |= SealExec
			}
			if flags&(AllowSealing|NoExecSeal) == 0 {
				want |= SealSeal
			}
			if got, err := f.Seals(); got != want || err != nil {
				t.Errorf("seals %v, %v; want %v", got, err, want)
			}
			var st unix.Stat_t
			if err := unix.Fstat(f.Fd(), &st); err != nil {
				t.Fatal(err)
			}
			if executable := st.Mode&0o111 != 0; executable != (!known || flags&Exec != 0) {
				t.Errorf("mode %#o", st.Mode)
			}
		})
	}
}

func TestCreateRefuses(t *testing.T) {
	for _, test := range []struct {
		name  string
		flags Flags
		words string
	}{
		{"both", Exec | NoExecSeal, "exclude each other"},
		{"size without huge pages", Huge2MB, "needs HUGETLB"},
		{"unknown", 1 << 20, "0x100000"},
		{strings.Repeat("n", 250), 0, "250 bytes"},
		{"a\x00b", 0, "zero byte"},
	} {
		f, err := Create(test.name, test.flags)
		if f != nil || !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%q: %v, %v; want EINVAL with %q", test.name, f, err, test.words)
		}
		if left := leaks(t, test.name); len(left) != 0 {
			t.Errorf("%q: left behind: %v", test.name, left)
		}
	}
	f, err := Create(strings.Repeat("n", 249), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestMappings(t *testing.T) {
	f := newFile(t, AllowSealing)
	if _, err := f.WriteAt([]byte("abc"), 2*int64(page)-1); err != nil { // two pages and a bit
		t.Fatal(err)
	}
	shared, err := f.MapShared(int64(page), int(2*page), ProtRead|ProtWrite)
	if err != nil {
		t.Fatal(err)
	}
	private, err := f.MapPrivate(int64(page), int(2*page)-7, ProtRead|ProtWrite)
	if err != nil {
		t.Fatal(err)
	}
	if shared.Len() != int(2*page) || private.Len() != int(2*page)-7 || len(private.Bytes()) != private.Len() || uint64(shared.Addr())%page != 0 {
		t.Errorf("lengths %d and %d, address %#x", shared.Len(), private.Len(), shared.Addr())
	}
	if !bytes.Equal(shared.Bytes()[page-1:page+2], []byte("abc")) {
		t.Error("the mapping does not show the file")
	}
	private.Bytes()[page] = 'X'
	shared.Bytes()[page-1] = 'Y'
	var b [3]byte
	if _, err := f.ReadAt(b[:], 2*int64(page)-1); err != nil || string(b[:]) != "Ybc" {
		t.Errorf("the file holds %q, %v", b, err)
	}
	for range 2 {
		if err := errors.Join(shared.Close(), private.Close()); err != nil {
			t.Error(err)
		}
	}
	for _, v := range vmas(t) {
		if strings.HasPrefix(v.Path, "/memfd:"+f.Name()) {
			t.Errorf("still mapped: %+v", v)
		}
	}

	for _, test := range []struct {
		offset int64
		length int
		want   error
	}{
		{0, 0, ErrRange},
		{0, -1, ErrRange},
		{-int64(page), int(page), ErrRange},
		{1, 1, ErrAlign},
		{0, int(3*page) + 1, ErrRange},
		{int64(page), int(2*page) + 1, ErrRange},
		{3 * int64(page), 1, ErrRange},
		{math.MaxInt64 &^ int64(page-1), int(page), ErrRange},
		{0, math.MaxInt, ErrRange},
	} {
		if m, err := f.MapPrivate(test.offset, test.length, ProtRead); m != nil || !errors.Is(err, test.want) {
			t.Errorf("%d bytes at %d: %v, want %v", test.length, test.offset, err, test.want)
		}
	}
}

// Reads, writes and mappings against Close and against other files that take
// the numbers which become free: nobody sees a stranger's bytes.
func TestFileRaces(t *testing.T) {
	name := unique(t)
	stop := make(chan struct{})
	var strangers sync.WaitGroup
	strangers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			f, err := Create(name, 0)
			if err == nil {
				_, err = f.WriteAt([]byte("stranger"), 0)
				err = errors.Join(err, f.Close())
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range testgate.Rounds(200, 20) {
		f, err := Create(name, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("my own.."), 0); err != nil {
			t.Fatal(err)
		}
		var begun, calls sync.WaitGroup
		begun.Add(2)
		for range 2 {
			calls.Go(func() {
				b := make([]byte, 8)
				for i := 0; ; i++ {
					if i == 1 {
						begun.Done()
					}
					if _, err := f.ReadAt(b, 0); errors.Is(err, ErrClosed) {
						return
					} else if err != nil || string(b) != "my own.." {
						t.Errorf("%q, %v", b, err)
					}
					m, err := f.MapPrivate(0, 8, ProtRead)
					if errors.Is(err, ErrClosed) {
						return
					}
					if err != nil || string(m.Bytes()) != "my own.." {
						t.Errorf("mapping: %v", err)
					} else if err := m.Close(); err != nil {
						t.Error(err)
					}
					runtime.Gosched() // or they keep the one that closes waiting
				}
			})
		}
		begun.Wait()
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		calls.Wait()
	}
	close(stop)
	strangers.Wait()
}

func TestHugePages(t *testing.T) {
	size, err := hugepages.Default()
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	if size == 0 {
		testgate.Skip(t, testgate.Hugetlb, "/proc/meminfo shows no huge pages")
	}
	flags, err := HugeSize(size)
	if err != nil {
		t.Fatal(err)
	}
	f := newFile(t, flags|AllowSealing)
	if uint64(f.page) != size {
		t.Errorf("mappings in units of %d, huge pages have %d", f.page, size)
	}
	if err := f.Truncate(2 * int64(size)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.MapShared(int64(page), int(page), ProtRead); !errors.Is(err, ErrAlign) {
		t.Errorf("an offset within a huge page: %v", err)
	}
	m, err := f.MapShared(int64(size), 1, ProtRead|ProtWrite)
	if errors.Is(err, unix.ENOMEM) {
		testgate.Skip(t, testgate.Hugetlb, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	m.Bytes()[0] = 1
	if err := m.Close(); err != nil { // wants whole huge pages
		t.Error(err)
	}

	// A size that no processor has.
	if flags, err = HugeSize(1 << 50); err != nil {
		t.Fatal(err)
	}
	if f, err := Create("test", flags); f != nil || !errors.Is(err, unix.ENODEV) || !strings.Contains(err.Error(), "HUGE_1PB") {
		t.Errorf("%v, %v; want ENODEV", f, err)
	}
}

func TestFileAllocatesNothing(t *testing.T) {
	f := newFile(t, 0)
	b := make([]byte, 64)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := f.WriteAt(b, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := f.ReadAt(b, 0); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
