package pagemap

import (
	"errors"
	"io"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// What Entries says of pages of every kind.
func TestEntries(t *testing.T) {
	m := openAny(t)
	a := anon(t, 6)
	a.write(1)
	a.read(2, 1)
	a.write(4)
	e := make([]Entry, 6)
	if n, err := m.Entries(a.all().Start, e); n != 6 || err != nil {
		t.Fatal(n, err)
	}
	for i, want := range []bool{false, true, true, false, true, false} {
		if e[i].Present() != want || e[i].Populated() != want || e[i].Swapped() || e[i].File() || e[i].Guard() || e[i].Protected() {
			t.Errorf("page %d: %v, want present %v", i, e[i], want)
		}
		if want && i != 2 && !e[i].Exclusive() || !want && e[i].Exclusive() {
			t.Errorf("page %d: %v", i, e[i])
		}
		if f := e[i].Frame(); f != 0 && (os.Geteuid() != 0 || !want) {
			t.Errorf("page %d: frame %#x", i, f)
		}
	}
	f := fileMapped(t, unix.MAP_SHARED)
	f.read(0, 10)
	if n, err := m.Entries(f.all().Start+3*pageSize, e); n != 6 || err != nil {
		t.Fatal(n, err)
	}
	for i := range e {
		if !e[i].Present() || !e[i].File() {
			t.Errorf("page %d of a file: %v", i+3, e[i])
		}
	}
}

// The bit of userfaultfd follows protection and writes.
func TestEntriesProtected(t *testing.T) {
	m, d := openAny(t), async(t)
	a := anon(t, 4)
	arm(t, d, a.all())
	protected := func() (got string) {
		var e [4]Entry
		if n, err := m.Entries(a.all().Start, e[:]); n != 4 || err != nil {
			t.Fatal(n, err)
		}
		for _, e := range e {
			if e.Protected() {
				got += "#"
			} else {
				got += "."
			}
		}
		return got
	}
	if got := protected(); got != "####" {
		t.Errorf("armed: %s", got)
	}
	a.write(1)
	a.read(2, 1)
	if got := protected(); got != "#.##" {
		t.Errorf("one written, one read: %s", got)
	}
	if err := d.WriteUnprotect(a.span(2, 2), 0); err != nil {
		t.Fatal(err)
	}
	if got := protected(); got != "#..." {
		t.Errorf("two unprotected: %s", got)
	}
}

func TestEntriesErrors(t *testing.T) {
	m := openAny(t)
	e := make([]Entry, 2)
	if n, err := m.Entries(pageSize+8, e); n != 0 || !errors.Is(err, unix.EINVAL) {
		t.Errorf("an unaligned address: %d, %v", n, err)
	}
	if n, err := m.Entries(-pageSize, e); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("the last address: %d, %v", n, err)
	}
	if n, err := m.Entries(pageSize, nil); n != 0 || err != nil {
		t.Errorf("no room: %d, %v", n, err)
	}
	// Where nothing is mapped there are entries, too.
	if n, err := m.Entries(0, e); n != 2 || err != nil || e[0] != 0 {
		t.Errorf("the first address: %d, %v, %v", n, err, e)
	}
	if _, err := m.Entries(-pageSize, e); errors.Is(err, uffd.ErrGone) {
		t.Errorf("%v", err)
	}

	// Across the end of all addresses: one, and then no more.
	low, high := uint64(0), -pageSize/pageSize // which has none, as was just seen
	if strconv.IntSize == 32 {
		high = 1 << 32 / pageSize
	}
	for low+1 < high {
		middle := low + (high-low)/2
		if _, err := m.Entries(middle*pageSize, e[:1]); err == nil {
			low = middle
		} else {
			high = middle
		}
	}
	e = make([]Entry, 4)
	if n, err := m.Entries(low*pageSize, e); n != 1 || !errors.Is(err, io.EOF) {
		t.Errorf("from the last page on, at %#x: %d, %v", low*pageSize, n, err)
	}
}
