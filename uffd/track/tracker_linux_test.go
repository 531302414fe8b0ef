package track

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/pagemap"
)

// What counts as dirty, for every kind of memory.
func TestTracker(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			tr := open(t)
			a := k.make(t)
			all := fmt.Sprintf("0-%d", a.pages()-1)
			around := func(i int) string {
				if a.unit == 1 {
					return fmt.Sprint(i)
				}
				return fmt.Sprintf("%d-%d", i/a.unit*a.unit, i/a.unit*a.unit+a.unit-1)
			}
			add(t, tr, a.all())
			a.want(t, tr, "added", "")
			a.read(0)
			a.want(t, tr, "read", "")
			a.write(1)
			a.want(t, tr, "one page written", around(1))
			a.fill(7)
			a.want(t, tr, "all written", all)
			a.write(a.pages() - 1)
			a.want(t, tr, "the last page written", around(a.pages()-1))
			for _, what := range []string{"written by read(2)", "the same bytes written again"} {
				if n, err := unix.Pread(zeros(t), a.part(0, 1), 0); n != int(page) || err != nil {
					t.Fatal(n, err)
				}
				a.want(t, tr, what, around(0))
			}

			if err := unix.Mprotect(a.mem, unix.PROT_READ); err != nil {
				t.Fatal(err)
			}
			if err := unix.Mprotect(a.mem, unix.PROT_READ|unix.PROT_WRITE); err != nil {
				t.Fatal(err)
			}
			a.want(t, tr, "rights changed and changed back", "")

			a.fill(8)
			if err := tr.Reset(); err != nil {
				t.Fatal(err)
			}
			a.want(t, tr, "reset", "")
			if a.mem[len(a.mem)-1] != 8 {
				t.Error("reset changed the contents")
			}
		})
	}
}

// Contents that are given up. Private anonymous memory keeps no mark on a page that
// goes, so that counts as a write; all other memory keeps it. What was dirty before
// is dirty in any case.
func TestGivenUp(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			tr := open(t)
			a := k.make(t)
			all := fmt.Sprintf("0-%d", a.pages()-1)
			half := a.pages() / 2
			add(t, tr, a.all())
			noted := func(s string) string {
				if !k.noted {
					return ""
				}
				return s
			}
			a.fill(7)
			a.want(t, tr, "filled", all)
			if err := unix.Madvise(a.part(half, half), unix.MADV_DONTNEED); err != nil {
				t.Fatal(err)
			}
			a.want(t, tr, "half of it discarded", noted(fmt.Sprintf("%d-%d", half, a.pages()-1)))
			a.read(half)
			a.want(t, tr, "read again", "")
			a.fill(7)
			a.want(t, tr, "filled again", all)
			for _, what := range []string{"all discarded", "discarded twice"} {
				a.advise(t, 0, a.pages(), unix.MADV_DONTNEED)
				a.want(t, tr, what, noted(all))
			}
			a.fill(9)
			a.advise(t, 0, a.pages(), unix.MADV_DONTNEED)
			a.want(t, tr, "written and discarded", all)
			a.write(0)
			first := "0"
			if a.unit > 1 {
				first = fmt.Sprintf("0-%d", a.unit-1)
			}
			a.want(t, tr, "written", first)
		})
	}
}

// Holes in files, lazy freeing, guards.
func TestGivenUpInOtherWays(t *testing.T) {
	t.Run("MADV_REMOVE", func(t *testing.T) {
		tr := open(t)
		a := memfd(t, unix.MAP_SHARED)
		add(t, tr, a.all())
		a.fill(1)
		a.want(t, tr, "filled", "0-9")
		a.write(4)
		a.advise(t, 3, 2, unix.MADV_REMOVE)
		a.want(t, tr, "a clean and a dirty page removed", "4")
		a.write(3)
		a.want(t, tr, "written", "3")
	})
	t.Run("MADV_FREE", func(t *testing.T) {
		tr := open(t)
		a := anon(t, 10)
		add(t, tr, a.all())
		a.fill(1)
		a.want(t, tr, "filled", "0-9")
		a.advise(t, 3, 2, unix.MADV_FREE)
		// Whether the kernel has taken them already is its own affair.
		kept := a.mem[3*page] == 1
		got := a.ask(t, tr.Dirty)
		if kept && got != "" || !kept && got == "" {
			t.Errorf("freed: %q is dirty, and the contents are there: %v", got, kept)
		}
		a.write(4)
		if got := a.ask(t, tr.Dirty); got != "4" && got != "3-4" {
			t.Errorf("written: %q", got)
		}
	})
	t.Run("a guard region", func(t *testing.T) {
		tr := open(t)
		a := anon(t, 10)
		add(t, tr, a.all())
		a.fill(1)
		a.want(t, tr, "filled", "0-9")
		if err := unix.Madvise(a.part(3, 2), unix.MADV_GUARD_INSTALL); err != nil {
			testgate.Skip(t, testgate.GuardRegions, "MADV_GUARD_INSTALL: "+err.Error())
		}
		if got := a.ask(t, tr.Dirty); got != "3-4" {
			t.Errorf("guarded: %q", got)
		}
		a.advise(t, 3, 2, unix.MADV_GUARD_REMOVE)
		if got := a.ask(t, tr.Dirty); got != "3-4" {
			t.Errorf("no more guarded: %q", got)
		}
		a.want(t, tr, "no more guarded", "3-4")
	})
}

// Several ranges, neighbours, gaps, parts that go.
func TestRangesOfTracker(t *testing.T) {
	tr := open(t)
	a := anon(t, 20)
	add(t, tr, a.span(2, 3))
	add(t, tr, a.span(10, 5))
	add(t, tr, a.span(5, 5))
	if got := fmt.Sprint(tr.Ranges()); got != fmt.Sprint([]uffd.Range{a.span(2, 13)}) {
		t.Errorf("tracked: %s", got)
	}
	a.fill(1)
	a.want(t, tr, "all written", "2-14")
	if err := tr.Remove(a.span(6, 2)); err != nil {
		t.Fatal(err)
	}
	a.fill(2)
	a.want(t, tr, "a part removed", "2-5, 8-14")
	for what, r := range map[string]uffd.Range{
		"in part":   a.span(0, 3),
		"across":    a.span(5, 4),
		"never was": a.span(15, 2),
		"no more":   a.span(6, 2),
		"empty":     a.span(3, 0),
	} {
		if err := tr.Remove(r); !errors.Is(err, ErrUnknown) {
			t.Errorf("Remove of what is tracked %s: %v", what, err)
		}
	}
	for what, r := range map[string]uffd.Range{"in part": a.span(0, 3), "across": a.span(5, 4), "inside": a.span(9, 1)} {
		if err := tr.Add(r); !errors.Is(err, ErrOverlap) {
			t.Errorf("Add of what is tracked %s: %v", what, err)
		}
	}
	for what, r := range map[string]uffd.Range{
		"empty":     a.span(16, 0),
		"unaligned": {Start: a.all().Start + 1, Len: page},
		"a byte":    {Start: a.span(16, 1).Start, Len: 1},
	} {
		if err := tr.Add(r); !errors.Is(err, unix.EINVAL) {
			t.Errorf("Add of a range that is %s: %v", what, err)
		}
	}
	add(t, tr, a.span(6, 2))
	a.fill(3)
	a.want(t, tr, "added again", "2-14")
	for _, r := range tr.Ranges() {
		if err := tr.Remove(r); err != nil {
			t.Error(err)
		}
	}
	a.fill(4)
	a.want(t, tr, "all removed", "")
}

// A failed Add leaves nothing registered, so another Tracker can have the memory.
func TestAddFails(t *testing.T) {
	one, two := open(t), open(t)
	a := anon(t, 4)
	add(t, one, a.span(2, 1))
	if err := two.Add(a.all()); !errors.Is(err, unix.EBUSY) {
		t.Fatalf("memory of another Tracker: %v", err)
	}
	add(t, one, a.span(0, 2))
	a.fill(1)
	a.want(t, one, "the first Tracker's", "0-2")
	a.want(t, two, "the second Tracker's", "")
}

// An Add that fails half way leaves nothing registered, either. Here the process is
// about to discard other memory, and protecting has to wait until that is told.
func TestAddFailsHalfWay(t *testing.T) {
	other := open(t)
	d, err := uffd.Open(uffd.Options{Required: uffd.FeatureWPAsync | uffd.FeatureEventRemove, UserMode: uffd.UserModeOnly})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	tr, err := New(d, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	a, b := anon(t, 2), anon(t, 2)
	add(t, tr, a.all())
	done := make(chan error, 1)
	go func() { done <- unix.Madvise(a.mem, unix.MADV_DONTNEED) }() // waits for the event to be read
	ctx, cancel := context.WithTimeout(context.Background(), testgate.Stretch(t, 20*time.Second))
	defer cancel()
	for ctx.Err() == nil {
		err = tr.Add(b.all())
		if err != nil {
			break
		}
		if err := tr.Remove(b.all()); err != nil {
			t.Fatal(err)
		}
	}
	if !errors.Is(err, uffd.ErrChanging) {
		t.Errorf("Add: %v; want ErrChanging", err)
	}
	if err := other.Add(b.all()); err != nil {
		t.Errorf("by another Tracker: %v", err)
	}
	var events [1]uffd.Event
	if _, err := d.ReadContext(ctx, events[:]); err != nil || events[0].Kind != uffd.EventRemove {
		t.Errorf("%v, %v", &events[0], err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	a.want(t, tr, "discarded", "0-1")
}

// Memory that is unmapped is passed over; what is mapped there anew is an error, and
// what was found before it is not lost.
func TestMappedOver(t *testing.T) {
	tr := open(t)
	a := anon(t, 10)
	add(t, tr, a.all())
	a.fill(1)
	over := uintptr(a.span(6, 2).Start)
	if err := sys.Munmap(over, uintptr(2*page)); err != nil {
		t.Fatal(err)
	}
	if got := a.ask(t, tr.Dirty); got != "0-5, 8-9" {
		t.Errorf("unmapped: %q", got)
	}
	if at, err := sys.Mmap(over, uintptr(2*page), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_FIXED, -1, 0); at != over || err != nil {
		t.Fatal(at, err)
	}
	var found []uffd.Range
	err := tr.Collect(buf(), func(r uffd.Range) error { found = append(found, r); return nil })
	if !errors.Is(err, pagemap.ErrNotTracked) || len(found) != 1 || found[0] != a.span(0, 6) {
		t.Errorf("mapped over: %v, %v", found, err)
	}
	// Without the stranger it goes on, and nothing was forgotten.
	if err := tr.Remove(a.span(6, 2)); err != nil {
		t.Fatal(err)
	}
	a.want(t, tr, "without the stranger", "8-9")
}

// Memory that was unmapped altogether can be removed, and is in nobody's way.
func TestUnmapped(t *testing.T) {
	open(t)
	d, err := uffd.Open(uffd.Options{Required: uffd.FeatureWPAsync, UserMode: uffd.UserModeOnly})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	tr, err := New(d, 0)
	if err != nil {
		t.Fatal(err)
	}
	a := anon(t, 10)
	add(t, tr, a.span(1, 2))
	add(t, tr, a.span(5, 2))
	add(t, tr, a.span(8, 1))
	a.fill(1)
	for _, i := range []int{1, 5} {
		if err := sys.Munmap(uintptr(a.span(i, 2).Start), uintptr(2*page)); err != nil {
			t.Fatal(err)
		}
	}
	if got := a.ask(t, tr.Dirty); got != "8" {
		t.Errorf("unmapped: %q", got)
	}
	if err := tr.Reset(); err != nil {
		t.Error(err)
	}
	if err := tr.Remove(a.span(1, 2)); err != nil {
		t.Error(err)
	}
	if got := fmt.Sprint(tr.Ranges()); got != fmt.Sprint([]uffd.Range{a.span(5, 2), a.span(8, 1)}) {
		t.Errorf("removed: %s", got)
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
}

// What the callback refuses is dirty again.
func TestRefusal(t *testing.T) {
	tr := open(t)
	a := anon(t, 16)
	add(t, tr, a.all())
	refused := errors.New("refused")
	for _, discard := range []bool{false, true} {
		for _, after := range []int{0, 1, 2, 3, 4} {
			for i := 1; i < 10; i += 2 {
				a.write(i)
			}
			want := []string{"1, 3, 5, 7, 9", "3, 5, 7, 9", "5, 7, 9", "7, 9", "9"}[after]
			if discard {
				a.advise(t, 0, 16, unix.MADV_DONTNEED)
				want = "0-15" // one range: all or nothing
				if after > 0 {
					want = ""
				}
			}
			n := 0
			err := tr.Collect(buf(), func(uffd.Range) error {
				if n == after {
					return refused
				}
				n++
				return nil
			})
			if want != "" && err != refused {
				t.Errorf("after %d: %v", after, err)
			}
			a.want(t, tr, fmt.Sprintf("refused after %d, discarded %v", after, discard), want)
		}
	}
	a.write(3)
	if err := tr.Dirty(buf(), func(uffd.Range) error { return refused }); err != refused {
		t.Error(err)
	}
	a.want(t, tr, "after Dirty was refused", "3")
}

func TestTrackerArguments(t *testing.T) {
	tr := open(t)
	a := anon(t, 4)
	add(t, tr, a.all())
	a.write(1)
	none := func(uffd.Range) error { t.Error("called"); return nil }
	if err := tr.Collect(nil, none); !errors.Is(err, io.ErrShortBuffer) {
		t.Error(err)
	}
	if err := tr.Dirty(nil, none); !errors.Is(err, io.ErrShortBuffer) {
		t.Error(err)
	}
	a.want(t, tr, "after that", "1")
	for range 2 {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, tr := range []*Tracker{tr, new(Tracker)} {
		for what, err := range map[string]error{
			"Add": tr.Add(a.all()), "Remove": tr.Remove(a.all()), "Reset": tr.Reset(),
			"Dirty": tr.Dirty(buf(), none), "Collect": tr.Collect(buf(), none),
		} {
			if !errors.Is(err, ErrClosed) {
				t.Errorf("%s after Close: %v", what, err)
			}
		}
	}
}

// A descriptor of the caller's: its features, and what is left of it after Close.
func TestNew(t *testing.T) {
	open(t)
	plain, err := uffd.Open(uffd.Options{UserMode: uffd.UserModeOnly})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if tr, err := New(plain, 0); tr != nil || !errors.Is(err, ErrFeature) {
		t.Errorf("without WP_ASYNC: %v", err)
	}
	if w, err := NewWorkingSet(plain, 0); w != nil || !errors.Is(err, ErrFeature) {
		t.Errorf("without RWP: %v", err)
	}
	d, err := uffd.Open(uffd.Options{Required: uffd.FeatureWPAsync, UserMode: uffd.UserModeOnly})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if tr, err := New(d, 1<<31-1); tr != nil || !errors.Is(err, uffd.ErrGone) {
		t.Errorf("of no process: %v", err)
	}
	tr, err := New(d, 0)
	if err != nil {
		t.Fatal(err)
	}
	a := anon(t, 4)
	add(t, tr, a.all())
	a.write(2)
	a.want(t, tr, "written", "2")
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	if d.FD() < 0 {
		t.Error("the descriptor was closed")
	}
	other := open(t)
	add(t, other, a.all()) // nobody has it any more
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
