package selftests

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// ZEROPAGE makes pages of zeros that are written like others; a second one is in
// the way. hugetlbfs has no such thing.
func TestZeropage(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 4)
		d := open(t, uffd.Options{})
		register(t, d, a.all(), uffd.ModeMissing)
		if k.huge() {
			if n, err := d.Zero(a.at(0), 0); n != 0 || !errors.Is(err, unix.EINVAL) {
				t.Errorf("%d, %v; want EINVAL", n, err)
			}
			missing(t, "after that", a, 0, 4)
			return
		}
		if n, err := d.Zero(a.span(0, 2), 0); n != 2*a.page || err != nil {
			t.Errorf("two pages: %d, %v", n, err)
		}
		holds(t, "zeros", a.span(0, 2), a.zeros(2))
		missing(t, "beside them", a, 2, 2)
		if n, err := d.Zero(a.at(1), 0); n != 0 || !errors.Is(err, uffd.ErrExists) {
			t.Errorf("a second time: %d, %v; want %v", n, err, uffd.ErrExists)
		}
		if n, err := d.Copy(a.addr(1), a.filled(1, 1), 0); n != 0 || !errors.Is(err, uffd.ErrExists) {
			t.Errorf("COPY onto it: %d, %v; want %v", n, err, uffd.ErrExists)
		}
		if n, err := d.Zero(a.span(0, 4), 0); n != 0 || !errors.Is(err, uffd.ErrExists) {
			t.Errorf("over them: %d, %v; want %v", n, err, uffd.ErrExists)
		}
		n, err := d.ZeroAll(a.all(), 0, uffd.Retry{Exist: uffd.ExistSkip})
		if n != a.all().Len || err != nil {
			t.Errorf("ZeroAll that skips: %d, %v", n, err)
		}
		holds(t, "all zeros", a.all(), a.zeros(4))

		want := a.filled(4, 3) // all of it is there, so no access can fault to userspace
		copy(a.mem, want)
		holds(t, "written", a.all(), want)
		noEvent(t, d)
	})
}

// A page that came through another mapping of the file is in the way too.
func TestZeropageWhereTheFileHasAPage(t *testing.T) {
	a := newArea(t, shmem, 3)
	d := open(t, uffd.Options{})
	register(t, d, a.all(), uffd.ModeMissing)
	want := a.filled(1, 1)
	copy(a.alias[a.page:], want)
	n, err := d.Zero(a.all(), 0)
	if n != a.page || !errors.Is(err, unix.EAGAIN) {
		t.Errorf("three pages, the middle one exists: %d, %v; want %d and EAGAIN", n, err, a.page)
	}
	if n, err := d.Zero(a.at(1), 0); n != 0 || !errors.Is(err, uffd.ErrExists) {
		t.Errorf("the middle one: %d, %v; want %v", n, err, uffd.ErrExists)
	}
	holds(t, "the middle one", a.at(1), want)
	missing(t, "the last one", a, 2, 1)
}
