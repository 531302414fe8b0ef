package uffd

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
)

// everything is the call that does everything, for a call that fills.
func everything(t testing.TB, c call, pages int) (d *Descriptor, a area, do func(Range, Flags, Retry) (uint64, error)) {
	t.Helper()
	if c.op == opMove {
		d, a, from := movable(t, pages)
		return d, a, func(r Range, f Flags, o Retry) (uint64, error) {
			return d.MoveAll(r.Start, from.Start+(r.Start-a.Start), r.Len, f, o)
		}
	}
	d, a, _ = fillable(t, c, pages)
	all := map[string]func(Range, Flags, Retry) (uint64, error){
		opCopy: func(r Range, f Flags, o Retry) (uint64, error) {
			n, err := d.CopyAll(r.Start, source(r.Len), f, o)
			return uint64(n), err
		},
		opZero: d.ZeroAll, opContinue: d.ContinueAll, opPoison: d.PoisonAll,
	}
	return d, a, all[c.op]
}

// Pages that exist in the middle end the call, or are passed over.
func TestAllOverExisting(t *testing.T) {
	eachCall(t, func(c call) bool { return c.fills }, func(t *testing.T, c call) {
		_, a, do := everything(t, c, 8)
		for _, i := range []int{2, 3, 7} {
			if n, err := do(a.pages(i, 1), 0, Retry{}); n != pageSize || err != nil {
				t.Fatalf("page %d: %d, %v", i, n, err)
			}
		}
		n, err := do(a.Range, 0, Retry{})
		if n != 2*pageSize {
			t.Errorf("%d bytes, want two pages", n)
		}
		want(t, err, unix.EEXIST, ErrExists, c.op, a.pages(2, 6).String(), "after "+a.pages(0, 2).String())
		for i, w := range a.state(t) {
			if there := i < 4 || i == 7; (w != 0) != there {
				t.Errorf("page %d: %#x", i, w)
			}
		}
		for range 2 { // the second time over pages that are all there
			if n, err := do(a.Range, 0, Retry{Exist: ExistSkip}); n != a.Len || err != nil {
				t.Errorf("passing over: %d, %v", n, err)
			}
			for i, w := range a.state(t) {
				if w == 0 {
					t.Errorf("page %d is missing", i)
				}
			}
		}
	})
}

// Who waits for a page that exists by then is woken, but with DontWake.
func TestSkipWakes(t *testing.T) {
	clean(t)
	needRaw(t)
	// Between its message and its sleep a process looks at the page once more, and does
	// not sleep if it is there: that happens, but not each time.
	for range 4 {
		if skipsWakes(t) {
			return
		}
	}
	t.Error("with DontWake somebody woke")
}

// skipsWakes tells whether nobody woke.
func skipsWakes(t *testing.T) bool {
	t.Helper()
	d, a := mustOpen(t, Options{}), anonymous(t, 3)
	register(t, d, a, ModeMissing)
	p := share(t, rawproc.Load(a.addr(1)))
	if f := fetch(t, d); f.Address != a.addr(1) || f.Flags != 0 {
		t.Errorf("%v", f)
	}
	content := source(3 * pageSize)
	for i := range content {
		content[i] = 42
	}
	if n, err := d.Copy(a.addr(1), content[:pageSize], DontWake); n != int(page) || err != nil {
		t.Fatal(n, err)
	}
	if n, err := d.CopyAll(a.Start, content, DontWake, Retry{Exist: ExistSkip}); n != len(content) || err != nil {
		t.Errorf("with DontWake: %d, %v", n, err)
	}
	waits := p.Done() == 0
	if n, err := d.CopyAll(a.Start, content, 0, Retry{Exist: ExistSkip}); n != len(content) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if got := ended(t, p); got != 42 {
		t.Errorf("the page holds %d", got)
	}
	return waits
}

// The layout changes under the call: whoever reads events does so, and it goes on.
func TestAllWhileChanging(t *testing.T) {
	eachCall(t, func(c call) bool { return c.fills && c.op != opContinue && c.op != opMove }, func(t *testing.T, c call) {
		d, a := mustOpen(t, Options{Required: FeatureEventRemove}), anonymous(t, 4)
		register(t, d, a, ModeMissing)
		do := allCalls(a.Range)[c.op]
		changing(t, d, a.Range, func() {
			n, err := do(d, Retry{})
			if n != 0 {
				t.Errorf("%d bytes", n)
			}
			want(t, err, unix.EAGAIN, ErrChanging, c.op, a.String())

			pointless := errors.New("the pages are gone")
			n, err = do(d, Retry{Changing: func() error { return pointless }})
			if n != 0 {
				t.Errorf("%d bytes", n)
			}
			want(t, err, pointless, nil, c.op, a.String())

			asked := 0
			n, err = do(d, Retry{Changing: func() error {
				asked++
				if asked < 3 { // it may come in vain
					return nil
				}
				var e [1]Event
				if _, err := d.TryRead(e[:]); !errors.Is(err, unix.EAGAIN) {
					return err
				}
				return nil // it was read before, and the change is about to end
			}})
			if n != a.Len || err != nil || asked < 3 {
				t.Errorf("%d bytes, %v, asked %d times", n, err, asked)
			}
		})
	})
}

// Huge pages are passed over as a whole.
func TestSkipOfPageSize(t *testing.T) {
	r := Retry{Exist: ExistSkip, PageSize: 1 << 21}
	all := Range{1 << 30, 3 << 21}
	for done := uint64(0); done < all.Len; {
		next, err := r.after(-1, all, done, 0, DontWake, unix.EEXIST)
		if err != nil || next != done+1<<21 {
			t.Fatalf("from %#x to %#x, %v", done, next, err)
		}
		done = next
	}
	if next, err := r.after(-1, all, all.Len-4096, 0, DontWake, unix.EEXIST); next != all.Len || err != nil {
		t.Errorf("at the end: %#x, %v", next, err)
	}
	clean(t)
	d, a := mustOpen(t, Options{}), anonymous(t, 2)
	register(t, d, a, ModeMissing)
	for _, size := range []uint64{1, 100, pageSize - 1, pageSize / 2, pageSize + 1, 3 * pageSize, ^uint64(0)} {
		for op, all := range allCalls(a.Range) {
			n, err := all(d, Retry{PageSize: size, Exist: ExistSkip})
			if n != 0 {
				t.Errorf("%s: %d bytes", op, n)
			}
			if !errors.Is(err, unix.EINVAL) || !strings.Contains(fmt.Sprint(err), fmt.Sprint(size)) {
				t.Errorf("%s with pages of %d: %v", op, size, err)
			}
		}
	}
	a.missing(t)
}

// What after decides, for kernels that are not there.
func TestAfter(t *testing.T) {
	stop := errors.New("stop")
	all := Range{0x10000, 0x8000}
	for _, test := range []struct {
		name    string
		r       Retry
		done, n uint64
		err     error
		next    uint64
		want    error
	}{
		{"partly", Retry{}, 0x1000, 0x1000, unix.EAGAIN, 0x1000, nil},
		{"partly, at the end", Retry{}, 0x8000, 0x1000, unix.EAGAIN, 0x8000, nil},
		{"partly, asked to stop", Retry{Changing: func() error { return stop }}, 0x1000, 0x1000, unix.EAGAIN, 0x1000, nil},
		{"nothing", Retry{}, 0x1000, 0, unix.EAGAIN, 0x1000, unix.EAGAIN},
		{"nothing, again", Retry{Changing: func() error { return nil }}, 0x1000, 0, unix.EAGAIN, 0x1000, nil},
		{"nothing, asked to stop", Retry{Changing: func() error { return stop }}, 0x1000, 0, unix.EAGAIN, 0x1000, stop},
		{"it exists", Retry{}, 0, 0, unix.EEXIST, 0, unix.EEXIST},
		{"it exists, and something was done", Retry{}, 0x1000, 0x1000, unix.EEXIST, 0x1000, unix.EEXIST},
		{"it exists, and is skipped", Retry{Exist: ExistSkip}, 0x1000, 0, unix.EEXIST, 0x1000 + pageSize, nil},
		{"an unknown policy", Retry{Exist: 7}, 0x1000, 0, unix.EEXIST, 0x1000, unix.EEXIST},
		{"gone", Retry{Exist: ExistSkip}, 0x1000, 0, unix.ESRCH, 0x1000, unix.ESRCH},
		{"another layout", Retry{Exist: ExistSkip}, 0x1000, 0, unix.ENOENT, 0x1000, unix.ENOENT},
	} {
		all := all
		all.Len = max(all.Len, test.done+pageSize)
		next, err := test.r.after(-1, all, test.done, test.n, DontWake, test.err)
		if next != test.next || err != test.want {
			t.Errorf("%s: %#x, %v; want %#x, %v", test.name, next, err, test.next, test.want)
		}
	}
	// A wake that fails ends it.
	r := Retry{Exist: ExistSkip}
	if next, err := r.after(-1, all, 0, 0, 0, unix.EEXIST); next != 0 || !errors.Is(err, unix.EBADF) {
		t.Errorf("%#x, %v", next, err)
	}
}

// An error in the middle says how far the call came.
func TestMoveAllErrors(t *testing.T) {
	clean(t)
	d, a, from := movable(t, 4)
	if err := sys.Madvise(uintptr(from.addr(2)), page, unix.MADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
	n, err := d.MoveAll(a.Start, from.Start, a.Len, 0, Retry{})
	if n != 2*pageSize {
		t.Errorf("%d bytes", n)
	}
	want(t, err, unix.ENOENT, ErrLayout, opMove, from.String(), a.pages(2, 2).String(), "after "+a.pages(0, 2).String())
}
