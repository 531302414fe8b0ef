package track

import (
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/pagemap"
)

// A copy that takes over what each Collect finds, while threads write and discard,
// is equal to the memory in the end: no write is lost.
func TestNoWriteIsLost(t *testing.T) {
	const threads, perThread = 4, 16
	tr := open(t)
	a := anon(t, threads*perThread)
	add(t, tr, a.span(0, threads*perThread))
	shadow := make([]uint64, a.pages())
	room := buf()
	take := func() {
		err := tr.Collect(room, func(r uffd.Range) error {
			for p := r.Start; p < r.End(); p += page {
				i := int(p-a.all().Start) / int(page)
				shadow[i] = a.word(i).Load()
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	var stop atomic.Bool
	var writers sync.WaitGroup
	for thread := range threads {
		writers.Go(func() {
			for i := 0; !stop.Load(); i++ {
				p := thread*perThread + i*7%perThread
				a.word(p).Add(1)
				if i%50 == 0 {
					if err := unix.Madvise(a.part(p, 1), unix.MADV_DONTNEED); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	for range testgate.Rounds(300, 20) {
		take()
	}
	stop.Store(true)
	writers.Wait()
	take()
	for i, got := range shadow {
		if want := a.word(i).Load(); got != want {
			t.Errorf("page %d: the copy has %d, the memory %d", i, got, want)
		}
	}
	a.want(t, tr, "in the end", "")
}

// Random operations beside a map that has a byte for each page.
func TestModel(t *testing.T) {
	seed := rand.Uint64()
	if s := os.Getenv("PAGESLOT_MODEL_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	random := rand.New(rand.NewPCG(seed, 0))
	tr := open(t)
	a := anon(t, 48)
	tracked, dirty := make([]bool, 48), make([]bool, 48)
	set := func(s []bool, from, n int, to bool) {
		for i := from; i < from+n; i++ {
			s[i] = to
		}
	}
	any := func(s []bool, from, n int, is bool) bool {
		for _, x := range s[from : from+n] {
			if x == is {
				return true
			}
		}
		return false
	}
	for op := range testgate.Rounds(3000, 200) {
		from := random.IntN(48)
		n := 1 + random.IntN(min(8, 48-from))
		var err error
		failed := func(what string) {
			t.Helper()
			t.Fatalf("seed %d, operation %d: %s %d from %d: %v", seed, op, what, n, from, err)
		}
		switch random.IntN(9) {
		case 0, 1, 2:
			for i := from; i < from+n; i++ {
				a.write(i)
			}
			set(dirty, from, n, true)
		case 3:
			a.advise(t, from, n, unix.MADV_DONTNEED)
			set(dirty, from, n, true)
		case 4:
			for i := from; i < from+n; i++ {
				a.read(i)
			}
		case 5:
			if err = tr.Add(a.span(from, n)); (err != nil) != any(tracked, from, n, true) {
				failed("add")
			}
			if err == nil {
				set(tracked, from, n, true)
				set(dirty, from, n, false)
			}
		case 6:
			if err = tr.Remove(a.span(from, n)); (err != nil) != any(tracked, from, n, false) {
				failed("remove")
			}
			if err == nil {
				set(tracked, from, n, false)
			}
		case 7:
			if random.IntN(8) == 0 {
				if err = tr.Reset(); err != nil {
					failed("reset")
				}
				clear(dirty)
			}
		}
		want := make([]bool, 48)
		for i := range want {
			want[i] = tracked[i] && dirty[i]
		}
		ask, name := tr.Dirty, "dirty"
		if op%5 == 0 {
			ask, name = tr.Collect, "collect"
			clear(dirty)
		}
		if got := a.ask(t, ask); got != draw(want) {
			t.Fatalf("seed %d, operation %d: %s: %q, want %q", seed, op, name, got, draw(want))
		}
	}
}

// Several goroutines ask at once, and Close comes in between.
func TestCloseWhileAsking(t *testing.T) {
	for range testgate.Rounds(30, 5) {
		tr, err := Open()
		need(t, err)
		a := anon(t, 32)
		add(t, tr, a.all())
		var asking sync.WaitGroup
		for range 3 {
			asking.Go(func() {
				room := buf()
				for tr.Collect(room, func(uffd.Range) error { return nil }) == nil {
					a.word(3).Add(1)
				}
			})
		}
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
		asking.Wait()
	}
}

func TestNoAllocation(t *testing.T) {
	tr := open(t)
	a := anon(t, 64)
	add(t, tr, a.all())
	room := make([]pagemap.Region, 8)
	found := uint64(0)
	f := func(r uffd.Range) error { found += r.Len; return nil }
	for what, call := range map[string]func() error{
		"Dirty":   func() error { return tr.Dirty(room, f) },
		"Collect": func() error { return tr.Collect(room, f) },
		"Reset":   tr.Reset,
	} {
		if n := testing.AllocsPerRun(20, func() {
			for i := 0; i < 64; i += 3 {
				a.write(i)
			}
			if err := call(); err != nil {
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
