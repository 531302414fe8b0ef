package pagemap

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// Both names of this process, and what is left after Close.
func TestOpen(t *testing.T) {
	openAny(t)
	for _, pid := range []int{0, os.Getpid()} {
		m, err := Open(pid)
		if err != nil {
			t.Fatal(err)
		}
		flags, err := unix.FcntlInt(uintptr(m.FD()), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC == 0 || m.Pid() != 0 {
			t.Errorf("flags %#x, %v; pid %d", flags, err, m.Pid())
		}
		if err := m.Control(func(fd int) error { return io.EOF }); err != io.EOF {
			t.Errorf("Control: %v", err)
		}
		for range 2 {
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		}
		closedMap(t, m)
	}
	closedMap(t, new(Map))
}

func closedMap(t *testing.T, m *Map) {
	t.Helper()
	r := uffd.Range{Start: pageSize, Len: pageSize}
	_, _, scan := m.Scan(r, dirty, make([]Region, 1))
	_, categories := m.Categories()
	_, entries := m.Entries(pageSize, make([]Entry, 1))
	for what, err := range map[string]error{
		"Scan": scan, "Categories": categories, "Entries": entries,
		"Walk":    m.Walk(r, dirty, make([]Region, 1), func(Region) error { return nil }),
		"Control": m.Control(func(int) error { return nil }),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s of a closed map: %v", what, err)
		}
	}
	if m.FD() != -1 || m.Close() != nil {
		t.Errorf("descriptor %d", m.FD())
	}
}

// A kernel without PAGEMAP_SCAN says so, and Entries works all the same.
func TestUnsupported(t *testing.T) {
	m := openAny(t)
	have, err := m.Categories()
	a := anon(t, 1)
	_, _, scan := m.Scan(a.all(), dirty, make([]Region, 1))
	if err != nil {
		for _, err := range []error{err, scan} {
			if !errors.Is(err, errors.ErrUnsupported) || !errors.Is(err, unix.ENOTTY) || !strings.Contains(err.Error(), "6.7") {
				t.Errorf("%v; want unsupported", err)
			}
		}
	} else if !have.Has(known) || scan != nil {
		t.Errorf("%v, %v", have, scan)
	}
	var e [1]Entry
	if n, err := m.Entries(a.all().Start, e[:]); n != 1 || err != nil {
		t.Errorf("Entries: %d, %v", n, err)
	}
}

// Close with scans in flight: they end well or with ErrClosed.
func TestCloseWhileScanning(t *testing.T) {
	open(t)
	a := anon(t, 256)
	for range testgate.Rounds(100, 10) {
		m, err := Open(0)
		if err != nil {
			t.Fatal(err)
		}
		var scans sync.WaitGroup
		for range 3 {
			scans.Go(func() {
				into := make([]Region, 4)
				for {
					if _, _, err := m.Scan(a.all(), Query{}, into); err != nil {
						if !errors.Is(err, ErrClosed) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		scans.Wait()
	}
}

func TestNoAllocation(t *testing.T) {
	m, d := open(t), async(t)
	a := anon(t, 64)
	arm(t, d, a.all())
	buf := make([]Region, 8)
	entries := make([]Entry, 64)
	found := 0
	each := func(r Region) error { found++; return nil }
	for what, f := range map[string]func() error{
		"Scan":    func() error { _, _, err := m.Scan(a.all(), dirty, buf); return err },
		"collect": func() error { _, _, err := m.Scan(a.all(), collect, buf); return err },
		"Walk":    func() error { return m.Walk(a.all(), dirty, buf, each) },
		"Entries": func() error { _, err := m.Entries(a.all().Start, entries); return err },
	} {
		if n := testing.AllocsPerRun(20, func() {
			for i := 0; i < 64; i += 3 {
				a.write(i)
			}
			if err := f(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			if conversionsAllocate() {
				testgate.Skip(t, testgate.Plain, "in this build a variable whose address becomes a number is on the heap")
			}
			t.Errorf("%s: %v allocations", what, n)
		}
	}
	if found == 0 {
		t.Error("nothing was found")
	}
}
