package sigbus

import (
	"bytes"
	"errors"
	"runtime"
	"runtime/debug"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// Every page faults once, in each kind of memory, and holds what the source has.
func TestDo(t *testing.T) {
	forEach(t, func(t *testing.T, m memory) {
		a, r := served(t, m, 4, 1)
		var faults []Fault
		calls := 0
		var seen []byte
		err := Do(func(last Fault) error {
			calls++
			if last != (Fault{}) {
				faults = append(faults, last)
			}
			seen = bytes.Clone(a.mem)
			return nil
		}, r)
		if err != nil || !bytes.Equal(seen, a.want(1)) {
			t.Fatalf("%v; equal: %v", err, bytes.Equal(seen, a.want(1)))
		}
		if calls != a.pages()+1 || len(faults) != a.pages() {
			t.Errorf("%d calls, faults: %v", calls, faults)
		}
		pages := map[uint64]bool{}
		for i, f := range faults {
			pages[f.Page.Start] = true
			if f.Number != i+1 || f.Repeats != 0 || f.Range != a.all() || f.Page.Len != a.page || !f.Page.Contains(f.Address) || f.Offset() >= uint64(len(a.mem)) {
				t.Errorf("%+v", f)
			}
		}
		if len(pages) != a.pages() {
			t.Errorf("%d pages faulted", len(pages))
		}
	})
}

// A function that keeps its position does each piece once.
func TestGoOn(t *testing.T) {
	a, r := served(t, memories[0], 64, 1)
	got := make([]byte, 0, len(a.mem))
	steps, pos := 0, 0
	err := Do(func(Fault) error {
		for pos < len(a.mem) {
			steps++
			got = append(got, a.mem[pos:pos+int(a.page)]...)
			pos += int(a.page)
		}
		return nil
	}, r)
	if err != nil || !bytes.Equal(got, a.want(1)) || steps != 2*a.pages() {
		t.Errorf("%v, %d bytes in %d steps", err, len(got), steps)
	}
}

var errTest = errors.New("made up")

// What f returns is returned, and what it panics with passes on, with its value.
func TestPassesOn(t *testing.T) {
	a, r := served(t, memories[0], 2, 1)
	outside := anon(t, 1)
	register(t, open(t, 0), outside, uffd.ModeMissing)
	if err := Do(func(Fault) error { return errTest }, r); err != errTest {
		t.Error(err)
	}
	if v := panics(func() { _ = Do(func(Fault) error { panic(errTest) }, r) }); v != any(errTest) {
		t.Error(v)
	}
	v := panics(func() {
		_ = Do(func(Fault) error {
			runtime.KeepAlive(a.mem[0]) // this one is taken
			outside.mem[0] = 1
			return nil
		}, r)
	})
	if e, ok := v.(addressError); !ok || uint64(e.Addr()) != outside.addr(0) {
		t.Errorf("a fault outside: %v", v)
	}
	var nothing *area
	v = panics(func() { _ = Do(func(Fault) error { nothing.page++; return nil }, r) })
	if e, ok := v.(runtime.Error); !ok || e == nil {
		t.Errorf("nil: %v", v)
	}
	v = panics(func() { _ = Do(func(Fault) error { a.mem[len(a.mem)] = 1; return nil }, r) })
	if _, ok := v.(runtime.Error); !ok {
		t.Errorf("an index out of range: %v", v)
	}
	// A fault while it panics is taken, and then it panics again.
	defers := 0
	v = panics(func() {
		_ = Do(func(Fault) error {
			defer func() {
				defers++
				runtime.KeepAlive(a.mem[a.page])
			}()
			panic(errTest)
		}, r)
	})
	if v != any(errTest) || defers != 2 {
		t.Errorf("%v, %d deferred calls", v, defers)
	}
	quiet(t)
}

// A panic(nil) of a program that keeps the old rule is one of nil.
func TestPanicNil(t *testing.T) {
	t.Setenv("GODEBUG", "panicnil=1")
	returned := false
	v := panics(func() {
		_ = Do(func(Fault) error { panic(nil) })
		returned = true
	})
	if v != nil || returned {
		t.Errorf("%v, returned %v", v, returned)
	}
}

// runtime.Goexit ends the goroutine, also with a fault in what is deferred; the
// deferred calls of Do's callers run.
func TestGoexit(t *testing.T) {
	for _, fault := range []bool{false, true} {
		a, r := served(t, memories[0], 1, 1)
		type result struct {
			returned, panicsOnFault bool
			calls                   int
			value                   any
		}
		results := make(chan result, 1)
		go func() {
			var got result
			defer func() {
				got.panicsOnFault = debug.SetPanicOnFault(false)
				got.value = recover()
				results <- got
			}()
			_ = Do(func(Fault) error {
				got.calls++
				if fault {
					defer runtime.KeepAlive(&got)
					defer func() { a.mem[0]++ }()
				}
				runtime.Goexit()
				return nil
			}, r)
			got.returned = true
		}()
		if got := <-results; got != (result{calls: 1}) {
			t.Errorf("fault %v: %+v", fault, got)
		}
	}
}

// What a fault does to a goroutine is restored, however Do ends, and whatever f does
// to it.
func TestRestored(t *testing.T) {
	a, r := served(t, memories[0], 8, 1)
	for _, before := range []bool{false, true} {
		original := debug.SetPanicOnFault(before)
		page := 0
		for what, f := range map[string]func(Fault) error{
			"returns":  func(Fault) error { return nil },
			"faults":   func(Fault) error { runtime.KeepAlive(a.mem[page*int(a.page)]); return nil },
			"panics":   func(Fault) error { panic(errTest) },
			"turns on": func(Fault) error { debug.SetPanicOnFault(true); return nil },
			"turns off": func(last Fault) error {
				if last.Number == 0 {
					defer debug.SetPanicOnFault(false)
				}
				runtime.KeepAlive(a.mem[page*int(a.page)])
				page++
				runtime.KeepAlive(a.mem[page*int(a.page)])
				return nil
			},
		} {
			a.discard(t)
			page = 0
			_ = panics(func() { _ = Do(f, r) })
			if now := debug.SetPanicOnFault(before); now != before {
				t.Errorf("f %s: %v, was %v", what, now, before)
			}
		}
		debug.SetPanicOnFault(original)
	}
	quiet(t)
}

// The inner Do takes its own, the outer the rest, and then all of it runs again.
func TestNested(t *testing.T) {
	a, ra := served(t, memories[0], 2, 1)
	b, rb := served(t, memories[0], 2, 2)
	var outer, inner int
	var seen []byte
	err := Do(func(Fault) error {
		outer++
		return Do(func(Fault) error {
			inner++
			seen = append(bytes.Clone(a.mem), b.mem...)
			return nil
		}, rb)
	}, ra)
	if err != nil || !bytes.Equal(seen, append(a.want(1), b.want(2)...)) || outer != 3 || inner != 5 {
		t.Errorf("%v, %d outer calls, %d inner ones", err, outer, inner)
	}
	// Of the same range, the inner one takes all.
	a.discard(t)
	outer = 0
	other := ra
	other.Resolve = func(Fault) error { return errTest }
	err = Do(func(Fault) error {
		outer++
		return Do(func(Fault) error { seen = bytes.Clone(a.mem); return nil }, ra)
	}, other)
	if err != nil || outer != 1 || !bytes.Equal(seen, a.want(1)) {
		t.Errorf("%v, %d outer calls", err, outer)
	}
	// Of ranges of one Do, the first.
	a.discard(t)
	if err := Do(func(Fault) error { seen = bytes.Clone(a.mem); return nil }, other, ra); !errors.Is(err, errTest) {
		t.Error(err)
	}
}

// What Resolve does: it fails, panics, faults, passes.
func TestResolveFails(t *testing.T) {
	a, r := served(t, memories[0], 4, 1)
	b, rb := served(t, memories[0], 4, 2)
	touch := func(Fault) error { runtime.KeepAlive(a.mem[a.page+3]); return nil }
	with := func(resolve func(Fault) error) Region { x := r; x.Resolve = resolve; return x }

	err := Do(touch, with(func(Fault) error { return errTest }))
	e, ok := errors.AsType[*Error](err)
	if !ok || !errors.Is(err, errTest) || e.Fault.Page != a.at(1) || e.Fault.Number != 1 {
		t.Errorf("it fails: %v", err)
	}
	if v := panics(func() { _ = Do(touch, with(func(Fault) error { panic(errTest) })) }); v != any(errTest) {
		t.Errorf("it panics: %v", v)
	}
	v := panics(func() {
		_ = Do(touch, with(func(Fault) error { runtime.KeepAlive(a.mem[0]); return nil }))
	})
	if e, ok := v.(addressError); !ok || uint64(e.Addr()) != a.addr(0) {
		t.Errorf("it faults: %v", v)
	}
	v = panics(func() { _ = Do(touch, with(func(Fault) error { return ErrPass })) })
	if e, ok := v.(addressError); !ok || e.Addr() == 0 {
		t.Errorf("it passes: %v", v)
	}
	// A fault of Resolve in memory that another Do serves.
	var seen byte
	err = Do(func(Fault) error {
		return Do(func(Fault) error { seen = a.mem[7]; return nil }, with(func(f Fault) error {
			runtime.KeepAlive(b.mem[0])
			return r.Resolve(f)
		}))
	}, rb)
	if want := a.want(1)[7]; err != nil || seen != want {
		t.Errorf("%v, %d, want %d", err, seen, want)
	}
	quiet(t)
}

// Whoever never provides anything, or in a circle, is not called for ever.
func TestPatience(t *testing.T) {
	a := anon(t, 64)
	d := open(t, 0)
	register(t, d, a, uffd.ModeMissing)
	resolved := 0
	idle := Region{Range: a.all(), Resolve: func(Fault) error { resolved++; return nil }}
	for patience, want := range map[int]int{0: 17, 1: 2, 40: 41} {
		resolved = 0
		idle.Patience = patience
		err := Do(func(Fault) error { a.mem[5]++; return nil }, idle)
		if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, ErrAgain) || e.Fault.Page != a.at(0) || resolved != want {
			t.Errorf("patience %d: %v after %d, want %d", patience, err, resolved, want)
		}
	}
	// One page comes, the one before goes.
	for _, n := range []int{2, 5, 64} {
		resolved = 0
		last := -1
		evicting := Region{Range: a.all(), Resolve: func(f Fault) error {
			resolved++
			if last >= 0 {
				if err := unix.Madvise(a.part(last, 1), unix.MADV_DONTNEED); err != nil {
					return err
				}
			}
			last = int(f.Offset() / a.page)
			_, err := d.Zero(f.Page, 0)
			return err
		}}
		a.discard(t)
		err := Do(func(Fault) error {
			for {
				for i := range n {
					runtime.KeepAlive(a.mem[i*int(a.page)])
				}
			}
		}, evicting)
		if !errors.Is(err, ErrAgain) || resolved > 4*17*n {
			t.Errorf("%d pages: %v after %d", n, err, resolved)
		}
	}
}

// Memory without the right to it, and beyond the end of a file, is no page's matter.
func TestNoPageHelps(t *testing.T) {
	a, r := served(t, memories[0], 2, 1)
	if err := unix.Mprotect(a.mem, unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	if err := Do(func(Fault) error { a.mem[0]++; return nil }, r); !errors.Is(err, ErrAgain) {
		t.Errorf("PROT_NONE: %v", err)
	}
	fd := file(t, 2)
	b := mapped(t, fd, 2, pageSize, unix.MAP_SHARED)
	if err := unix.Ftruncate(fd, int64(pageSize)); err != nil {
		t.Fatal(err)
	}
	err := Do(func(Fault) error { b.mem[b.page]++; return nil }, Region{Range: b.all(), Resolve: func(Fault) error { return nil }})
	if !errors.Is(err, ErrAgain) {
		t.Errorf("beyond the end: %v", err)
	}
}

func TestArguments(t *testing.T) {
	ok := func(Fault) error { return nil }
	p := pageSize
	for what, r := range map[string]Region{
		"nothing":                     {},
		"no Resolve":                  {Range: uffd.Range{Start: p, Len: p}},
		"an empty range":              {Range: uffd.Range{Start: p}, Resolve: ok},
		"part of a page":              {Range: uffd.Range{Start: p, Len: p - 1}, Resolve: ok},
		"unaligned":                   {Range: uffd.Range{Start: p + 1, Len: p}, Resolve: ok},
		"beyond the end":              {Range: uffd.Range{Start: -p, Len: 2 * p}, Resolve: ok},
		"pages of a byte":             {Range: uffd.Range{Start: p, Len: p}, Resolve: ok, PageSize: 1},
		"odd pages":                   {Range: uffd.Range{Start: 3 * p, Len: 3 * p}, Resolve: ok, PageSize: 3 * p},
		"less than one of its pages":  {Range: uffd.Range{Start: 2 * p, Len: p}, Resolve: ok, PageSize: 2 * p},
		"between two of its pages":    {Range: uffd.Range{Start: p, Len: 2 * p}, Resolve: ok, PageSize: 2 * p},
		"patience of less than zero ": {Range: uffd.Range{Start: p, Len: p}, Resolve: ok, Patience: -1},
	} {
		called := false
		err := Do(func(Fault) error { called = true; return nil }, Region{Range: uffd.Range{Start: p, Len: p}, Resolve: ok}, r)
		if !errors.Is(err, unix.EINVAL) || called {
			t.Errorf("%s: %v, called %v", what, err, called)
		}
	}
	if err := Do(nil); !errors.Is(err, unix.EINVAL) {
		t.Error(err)
	}
	if err := Do(ok); err != nil {
		t.Error(err)
	}
	if err := Do(ok, Region{Range: uffd.Range{Start: -p, Len: p}, Resolve: ok}); err != nil {
		t.Errorf("the last page: %v", err)
	}
}
