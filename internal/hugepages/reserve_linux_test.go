package hugepages

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
)

const size = 2 << 20

// newPool is like a size, of a kernel that always has memory.
func newPool(t *testing.T, pages, free, promised int) pool {
	t.Helper()
	p := emptyPool(t)
	for name, n := range map[string]int{"nr_hugepages": pages, "free_hugepages": free, "resv_hugepages": promised, "surplus_hugepages": 0} {
		p.set(t, name, n)
	}
	return p
}

func emptyPool(t *testing.T) pool {
	t.Helper()
	folder := t.TempDir()
	return pool{folder, filepath.Join(folder, "nr_hugepages")}
}

func (p pool) set(t *testing.T, name string, n int) {
	t.Helper()
	// At once, as the kernel's files change: who reads never sees an empty one.
	file := filepath.Join(p.folder, name)
	if err := errors.Join(os.WriteFile(file+".new", []byte(strconv.Itoa(n)+"\n"), 0o600), os.Rename(file+".new", file)); err != nil {
		t.Error(err)
	}
}

func (p pool) check(t *testing.T, when string, want int) {
	t.Helper()
	if got, err := p.number("nr_hugepages"); err != nil || got != want {
		t.Errorf("%s: %d huge pages, %v; want %d", when, got, err, want)
	}
}

// Each has as many as it asked for, whatever is free, and gives back just these.
func TestReserve(t *testing.T) {
	p := newPool(t, 9, 9, 0)
	t.Run("one", func(t *testing.T) {
		if err := reserve(t, p, size, 4, 0); err != nil {
			t.Error(err)
		}
		p.check(t, "after 4 more", 13)
		t.Run("another", func(t *testing.T) {
			if err := reserve(t, p, size, 2, 0); err != nil {
				t.Error(err)
			}
			p.check(t, "after 2 more", 15)
		})
		p.check(t, "after 2 less", 13)
	})
	p.check(t, "at the end", 9)

	t.Run("somebody takes some away", func(t *testing.T) {
		if err := reserve(t, p, size, 4, 0); err != nil {
			t.Error(err)
		}
		p.set(t, "nr_hugepages", 3)
	})
	p.check(t, "less than were got", 0)
}

// Pages that somebody gave back in use are still counted, and are not to stay.
func TestReserveAmongSurplus(t *testing.T) {
	p := newPool(t, 5, 0, 0)
	p.set(t, "surplus_hugepages", 3)
	if _, err := p.add(4); err != nil {
		t.Error(err)
	}
	p.check(t, "2 are reserved, and 4 more", 6)
}

// Many do it at once, each with a file of its own as processes have.
func TestReserveAtOnce(t *testing.T) {
	p := newPool(t, 7, 0, 0)
	t.Run("all", func(t *testing.T) {
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if err := reserve(t, p, size, 3, 0); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		p.check(t, "after 20 times 3", 67)
	})
	p.check(t, "at the end", 7)
}

// What was given back in use becomes free in its time, or does not.
func TestReserveWaits(t *testing.T) {
	p := newPool(t, 0, 4, 2)
	freed := time.AfterFunc(50*time.Millisecond, func() { p.set(t, "resv_hugepages", 0) })
	if err := reserve(t, p, size, 4, testgate.Stretch(t, time.Minute)); err != nil {
		t.Error(err)
	}
	if freed.Stop() {
		t.Error("it did not wait for pages that are promised to somebody")
	}
	start := time.Now()
	if err := reserve(t, p, size, 5, 20*time.Millisecond); err != nil {
		t.Error(err)
	}
	if waited := time.Since(start); waited < 20*time.Millisecond {
		t.Errorf("it waited for %v", waited)
	}
}

func TestReserveRefused(t *testing.T) {
	err := reserve(t, emptyPool(t), size, 4, time.Hour)
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "reserve 4 huge pages of 2MiB: ") {
		t.Errorf("no such size: %v", err)
	}
	for err, want := range map[error]bool{
		unix.EACCES: true, unix.EPERM: true, unix.EROFS: true, unix.EINVAL: true, unix.ENOENT: true,
		unix.EIO: false, unix.ENOLCK: false, strconv.ErrSyntax: false,
	} {
		if refused(&fs.PathError{Err: err}) != want {
			t.Errorf("%v: refused %v", err, !want)
		}
	}
}

func TestShort(t *testing.T) {
	for got, want := range map[int]string{
		5: "", 4: "",
		3: "reserve 4 huge pages of 2MiB: the kernel found memory for 3",
		0: "reserve 4 huge pages of 2MiB: the kernel found memory for 0",
	} {
		if err := short(size, 4, got); err == nil && want != "" || err != nil && err.Error() != want {
			t.Errorf("%d came: %v, want %q", got, err, want)
		}
	}
}

func TestFree(t *testing.T) {
	if n, err := newPool(t, 9, 6, 2).free(); n != 4 || err != nil {
		t.Errorf("6 free, 2 of them promised: %d, %v", n, err)
	}
	if n, err := newPool(t, 9, 1, 2).free(); n != 0 || err != nil { // read at different times
		t.Errorf("1 free, 2 promised: %d, %v", n, err)
	}
	for _, below := range []string{"4294967292\n", "18446744073709551612\n"} {
		p := newPool(t, 9, 6, 0)
		if err := os.WriteFile(filepath.Join(p.folder, "resv_hugepages"), []byte(below), 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := p.free(); n != 6 || err != nil {
			t.Errorf("6 free, %q promised: %d, %v", below, n, err)
		}
	}
	if _, err := emptyPool(t).free(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no files: %v", err)
	}
}

// The kernel itself: what it has reserved can be mapped, and written unless that
// takes long. Who may not reserve, or has no such pages, is told so.
func TestReserveOfKernel(t *testing.T) {
	size, err := Default()
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	if err := Reserve(t, size, 2, testgate.Stretch(t, 2*time.Second)); err != nil {
		if os.Geteuid() != 0 && size != 0 && !refused(err) {
			t.Errorf("an ordinary user: %v", err)
		}
		t.Log(err)
		return
	}
	if _, err := Free(size); err != nil {
		t.Error(err)
	}
	mem, err := unix.Mmap(-1, 0, int(2*size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_HUGETLB)
	if errors.Is(err, unix.ENOMEM) {
		t.Log("others have taken them: ", err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, long := Long(size); !long {
		mem[0], mem[size] = 1, 1
	}
	if err := unix.Munmap(mem); err != nil {
		t.Error(err)
	}
}
