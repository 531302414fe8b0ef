package track

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
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

// So it is where the callback panics, and the Tracker can be used again.
func TestPanic(t *testing.T) {
	tr := open(t)
	a := anon(t, 16)
	add(t, tr, a.all())
	for i := 1; i < 10; i += 2 {
		a.write(i)
	}
	n := 0
	func() {
		defer func() { _ = recover() }()
		_ = tr.Collect(buf(), func(uffd.Range) error {
			if n++; n == 3 {
				panic("on purpose")
			}
			return nil
		})
	}()
	a.want(t, tr, "after a panic", "5, 7, 9")
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
	if tr, err := New(nil, 0); tr != nil || !errors.Is(err, unix.EINVAL) {
		t.Errorf("without a descriptor: %v", err)
	}
	if w, err := NewWorkingSet(nil, 0); w != nil || !errors.Is(err, unix.EINVAL) {
		t.Errorf("without a descriptor: %v", err)
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
