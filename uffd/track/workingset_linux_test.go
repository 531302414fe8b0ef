package track

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/pagemap"
)

func openSet(t testing.TB) *WorkingSet {
	t.Helper()
	checkProcess(t)
	w, err := OpenWorkingSet()
	need(t, err)
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (a area) accessed(t testing.TB, w *WorkingSet, what, want string) {
	t.Helper()
	for _, ask := range []struct {
		name string
		call func([]pagemap.Region, func(uffd.Range) error) error
		want string
	}{{"Accessed", w.Accessed, want}, {"Collect", w.Collect, want}, {"Accessed after Collect", w.Accessed, ""}} {
		if got := a.ask(t, ask.call); got != ask.want {
			t.Errorf("%s: %s finds %q, want %q", what, ask.name, got, ask.want)
		}
	}
}

// Reads and writes, of every kind of memory that can be observed.
func TestWorkingSet(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			w := openSet(t)
			a := k.make(t)
			all := fmt.Sprintf("0-%d", a.pages()-1)
			around := func(i int) string {
				if a.unit == 1 {
					return fmt.Sprint(i)
				}
				return fmt.Sprintf("%d-%d", i/a.unit*a.unit, i/a.unit*a.unit+a.unit-1)
			}
			a.fill(1)
			err := w.Add(a.all())
			if errors.Is(err, unix.EINVAL) && (k.name == "shared file" || k.name == "private file") {
				return // files on a disk cannot be observed
			}
			if err != nil {
				t.Fatal(err)
			}
			a.accessed(t, w, "added", "")
			last := a.pages() - 1
			thp := k.name == "transparent huge pages"
			a.read(last)
			if got := a.ask(t, w.Accessed); !thp && got != around(last) || thp && got == "" {
				t.Errorf("read: %q", got)
			}
			if err := w.Reset(); err != nil {
				t.Fatal(err)
			}
			a.accessed(t, w, "reset", "")
			a.write(0)
			if got := a.ask(t, w.Accessed); !thp && got != around(0) || thp && got == "" {
				t.Errorf("written: %q", got)
			}
			for i := range a.pages() {
				a.read(i)
			}
			a.accessed(t, w, "all read", all)
			if a.mem[1] != 1 || a.mem[len(a.mem)-1] != 1 {
				t.Error("the contents have changed")
			}
			if got := a.ask(t, w.Collect); got == "" {
				t.Error("that was an access as well")
			}
		})
	}
}

// A page that is not there counts once it is, and not when it is given up.
func TestWorkingSetUnpopulated(t *testing.T) {
	w := openSet(t)
	a := anon(t, 8)
	a.write(0)
	add(t, w, a.all())
	a.accessed(t, w, "added", "")
	a.read(3)
	a.write(4)
	a.accessed(t, w, "first touched", "3-4")
	a.read(3)
	a.accessed(t, w, "touched again", "3")
	a.advise(t, 0, 8, unix.MADV_DONTNEED)
	a.accessed(t, w, "given up", "")
	a.read(0)
	a.accessed(t, w, "and read", "0")
}

func TestWorkingSetArguments(t *testing.T) {
	w := openSet(t)
	a := anon(t, 4)
	a.fill(1)
	add(t, w, a.all())
	none := func(uffd.Range) error { t.Error("called"); return nil }
	for _, err := range []error{w.Collect(nil, none), w.Accessed(nil, none)} {
		if !errors.Is(err, io.ErrShortBuffer) {
			t.Error(err)
		}
	}
	if err := w.Add(a.span(1, 1)); !errors.Is(err, ErrOverlap) {
		t.Error(err)
	}
	if err := w.Remove(a.span(1, 1)); err != nil {
		t.Error(err)
	}
	for i := range 4 {
		a.read(i)
	}
	refused := errors.New("refused")
	if err := w.Collect(buf(), func(uffd.Range) error { return refused }); err != refused {
		t.Error(err)
	}
	a.accessed(t, w, "one refused", "2-3")
	if got := len(w.Ranges()); got != 2 {
		t.Errorf("%d ranges", got)
	}
	for range 2 {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	for what, err := range map[string]error{
		"Add": w.Add(a.all()), "Remove": w.Remove(a.all()), "Reset": w.Reset(),
		"Accessed": w.Accessed(buf(), none), "Collect": w.Collect(buf(), none),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
}

// A kernel without RWP says so.
func TestWorkingSetUnsupported(t *testing.T) {
	checkProcess(t)
	w, err := OpenWorkingSet()
	if err == nil {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		return
	}
	if w != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v, %v", w, err)
	}
}

func TestWorkingSetOfOtherProcess(t *testing.T) {
	openSet(t)
	p := startPeer(t, "rwp")
	w, err := NewWorkingSet(p.d, p.pid)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	add(t, w, p.mem)
	p.write(3)
	var got []uffd.Range
	if err := w.Collect(buf(), func(r uffd.Range) error { got = append(got, r); return nil }); err != nil {
		t.Fatal(err)
	}
	if want := (uffd.Range{Start: p.mem.Start + 3*page, Len: page}); len(got) != 1 || got[0] != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestWorkingSetAllocatesNothing(t *testing.T) {
	w := openSet(t)
	a := anon(t, 64)
	a.fill(1)
	add(t, w, a.all())
	room := make([]pagemap.Region, 8)
	f := func(uffd.Range) error { return nil }
	if n := testing.AllocsPerRun(20, func() {
		for i := 0; i < 64; i += 3 {
			a.read(i)
		}
		if err := w.Accessed(room, f); err != nil {
			t.Fatal(err)
		}
		if err := w.Collect(room, f); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		if conversionsAllocate() {
			testgate.Skip(t, testgate.Plain, "in this build a variable whose address becomes a number is on the heap")
		}
		t.Errorf("%v allocations", n)
	}
}
