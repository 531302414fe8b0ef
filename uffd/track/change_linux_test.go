package track

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/pagemap"
)

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
	noCollection(t)
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
	noCollection(t)
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
