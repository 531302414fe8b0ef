package pagemap

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// Where a scan says that it ended.
func TestWalkEnd(t *testing.T) {
	const pages = 1000
	m, d := open(t), async(t)
	a := anon(t, pages)
	arm(t, d, a.all())
	limit := func(n uint64) Query { q := dirty; q.MaxPages = n; return q }
	type test struct {
		what string
		r    [2]int // first page, pages
		q    Query
		room int
		n    int // regions
		end  int // page
	}
	check := func(tests []test) {
		t.Helper()
		for _, test := range tests {
			_, n, end := a.scan(t, m, a.span(test.r[0], test.r[1]), test.q, test.room)
			if n != test.n || end != test.end {
				t.Errorf("%s: %d regions up to page %d, want %d up to %d", test.what, n, end, test.n, test.end)
			}
		}
	}
	whole := [2]int{0, pages}

	a.fill(0)
	check([]test{
		{"an empty range", [2]int{0, 0}, dirty, pages, 0, 0},
		{"an empty range, protected", [2]int{0, 0}, collect, pages, 0, 0},
		{"an empty range, protected, no room", [2]int{0, 0}, collect, 0, 0, 0},
		{"an empty range at the end", [2]int{pages, 0}, dirty, 1, 0, pages},
		{"all, room for all", whole, dirty, pages, 1, pages},
		{"all, room for one", whole, dirty, 1, 1, pages},
		{"as many pages as there are", whole, limit(pages), 1, 1, pages},
		{"one page less", whole, limit(pages - 1), 1, 1, pages - 1},
		{"half of the pages", whole, limit(pages / 2), pages, 1, pages / 2},
		{"one page", whole, limit(1), pages, 1, 1},
		{"without end", whole, limit(^uint64(0)), pages, 1, pages},
		{"a part", [2]int{10, 20}, dirty, 1, 1, 30},
		{"some of a part", [2]int{10, 20}, limit(5), 1, 1, 15},
	})

	a.clean(t, m)
	check([]test{{"nothing to find", whole, dirty, 1, 0, pages}, {"nothing, limited", whole, limit(1), 1, 0, pages}})

	for i := 0; i < pages; i += 2 {
		a.write(i)
	}
	// The kernel sees that it is full when it meets the next page.
	check([]test{
		{"sparse, room for all", whole, dirty, pages, pages / 2, pages},
		{"sparse, room for one", whole, dirty, 1, 1, 2},
		{"sparse, room for one, as many pages as there are", whole, limit(pages), 1, 1, 2},
		{"sparse, room for all, as many as there are", whole, limit(pages), pages / 2, pages / 2, pages},
		{"sparse, more room, as many as there are", whole, limit(pages), pages, pages / 2, pages},
		{"sparse, half of the pages", whole, limit(pages / 2), pages, pages / 2, pages},
		{"sparse, one page", whole, limit(1), pages, 1, 2},
		{"sparse, one less than half", whole, limit(pages/2 - 1), pages, pages/2 - 1, pages - 2},
		{"sparse, room for three", whole, dirty, 3, 3, 6},
	})
}

// A scan that failed reports its end as if all had been done. Scan does not; and
// what was protected before the failure is not lost.
func TestWalkEndOfFailure(t *testing.T) {
	m, d := open(t), async(t)
	a := anon(t, 8)
	arm(t, d, a.span(0, 4))
	a.fill(0)
	for _, room := range []int{0, 1, 2, 8} {
		// Everything but the last half is clean again.
		if n, _, err := m.Scan(a.span(0, 4), collect, nil); n != 0 || err != nil {
			t.Fatal(n, err)
		}
		a.write(1)
		a.write(3)
		into := make([]Region, room)
		for i := range into {
			into[i] = Region{Start: 1, End: 2, Categories: 3} // of an earlier scan
		}
		n, end, err := m.Scan(a.all(), collect, into)
		switch want := []string{"", "1", "1, 3"}[min(room, 2)]; {
		case room == 1: // full before the end of what is tracked
			if a.draw(into[:n]) != want || end != a.addr(3) || err != nil {
				t.Errorf("room for 1: %q, %#x, %v", a.draw(into[:n]), end, err)
			}
		case !errors.Is(err, ErrNotTracked) || !errors.Is(err, unix.EPERM):
			t.Errorf("room for %d: %v; want ErrNotTracked", room, err)
		case a.draw(into[:n]) != want || end != a.addr(0):
			t.Errorf("room for %d: %q up to %#x; want %q", room, a.draw(into[:n]), end, want)
		}
		if room == 2 || room == 8 {
			if got, _, _ := a.scan(t, m, a.span(0, 4), dirty, 8); got != "" {
				t.Errorf("room for %d: %q is still dirty, and was reported", room, got)
			}
		}
	}

	p := sys.PmScanArg{
		Size: scanSize, Start: a.all().Start, End: a.all().End(), Flags: sys.PM_SCAN_CHECK_WPASYNC,
		CategoryMask: uint64(Written), ReturnMask: uint64(Written),
	}
	err := m.Control(func(fd int) error { _, err := sys.PagemapScan(fd, &p); return err })
	if !errors.Is(err, unix.EPERM) || p.WalkEnd != a.all().End() {
		t.Errorf("the bare call: %v, up to %#x; want EPERM, and the end of all", err, p.WalkEnd)
	}
	p.Flags, p.Vec, p.VecLen, p.End = 0, sys.AddressPointer(8), 1, a.addr(4)
	a.write(0)
	err = m.Control(func(fd int) error { _, err := sys.PagemapScan(fd, &p); return err })
	if !errors.Is(err, unix.EFAULT) {
		t.Errorf("a buffer that is not there: %v", err)
	}

	// Walk hands over what was found before it says why it could not go on.
	if _, _, err := m.Scan(a.span(0, 4), collect, nil); err != nil {
		t.Fatal(err)
	}
	a.write(0)
	a.write(2)
	a.write(3)
	var got []Region
	err = m.Walk(a.all(), collect, make([]Region, 1), func(r Region) error { got = append(got, r); return nil })
	if a.draw(got) != "0, 2-3" || !errors.Is(err, ErrNotTracked) {
		t.Errorf("Walk: %q, %v", a.draw(got), err)
	}
}

// Without room the kernel protects everything, whatever the query says.
func TestProtectWithoutRoom(t *testing.T) {
	m, d := open(t), async(t)
	a := anon(t, 4)
	register(t, d, a.all())
	a.fill(1)
	a.want(t, m, "before", dirty, "0-3")
	never := Query{Mask: PFNZero, Return: PFNZero, Protect: true, CheckAsync: true}
	if got, n, _ := a.scan(t, m, a.all(), never, 4); n != 0 {
		t.Errorf("found %q", got)
	}
	a.want(t, m, "with room", dirty, "0-3")
	if n, end, err := m.Scan(a.all(), never, nil); n != 0 || end != a.all().End() || err != nil {
		t.Errorf("%d, %#x, %v", n, end, err)
	}
	a.want(t, m, "without room", dirty, "")
}
