package selftests

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// COPY fills what is missing, from wherever the source lies, and never what is
// there.
func TestCopy(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 4)
		d := open(t, uffd.Options{})
		register(t, d, a.all(), uffd.ModeMissing)
		want := a.filled(3, 1)

		unaligned := append(make([]byte, 1, len(want)+1), want...)[1:]
		if n, err := d.Copy(a.addr(0), unaligned, 0); n != len(want) || err != nil {
			t.Errorf("of three pages: %d, %v", n, err)
		}
		holds(t, "copied", a.span(0, 3), want)
		if a.alias != nil {
			holds(t, "seen by another mapping", uffd.RangeOf(a.alias[:len(want)]), want)
		}
		missing(t, "beside it", a, 3, 1)

		n, err := d.Copy(a.addr(1), a.filled(1, 2), 0)
		if n != 0 || !errors.Is(err, uffd.ErrExists) || !errors.Is(err, unix.EEXIST) {
			t.Errorf("onto a page: %d, %v; want %v", n, err, uffd.ErrExists)
		}
		holds(t, "after a copy onto a page", a.span(0, 3), want)
		noEvent(t, d)
	})
}

// A page in the way ends a call: what is before it is done.
func TestCopyPartly(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 5)
		d := open(t, uffd.Options{})
		register(t, d, a.all(), uffd.ModeMissing)
		old, data := a.filled(1, 1), a.filled(5, 2)
		if _, err := d.Copy(a.addr(2), old, 0); err != nil {
			t.Fatal(err)
		}
		n, err := d.Copy(a.addr(0), data, 0)
		if uint64(n) != 2*a.page || !errors.Is(err, unix.EAGAIN) || errors.Is(err, uffd.ErrChanging) {
			t.Errorf("five pages with one in the way: %d, %v; want %d and EAGAIN, which is not a change of layout", n, err, 2*a.page)
		}
		missing(t, "behind it", a, 3, 2)
		n, err = d.Copy(a.addr(2), data[2*a.page:], 0)
		if n != 0 || !errors.Is(err, uffd.ErrExists) {
			t.Errorf("the rest: %d, %v; want %v", n, err, uffd.ErrExists)
		}
		missing(t, "still behind it", a, 3, 2)

		n, err = d.CopyAll(a.addr(0), data, 0, uffd.Retry{PageSize: a.page})
		if n != 0 || !errors.Is(err, uffd.ErrExists) {
			t.Errorf("CopyAll that fails where a page exists: %d, %v", n, err)
		}
		n, err = d.CopyAll(a.addr(0), data, 0, uffd.Retry{PageSize: a.page, Exist: uffd.ExistSkip})
		if n != len(data) || err != nil {
			t.Errorf("CopyAll that skips: %d, %v", n, err)
		}
		copy(data[2*a.page:], old)
		holds(t, "all", a.all(), data)
	})
}

// The destination has to be one registered mapping, and there.
func TestCopyOutside(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 4)
		d := open(t, uffd.Options{})
		register(t, d, a.span(1, 2), uffd.ModeMissing)
		for name, first := range map[string]int{"unregistered": 0, "half registered": 2, "behind": 3} {
			n, err := d.Copy(a.addr(first), a.filled(2, 1)[:a.page*uint64(min(2, 4-first))], 0)
			if n != 0 || !errors.Is(err, uffd.ErrLayout) || !errors.Is(err, unix.ENOENT) {
				t.Errorf("%s: %d, %v; want %v", name, n, err, uffd.ErrLayout)
			}
		}
		missing(t, "registered", a, 1, 2)
		if err := d.Unregister(a.all()); err != nil {
			t.Error(err)
		}
		if n, err := d.Copy(a.addr(1), a.filled(1, 1), 0); n != 0 || !errors.Is(err, uffd.ErrLayout) {
			t.Errorf("no longer registered: %d, %v; want %v", n, err, uffd.ErrLayout)
		}
	})
}

// A source that can't be read is EFAULT, and what is before it is done.
func TestCopyFromUnreadable(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 3)
		d := open(t, uffd.Options{})
		register(t, d, a.all(), uffd.ModeMissing)
		source := newArea(t, anon, 3*int(a.page/smallPage)).mem
		data := a.filled(3, 1)
		copy(source, data)
		if err := unix.Mprotect(source[2*a.page:], sys.PROT_NONE); err != nil {
			t.Fatal(err)
		}
		n, err := d.Copy(a.addr(0), source, 0)
		if uint64(n) != 2*a.page || !errors.Is(err, unix.EAGAIN) {
			t.Errorf("two pages that can be read and one that can't: %d, %v", n, err)
		}
		n, err = d.Copy(a.addr(2), source[2*a.page:], 0)
		if n != 0 || !errors.Is(err, unix.EFAULT) {
			t.Errorf("one that can't: %d, %v; want EFAULT", n, err)
		}
		n, err = d.CopyAll(a.addr(2), source[2*a.page:], 0, uffd.Retry{PageSize: a.page, Exist: uffd.ExistSkip})
		if n != 0 || !errors.Is(err, unix.EFAULT) {
			t.Errorf("CopyAll of it: %d, %v; want EFAULT", n, err)
		}
		holds(t, "the two", a.span(0, 2), data[:2*a.page])
		missing(t, "the third", a, 2, 1)
	})
}

// Where huge pages are wanted COPY fills them all the same, whole and in parts.
func TestCopyWhereHugePagesAreWanted(t *testing.T) {
	size := hugePageSize(t)
	pages := int(size / smallPage)
	a := newAlignedArea(t, anon, 2*pages, size)
	wantHugePages(t, a)
	d := open(t, uffd.Options{})
	register(t, d, a.all(), uffd.ModeMissing)
	data := a.filled(2*pages, 1)
	// One and a half, so that the second is there in part.
	if n, err := d.Copy(a.addr(0), data[:size+size/2], 0); uint64(n) != size+size/2 || err != nil {
		t.Errorf("one and a half: %d, %v", n, err)
	}
	missing(t, "the last quarter", a, 2*pages-1, 1)
	n, err := d.CopyAll(a.addr(0), data, 0, uffd.Retry{Exist: uffd.ExistSkip})
	if n != len(data) || err != nil {
		t.Errorf("all: %d, %v", n, err)
	}
	holds(t, "all", a.all(), data)
}

// Flags that belong to other calls are refused here, by name.
func TestFlagsOfOtherCalls(t *testing.T) {
	a := newArea(t, anon, 2)
	d := open(t, uffd.Options{})
	register(t, d, a.all(), uffd.ModeMissing)
	r := a.at(0)
	for name, err := range map[string]error{
		"Copy with AllowHoles":   second(d.Copy(r.Start, a.filled(1, 1), uffd.AllowHoles)),
		"Zero with Protected":    second(d.Zero(r, uffd.Protected)),
		"Move with Protected":    second(d.Move(r.Start, a.addr(1), a.page, uffd.Protected)),
		"Continue with an extra": second(d.Continue(r, 1<<7)),
	} {
		if !errors.Is(err, unix.EINVAL) {
			t.Errorf("%s: %v; want EINVAL", name, err)
		}
	}
	// The kernel's own refusal, on memory that can't be write-protected yet.
	if n, err := d.Copy(r.Start, a.filled(1, 1), uffd.Protected); n != 0 || !errors.Is(err, unix.EINVAL) {
		t.Errorf("Copy with Protected without ModeWP: %d, %v; want EINVAL", n, err)
	}
	missing(t, "after all that", a, 0, 1)
}
