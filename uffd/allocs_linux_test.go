package uffd

import (
	"context"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

// none fails the test if f allocates.
func none(t *testing.T, name string, f func()) {
	t.Helper()
	n := testing.AllocsPerRun(testgate.Rounds(100, 20), f)
	if n != 0 && conversionsAllocate() {
		testgate.Skip(t, testgate.Plain, "in this build a variable whose address becomes a number is on the heap")
	}
	if n != 0 {
		t.Errorf("%s: %v allocations", name, n)
	}
}

// empty gives the pages up again.
func empty(t *testing.T, r Range) {
	if err := sys.Madvise(uintptr(r.Start), uintptr(r.Len), unix.MADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
}

func TestFillsAllocateNothing(t *testing.T) {
	clean(t)
	d, a := mustOpen(t, Options{Wanted: FeaturePoison}), anonymous(t, max(1, (64<<10)/int(page)))
	register(t, d, a, ModeMissing)
	content := source(a.Len)
	for _, r := range []Range{a.pages(0, 1), a.Range} {
		check := func(n int, err error) {
			if n != int(r.Len) || err != nil {
				t.Fatal(n, err)
			}
			empty(t, r)
		}
		none(t, "Copy of "+r.String(), func() { check(d.Copy(r.Start, content[:r.Len], 0)) })
		none(t, "Zero of "+r.String(), func() { n, err := d.Zero(r, 0); check(int(n), err) })
		none(t, "CopyAll of "+r.String(), func() { check(d.CopyAll(r.Start, content[:r.Len], 0, Retry{})) })
		if d.Enabled().Has(FeaturePoison) {
			none(t, "Poison of "+r.String(), func() { n, err := d.Poison(r, 0); check(int(n), err) })
		}
	}
	if _, err := d.Copy(a.Start, content[:pageSize], 0); err != nil {
		t.Fatal(err)
	}
	none(t, "CopyAll over a page that exists", func() {
		if n, err := d.CopyAll(a.Start, content, 0, Retry{Exist: ExistSkip}); n != len(content) || err != nil {
			t.Fatal(n, err)
		}
	})
	none(t, "Wake", func() {
		if err := d.Wake(a.Range); err != nil {
			t.Fatal(err)
		}
	})
}

func TestContinueAllocatesNothing(t *testing.T) {
	clean(t)
	d, a := mustOpen(t, Options{Required: FeatureMinorShmem}), file(t, 4)
	populate(t, a)
	register(t, d, a, ModeMinor)
	for name, call := range map[string]func() (uint64, error){
		"Continue":    func() (uint64, error) { return d.Continue(a.Range, 0) },
		"ContinueAll": func() (uint64, error) { return d.ContinueAll(a.Range, 0, Retry{}) },
	} {
		none(t, name, func() {
			if n, err := call(); n != a.Len || err != nil {
				t.Fatal(n, err)
			}
			empty(t, a.Range)
		})
	}
}

func TestMoveAllocatesNothing(t *testing.T) {
	clean(t)
	d, a, from := movable(t, 1)
	register(t, d, from, ModeMissing)
	none(t, "Move and MoveAll", func() {
		if n, err := d.Move(a.Start, from.Start, a.Len, 0); n != a.Len || err != nil {
			t.Fatal(n, err)
		}
		if n, err := d.MoveAll(from.Start, a.Start, a.Len, 0, Retry{}); n != a.Len || err != nil {
			t.Fatal(n, err)
		}
	})
}

func TestProtectAllocatesNothing(t *testing.T) {
	clean(t)
	d, a := mustOpen(t, Options{Required: FeaturePagefaultFlagWP}), anonymous(t, 4)
	clear(a.mem)
	register(t, d, a, ModeWP)
	none(t, "WriteProtect and WriteUnprotect", func() {
		if err := d.WriteProtect(a.Range); err != nil {
			t.Fatal(err)
		}
		if err := d.WriteUnprotect(a.Range, 0); err != nil {
			t.Fatal(err)
		}
	})
}

func TestReadAllocatesNothing(t *testing.T) {
	clean(t)
	d, a := mustOpen(t, Options{}), anonymous(t, 3)
	register(t, d, a, ModeMissing)
	events := make([]Event, 40)
	none(t, "TryRead of nothing", func() {
		if _, err := d.TryRead(events); err != errNothing {
			t.Fatal(err)
		}
	})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	needRaw(t)
	for i := range 3 {
		share(t, rawproc.Load(a.addr(i)))
	}
	// Woken without a page they fault again.
	again := func(n int, err error) {
		if n == 0 || err != nil {
			t.Fatal(n, err)
		}
		if err := d.Wake(a.Range); err != nil {
			t.Fatal(err)
		}
	}
	none(t, "Read of faults", func() { again(d.Read(events)) })
	none(t, "Read of faults, with a context that is over", func() {
		waitReadable(t, d)
		again(d.ReadContext(cancelled, events))
	})
	none(t, "TryRead of faults", func() {
		for {
			n, err := d.TryRead(events)
			if err != errNothing {
				again(n, err)
				return
			}
		}
	})
	if n, err := d.ZeroAll(a.Range, 0, Retry{}); n != a.Len || err != nil {
		t.Error(n, err)
	}
}
