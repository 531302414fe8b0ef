package sigbus

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// A page that is copied protected faults twice when it is written: it is missing, and
// then it is protected.
func TestWrites(t *testing.T) {
	forEach(t, func(t *testing.T, m memory) {
		need := uffd.FeaturePagefaultFlagWP
		if m.name != "anon" {
			need |= uffd.FeatureWPHugetlbfsShmem
		}
		a := m.make(t, 4)
		d := open(t, need)
		register(t, d, a, uffd.ModeMissing|uffd.ModeWP)
		want := a.want(1)
		var written []Fault
		r := Region{Range: a.all(), PageSize: a.page, Resolve: func(f Fault) error {
			at := f.Page.Start - f.Range.Start
			_, err := d.Copy(f.Page.Start, want[at:at+f.Page.Len], uffd.Protected)
			if errors.Is(err, uffd.ErrExists) {
				written = append(written, f)
				return d.WriteUnprotect(f.Page, 0)
			}
			return err
		}}
		err := Do(func(Fault) error {
			for i := range a.part(0, 2) { // without the byte that is written
				if i != int(a.page) && a.mem[i] != want[i] {
					return errTest
				}
			}
			a.mem[a.page] = 42
			a.mem[2*a.page] = 42
			return nil
		}, r)
		if err != nil || len(written) != 2 || written[0].Page != a.at(1) || written[1].Page != a.at(2) {
			t.Fatalf("%v, written: %v", err, written)
		}
		if written[0].Repeats != 1 || written[1].Repeats != 1 {
			t.Errorf("repeats: %+v", written)
		}
		if a.mem[a.page] != 42 || a.mem[2*a.page] != 42 || a.mem[2*a.page+1] != want[2*a.page+1] {
			t.Error("it does not hold what was written")
		}
	})
}

// A minor fault is served by mapping what the file has.
func TestMinor(t *testing.T) {
	const pages = 4
	fd := file(t, pages)
	want := content(1, pages*int64(pageSize))
	if _, err := unix.Pwrite(fd, want, 0); err != nil {
		t.Fatal(err)
	}
	a := mapped(t, fd, pages, pageSize, unix.MAP_SHARED)
	d := open(t, uffd.FeatureMinorShmem)
	register(t, d, a, uffd.ModeMinor)
	faults := 0
	var seen []byte
	err := Do(func(Fault) error { seen = bytes.Clone(a.mem); return nil }, Region{Range: a.all(), Resolve: func(f Fault) error {
		faults++
		_, err := d.Continue(f.Page, 0)
		return err
	}})
	if err != nil || faults != pages || !bytes.Equal(seen, want) {
		t.Errorf("%v, %d faults", err, faults)
	}
}

// From leaves poison alone, and a Resolve that does nothing finds out; one may also
// put a page there.
func TestPoison(t *testing.T) {
	forEach(t, func(t *testing.T, m memory) {
		if runtime.GOARCH == "loong64" && m.name == "hugetlb" {
			testgate.Skip(t, testgate.Port, "kernels of this port stop when they are asked for poisoned huge pages")
		}
		a := m.make(t, 3)
		d := open(t, uffd.FeaturePoison)
		register(t, d, a, uffd.ModeMissing)
		r, err := From(d, a.all(), bytes.NewReader(a.want(1)), Options{Granule: 1, PageSize: a.page})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Poison(a.at(1), 0); err != nil {
			t.Fatal(err)
		}
		touch := func(Fault) error { runtime.KeepAlive(bytes.Clone(a.mem)); return nil }
		calls := 0
		idle := Region{Range: a.all(), PageSize: a.page, Resolve: func(f Fault) error {
			calls++
			if f.Page != a.at(1) {
				return r.Resolve(f)
			}
			return nil
		}}
		for what, r := range map[string]Region{"From": r, "a Resolve that does nothing": idle} {
			err := Do(touch, r)
			e, ok := errors.AsType[*Error](err)
			if !ok || !errors.Is(err, ErrPoisoned) || !errors.Is(err, unix.EHWPOISON) || e.Fault.Page != a.at(1) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if calls > 3 {
			t.Errorf("it was called %d times", calls)
		}
		cure := Region{Range: a.all(), PageSize: a.page, Resolve: func(f Fault) error {
			if f.Poisoned() != (f.Page == a.at(1)) {
				t.Errorf("%v: poisoned %v", f, f.Poisoned())
			}
			_, err := d.Copy(f.Page.Start, content(2, int64(f.Page.Len)), 0)
			return err
		}}
		if err := Do(touch, cure); err != nil || a.mem[a.page+1] != content(2, 2)[1] {
			t.Errorf("a Resolve that puts a page there: %v", err)
		}
	})
}

// The kernel answers EFAULT for a page that is missing, on every descriptor with the
// feature, and takes one that was touched before.
func TestSystemCalls(t *testing.T) {
	a, r := served(t, memories[0], 2, 1)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	calls := map[string]func() error{
		"write(2)": func() error { _, err := unix.Write(pipe[1], a.mem[:1]); return err },
		"MADV_POPULATE_READ": func() error {
			err := unix.Madvise(a.part(1, 1), sys.MADV_POPULATE_READ)
			if errors.Is(err, unix.EINVAL) {
				return unix.EFAULT // before Linux 5.14: nothing to be seen
			}
			return err
		},
	}
	for what, call := range calls {
		if err := Do(func(Fault) error { return call() }, r); !errors.Is(err, unix.EFAULT) {
			t.Errorf("%s: %v; want EFAULT", what, err)
		}
	}
	err := Do(func(Fault) error {
		runtime.KeepAlive(a.mem[0])
		return calls["write(2)"]()
	}, r)
	if err != nil {
		t.Error(err)
	}
}
