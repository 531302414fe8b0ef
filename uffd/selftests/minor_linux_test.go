package selftests

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// minorKinds are shared files: who has another mapping can change a page before it
// is mapped.
var minorKinds = []memory{shmem, hugetlb}

func minorNeeds(k memory) uffd.Features {
	if k.huge() {
		return uffd.FeatureMinorHugetlbfs
	}
	return uffd.FeatureMinorShmem
}

// faultsOn serves every fault of p by f, and returns how many there were of pages
// that are missing, that are in the file, and that are protected.
func faultsOn(t *testing.T, d *uffd.Descriptor, v *visitor, steps int, f func(uffd.Fault)) (absent, minor, wp int) {
	t.Helper()
	for v.p.Done() < steps {
		if !readable(t, d, 1) {
			continue
		}
		fault := nextFault(t, d)
		switch {
		case fault.Flags.Has(uffd.FaultMinor):
			minor++
		case fault.Flags.Has(uffd.FaultWP):
			wp++
		default:
			absent++
		}
		f(fault)
	}
	return absent, minor, wp
}

// Pages that are in the file fault when they are first touched; they are changed
// by way of the other mapping, and then continued.
func TestMinor(t *testing.T) {
	forEach(t, minorKinds, func(t *testing.T, k memory) {
		a, d, want := continued(t, k, 0)
		noEvent(t, d)
		holds(t, "all", a.all(), want)
		if n, err := d.Continue(a.at(0), 0); n != 0 || !errors.Is(err, uffd.ErrExists) {
			t.Errorf("CONTINUE of what is mapped: %d, %v; want %v", n, err, uffd.ErrExists)
		}
	})
}

// continued is an area of which a process has read all pages, through minor faults
// that were answered with more flags for CONTINUE.
func continued(t *testing.T, k memory, flags uffd.Flags) (a *area, d *uffd.Descriptor, want []byte) {
	t.Helper()
	const pages = 6
	need := minorNeeds(k)
	mode := uffd.ModeMinor
	if flags != 0 {
		need |= uffd.FeaturePagefaultFlagWP | uffd.FeatureWPHugetlbfsShmem
		mode |= uffd.ModeWP
	}
	a = newArea(t, k, pages)
	d = open(t, uffd.Options{Required: need})
	want = a.filled(pages, 1)
	copy(a.alias, want)
	if ioctls := register(t, d, a.all(), mode); !ioctls.Has(uffd.IoctlContinue) {
		t.Errorf("calls %v", ioctls)
	}
	missing(t, "not mapped yet", a, 0, pages)
	steps := make([]rawproc.Op, pages)
	for i := range steps {
		steps[i] = rawproc.Load(a.addr(i))
	}
	v := visit(t, steps...)
	page := 0
	absent, minor, wp := faultsOn(t, d, v, pages, func(f uffd.Fault) {
		if f.Address != a.addr(page) || f.Flags != uffd.FaultMinor {
			t.Errorf("%v; want a read of page %d", f, page)
		}
		mem := a.alias[uint64(page)*a.page:][:a.page]
		for i := range mem {
			mem[i] = ^mem[i]
			want[uint64(page)*a.page+uint64(i)] ^= 0xff
		}
		if n, err := d.Continue(a.at(page), flags); n != a.page || err != nil {
			t.Fatalf("page %d: %d, %v", page, n, err)
		}
		page++
	})
	v.ended()
	if absent != 0 || minor != pages || wp != 0 {
		t.Errorf("%d faults of missing pages, %d minor ones, %d of protected ones; want %d minor ones", absent, minor, wp, pages)
	}
	for i := range pages {
		if got := v.result(i); byte(got) != want[uint64(i)*a.page] {
			t.Errorf("page %d: the process read %#x, want %#x", i, got, want[uint64(i)*a.page])
		}
	}
	return a, d, want
}

// CONTINUE installs pages write-protected.
func TestMinorWp(t *testing.T) {
	forEach(t, minorKinds, func(t *testing.T, k memory) {
		// CONTINUE has its WP since Linux 6.4, together with WP_UNPOPULATED.
		if !open(t, uffd.Options{}).Available().Has(uffd.FeatureWPUnpopulated) {
			testgate.Skip(t, testgate.UffdFeature, "CONTINUE can't protect pages on this kernel")
		}
		a, d, want := continued(t, k, uffd.Protected)
		for i := range 2 {
			w := writes(t, a.addr(i), 42)
			if f := nextFault(t, d); f.Address != a.addr(i) || f.Flags != uffd.FaultWP|uffd.FaultWrite {
				t.Errorf("%v; want a write to page %d, which is protected", f, i)
			}
			w.stuck()
			if err := d.WriteUnprotect(a.at(i), 0); err != nil {
				t.Fatal(err)
			}
			w.ended()
			want[uint64(i)*a.page] = 42
		}
		noEvent(t, d)
		holds(t, "all", a.all(), want)
	})
}

// Huge pages can be made of what was continued, and nothing faults then.
func TestMinorCollapse(t *testing.T) {
	size := hugePageSize(t)
	n := int(size / smallPage)
	a := newAlignedArea(t, shmem, n, size)
	d := open(t, uffd.Options{Required: uffd.FeatureMinorShmem})
	want := a.filled(n, 1)
	copy(a.alias, want)
	register(t, d, a.all(), uffd.ModeMinor)
	r := reads(t, a.addr(1))
	if f := nextFault(t, d); f.Address != a.addr(1) || f.Flags != uffd.FaultMinor {
		t.Errorf("%v", f)
	}
	if n, err := d.Continue(a.at(1), 0); n != a.page || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	r.saw(want[a.page])
	if n, err := d.ContinueAll(a.all(), 0, uffd.Retry{Exist: uffd.ExistSkip}); n != size || err != nil {
		t.Fatalf("the rest: %d, %v", n, err)
	}
	err := unix.Madvise(a.mem, sys.MADV_COLLAPSE)
	for range 20 { // a page may be on its way somewhere
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EBUSY) {
			break
		}
		time.Sleep(testgate.Stretch(t, time.Millisecond))
		err = unix.Madvise(a.mem, sys.MADV_COLLAPSE)
	}
	switch {
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOMEM), errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EBUSY):
		testgate.Skip(t, testgate.Collapse, "MADV_COLLAPSE of shared memory: "+err.Error())
	case err != nil:
		t.Fatal(err)
	}
	if got := hugeBytes(t, a.all()); got != size {
		t.Errorf("%d of %d bytes are mapped by a huge page", got, size)
	}
	holds(t, "collapsed", a.all(), want)
	v := visit(t, rawproc.Load(a.addr(0)), rawproc.Store(a.addr(n-1), 42))
	v.ended()
	want[uint64(n-1)*a.page] = 42
	holds(t, "after a process touched it", a.all(), want)
	noEvent(t, d)
}

// What CONTINUE does not do.
func TestContinueErrors(t *testing.T) {
	forEach(t, minorKinds, func(t *testing.T, k memory) {
		a := newArea(t, k, 4)
		d := open(t, uffd.Options{Required: minorNeeds(k)})
		register(t, d, a.all(), uffd.ModeMinor|uffd.ModeMissing)
		want := a.filled(1, 1)
		copy(a.alias, want) // page 0 alone is in the file
		if n, err := d.Continue(a.at(1), 0); n != 0 || !errors.Is(err, unix.EFAULT) {
			t.Errorf("of a page that is not in the file: %d, %v; want EFAULT", n, err)
		}
		n, err := d.Continue(a.all(), 0)
		if n != a.page || !errors.Is(err, unix.EAGAIN) {
			t.Errorf("of four pages of which one is in the file: %d, %v; want %d and EAGAIN", n, err, a.page)
		}
		holds(t, "the one", a.at(0), want)
		missing(t, "the others", a, 1, 3)
		if n, err := d.ContinueAll(a.all(), 0, uffd.Retry{PageSize: a.page, Exist: uffd.ExistSkip}); n != a.page || !errors.Is(err, unix.EFAULT) {
			t.Errorf("ContinueAll: %d, %v; want %d and EFAULT", n, err, a.page)
		}
		if err := unix.Ftruncate(a.fd, int64(2*a.page)); err != nil {
			t.Fatal(err)
		}
		if n, err := d.Continue(a.at(3), 0); n != 0 || !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EFAULT) {
			t.Errorf("beyond the file's end: %d, %v; want EINVAL or EFAULT", n, err)
		}
		if n, err := d.Copy(a.addr(3), want, 0); n != 0 || err == nil {
			t.Errorf("COPY beyond the file's end: %d, %v", n, err)
		}
		noEvent(t, d)
	})
	t.Run("other memory", func(t *testing.T) {
		d := open(t, uffd.Options{Required: uffd.FeatureMinorShmem})
		for _, k := range []memory{anon, shmem} {
			a := newArea(t, k, 1)
			register(t, d, a.all(), uffd.ModeMissing)
			n, err := d.Continue(a.all(), 0)
			if n != 0 || err == nil {
				t.Errorf("%s without ModeMinor: %d, %v", k, n, err)
			}
			missing(t, string(k), a, 0, 1)
		}
	})
}

// A range registered for both: what is in the file is a minor fault, the rest is
// missing.
func TestMinorAndMissing(t *testing.T) {
	forEach(t, minorKinds, func(t *testing.T, k memory) {
		a := newArea(t, k, 2)
		d := open(t, uffd.Options{Required: minorNeeds(k)})
		register(t, d, a.all(), uffd.ModeMinor|uffd.ModeMissing)
		want := a.filled(2, 1)
		copy(a.alias, want[:a.page])
		v := visit(t, rawproc.Store(a.addr(0), 42), rawproc.Load(a.addr(1)))
		if f := nextFault(t, d); f.Address != a.addr(0) || f.Flags != uffd.FaultMinor|uffd.FaultWrite {
			t.Errorf("%v; want a write to page 0, minor", f)
		}
		v.stuck()
		if n, err := d.Continue(a.at(0), 0); n != a.page || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		missingFault(t, d, a, 1, false)
		if n, err := d.Copy(a.addr(1), want[a.page:], 0); uint64(n) != a.page || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		v.ended()
		want[0] = 42
		holds(t, "all", a.all(), want)
	})
}
