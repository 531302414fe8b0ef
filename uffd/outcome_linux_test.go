package uffd

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

// changing calls f while an event about madvise(2) of r is unread: the kernel then
// refuses to change what it does not know to be up to date. r must be registered
// with a descriptor that has FeatureEventRemove.
func changing(t testing.TB, d *Descriptor, r Range, f func()) {
	t.Helper()
	advised := make(chan error, 1)
	go func() { advised <- sys.Madvise(uintptr(r.Start), uintptr(r.Len), unix.MADV_DONTNEED) }()
	defer func() {
		if err := <-advised; err != nil {
			t.Errorf("madvise: %v", err)
		}
	}()
	waitReadable(t, d)
	defer func() {
		var e [2]Event
		if n, err := d.TryRead(e[:]); n > 0 && (e[0].Kind != EventRemove || e[0].Removed() != r) || n > 1 {
			t.Errorf("%d events, %v: %v, want REMOVE of %v", n, err, &e[0], r)
		}
	}()
	f()
}

// waitReadable waits until there is an event.
func waitReadable(t testing.TB, d *Descriptor) {
	t.Helper()
	end := time.Now().Add(testgate.Stretch(t, 30*time.Second))
	set := []unix.PollFd{{Fd: int32(d.FD()), Events: unix.POLLIN}}
	for time.Now().Before(end) {
		n, err := unix.Poll(set, 100)
		if n == 1 && set[0].Revents == unix.POLLIN {
			return
		}
		if err != nil && err != unix.EINTR || n == 1 {
			t.Fatalf("poll: %#x, %v", set[0].Revents, err)
		}
	}
	t.Fatal("there is no event")
}

// While the layout changes every call answers (0, ErrChanging), whatever the kernel
// leaves in the field.
func TestChanging(t *testing.T) {
	can := func(c call) bool { return c.fills || c.op == opWriteProtect || c.op == opRWProtect }
	eachCall(t, can, func(t *testing.T, c call) {
		d, a := mustOpen(t, Options{Required: FeatureEventRemove}), anonymous(t, 4)
		register(t, d, a, ModeMissing)
		changing(t, d, a.Range, func() {
			for _, r := range []Range{a.Range, a.pages(1, 2)} {
				n, err := c.do(d, r, 0)
				if n != 0 {
					t.Errorf("%v: %d bytes", r, n)
				}
				want(t, err, unix.EAGAIN, ErrChanging, c.op, r.String(), "event")
			}
			// Who only wakes is not refused.
			if err := d.Wake(a.Range); err != nil {
				t.Error(err)
			}
		})
		a.missing(t)
		if n, err := d.Zero(a.Range, 0); n != a.Len || err != nil {
			t.Errorf("when the event is read: %d, %v", n, err)
		}
	})
}

// The field as the kernel leaves it, called without the typed layer: it is a
// negative errno or what was there before, and that may be anything.
func TestFieldWhileChanging(t *testing.T) {
	clean(t)
	d, a := mustOpen(t, Options{Required: FeatureEventRemove}), anonymous(t, 4)
	register(t, d, a, ModeMissing)
	have := d.Available()
	kernel := func(op string, field int64) (left int64, err error) {
		r := a.Range.kernel()
		switch fd := d.FD(); op {
		case opCopy:
			c := sys.UffdioCopy{Dst: r.Start, Src: sys.SlicePointer(source(r.Len)), Len: r.Len, Copy: field}
			err = sys.UffdioCopyCall(fd, &c)
			left = c.Copy
		case opZero:
			c := sys.UffdioZeropage{Range: r, Zeropage: field}
			err = sys.UffdioZeropageCall(fd, &c)
			left = c.Zeropage
		case opContinue:
			c := sys.UffdioContinue{Range: r, Mapped: field}
			err = sys.UffdioContinueCall(fd, &c)
			left = c.Mapped
		case opPoison:
			c := sys.UffdioPoison{Range: r, Updated: field}
			err = sys.UffdioPoisonCall(fd, &c)
			left = c.Updated
		case opMove:
			c := sys.UffdioMove{Dst: r.Start, Src: r.Start, Len: r.Len, Move: field}
			err = sys.UffdioMoveCall(fd, &c)
			left = c.Move
		}
		return left, err
	}
	changing(t, d, a.Range, func() {
		for _, c := range calls {
			if !c.fills || c.feature != 0 && have&c.feature == 0 {
				continue
			}
			var found []int64
			for _, before := range []int64{int64(a.Len), int64(pageSize), 1, 0, -1, unwritten} {
				left, err := kernel(c.op, before)
				if err != unix.EAGAIN {
					t.Errorf("%s: %v", c.op, err)
				}
				if left != before && left != -int64(unix.EAGAIN) {
					t.Errorf("%s: %d in the field became %d", c.op, before, left)
				}
				if before == unwritten && progress(a.Len, left, true) != 0 {
					t.Errorf("%s: %d in the field counts as %d bytes", c.op, left, progress(a.Len, left, true))
				}
				found = append(found, left)
			}
			t.Logf("%s leaves %d", c.op, found)
		}
	})
}

// A page that exists in the middle: what comes before it is done and counted, and
// the next call says what is wrong.
func TestPartial(t *testing.T) {
	eachCall(t, func(c call) bool { return c.fills }, func(t *testing.T, c call) {
		_, a, do := fillable(t, c, 6)
		exists := a.pages(2, 1)
		if n, err := do(exists, 0); n != pageSize || err != nil {
			t.Fatalf("the page in the middle: %d, %v", n, err)
		}
		n, err := do(a.Range, 0)
		if n != 2*pageSize {
			t.Errorf("%d bytes, want %d", n, 2*pageSize)
		}
		want(t, err, unix.EAGAIN, nil, c.op, a.Range.String(), "bytes done")
		n, err = do(a.pages(2, 4), 0)
		if n != 0 {
			t.Errorf("%d bytes over a page that exists", n)
		}
		want(t, err, unix.EEXIST, ErrExists, c.op, a.pages(2, 4).String())
		for i, w := range a.state(t) {
			if (w != 0) != (i < 3) {
				t.Errorf("page %d: %#x", i, w)
			}
		}
		if n, err := do(a.pages(3, 3), 0); n != 3*pageSize || err != nil {
			t.Errorf("the rest: %d, %v", n, err)
		}
	})
}

// fillable is memory of the kind that c fills, registered, and c on it.
func fillable(t testing.TB, c call, pages int) (d *Descriptor, a area, do func(Range, Flags) (uint64, error)) {
	t.Helper()
	d = mustOpen(t, Options{Wanted: c.feature &^ FeatureMinorHugetlbfs})
	do = func(r Range, f Flags) (uint64, error) { return c.do(d, r, f) }
	switch c.op {
	case opContinue:
		if !d.Available().Has(FeatureMinorShmem) {
			testgate.Skip(t, testgate.UffdFeature, "no minor faults of shared memory")
		}
		a = file(t, pages)
		populate(t, a)
		register(t, d, a, ModeMinor)
		return d, a, do
	case opMove:
		d, a, from := movable(t, pages)
		return d, a, func(r Range, f Flags) (uint64, error) {
			return d.Move(r.Start, from.Start+(r.Start-a.Start), r.Len, f)
		}
	default:
		a = anonymous(t, pages)
	}
	register(t, d, a, ModeMissing)
	return d, a, do
}

// movable is memory to move pages to, registered, and memory that has them.
func movable(t testing.TB, pages int) (d *Descriptor, a, from area) {
	t.Helper()
	d, a, from = mustOpen(t, Options{Required: FeatureMove}), anonymous(t, pages), anonymous(t, pages)
	for i := range from.mem {
		from.mem[i] = 1
	}
	register(t, d, a, ModeMissing)
	return d, a, from
}

// populate puts pages into an area's file without mapping them.
func populate(t testing.TB, a area) {
	t.Helper()
	content := make([]byte, a.Len)
	for i := range content {
		content[i] = byte(uint64(i)/pageSize) + 1
	}
	if n, err := unix.Pwrite(a.fd, content, 0); n != len(content) || err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
}
