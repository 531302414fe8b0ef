package selftests

import (
	"runtime"
	"testing"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/uffd"
)

// missingFault is the next message, which has to be about page i of a that is
// missing.
func missingFault(t testing.TB, d *uffd.Descriptor, a *area, i int, write bool) {
	t.Helper()
	f := nextFault(t, d)
	if f.Address != a.addr(i) || !f.Flags.Missing() || f.Flags.Has(uffd.FaultWrite) != write {
		t.Errorf("%v; want page %d at %#x, missing, write %v", f, i, a.addr(i), write)
	}
}

// COPY and ZEROPAGE resolve the faults of a reader and a writer.
func TestMissing(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 4)
		d := open(t, uffd.Options{})
		register(t, d, a.all(), uffd.ModeMissing)
		data := a.filled(4, 1)
		fill := func(i int, zero bool) {
			t.Helper()
			if zero && !k.huge() {
				if n, err := d.Zero(a.at(i), 0); n != a.page || err != nil {
					t.Fatalf("%d, %v", n, err)
				}
				clear(data[uint64(i)*a.page:][:a.page])
			} else if n, err := d.Copy(a.addr(i), data[uint64(i)*a.page:][:a.page], 0); uint64(n) != a.page || err != nil {
				t.Fatalf("%d, %v", n, err)
			}
		}
		for i := range 4 {
			zero, write := i%2 == 1, i >= 2
			if write {
				w := writes(t, a.addr(i)+7, 42)
				missingFault(t, d, a, i, true)
				w.stuck()
				fill(i, zero)
				w.ended()
				data[uint64(i)*a.page+7] = 42
			} else {
				r := reads(t, a.addr(i)+7)
				missingFault(t, d, a, i, false)
				r.stuck()
				fill(i, zero)
				r.saw(data[uint64(i)*a.page+7])
			}
		}
		noEvent(t, d)
		holds(t, "all", a.all(), data)
	})
}

// Several wait for one page, each is told of, and one COPY wakes all.
func TestManyWaitForOnePage(t *testing.T) {
	a := newArea(t, anon, 2)
	d := open(t, uffd.Options{})
	register(t, d, a.all(), uffd.ModeMissing)
	waiters := []*visitor{reads(t, a.addr(0)), reads(t, a.addr(0)), reads(t, a.addr(0))}
	for range waiters {
		missingFault(t, d, a, 0, false)
	}
	other := reads(t, a.addr(1))
	missingFault(t, d, a, 1, false)
	data := a.filled(2, 1)
	if _, err := d.Copy(a.addr(0), data[:a.page], 0); err != nil {
		t.Fatal(err)
	}
	for _, w := range waiters {
		w.saw(data[0])
	}
	other.stuck()
	if _, err := d.Copy(a.addr(1), data[a.page:], 0); err != nil {
		t.Fatal(err)
	}
	other.saw(data[a.page])
}

// With DONTWAKE the page is there and its waiter sleeps until the WAKE.
func TestDontWake(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 2)
		d := open(t, uffd.Options{})
		register(t, d, a.all(), uffd.ModeMissing)
		data := a.filled(1, 1)
		for i, call := range []string{"Copy", "Zero"} {
			if call == "Zero" && k.huge() {
				continue
			}
			w := reads(t, a.addr(i))
			missingFault(t, d, a, i, false)
			var err error
			want := data[0]
			if call == "Copy" {
				_, err = d.Copy(a.addr(i), data, uffd.DontWake)
			} else {
				_, err = d.Zero(a.at(i), uffd.DontWake)
				want = 0
			}
			if err != nil {
				t.Fatalf("%s: %v", call, err)
			}
			w.stuck()
			// Who comes now finds the page.
			reads(t, a.addr(i)).saw(want)
			w.stuck()
			if err := d.Wake(a.at(1 - i)); err != nil {
				t.Error(err)
			}
			w.stuck()
			if err := d.Wake(a.at(i)); err != nil {
				t.Error(err)
			}
			w.saw(want)
		}
		noEvent(t, d)
	})
}

// Woken without a page, the access faults again.
func TestWakeWithoutPage(t *testing.T) {
	a := newArea(t, anon, 1)
	d := open(t, uffd.Options{})
	register(t, d, a.all(), uffd.ModeMissing)
	w := reads(t, a.addr(0))
	for range 3 {
		missingFault(t, d, a, 0, false)
		if err := d.Wake(a.all()); err != nil {
			t.Error(err)
		}
	}
	missingFault(t, d, a, 0, false)
	data := a.filled(1, 1)
	if _, err := d.Copy(a.addr(0), data, 0); err != nil {
		t.Error(err)
	}
	w.saw(data[0])
}

// A page that somebody else filled: COPY says EEXIST and does not wake, CopyAll
// that skips does.
func TestExistsAndWaiter(t *testing.T) {
	a := newArea(t, shmem, 1)
	d := open(t, uffd.Options{})
	register(t, d, a.all(), uffd.ModeMissing)
	w := reads(t, a.addr(0))
	missingFault(t, d, a, 0, false)
	a.alias[0] = 42
	w.stuck()
	data := a.filled(1, 1)
	if _, err := d.Copy(a.addr(0), data, 0); err == nil {
		t.Error("COPY onto a page")
	}
	w.stuck()
	if n, err := d.CopyAll(a.addr(0), data, 0, uffd.Retry{Exist: uffd.ExistSkip}); n != len(data) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	w.saw(42)
}

// Who waits when a range is unregistered, or the descriptor closed, goes on and
// finds zeros.
func TestEndsWithWaiter(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		for _, how := range []string{"Unregister", "Close"} {
			t.Run(how, func(t *testing.T) {
				a := newArea(t, k, 2)
				d := open(t, uffd.Options{})
				register(t, d, a.all(), uffd.ModeMissing)
				r := visit(t, rawproc.Load(a.addr(0)), rawproc.Load(a.addr(1)))
				missingFault(t, d, a, 0, false)
				var err error
				if how == "Close" {
					err = d.Close()
				} else {
					err = d.Unregister(a.all())
				}
				if err != nil {
					t.Error(err)
				}
				if got := r.result(0); got != 0 {
					t.Errorf("it read %#x", got)
				}
				r.ended()
			})
		}
	})
}

// EXACT_ADDRESS and THREAD_ID tell where in the page, and who.
func TestFaultDetails(t *testing.T) {
	a := newArea(t, anon, 1)
	d := open(t, uffd.Options{Wanted: uffd.FeatureExactAddress | uffd.FeatureThreadID})
	register(t, d, a.all(), uffd.ModeMissing)
	const within = 123
	r := reads(t, a.addr(0)+within)
	want := uffd.Fault{Address: a.addr(0)}
	if d.Enabled().Has(uffd.FeatureExactAddress) {
		want.Address += within
	}
	if d.Enabled().Has(uffd.FeatureThreadID) {
		want.Thread = uint32(r.p.Pid())
	}
	got := nextFault(t, d)
	if (runtime.GOARCH == "s390x" || runtime.GOARCH == "arm") && got.Address == a.addr(0) {
		want.Address = a.addr(0) // the kernel itself looks at the page alone
	}
	if got != want {
		t.Errorf("%v; want %v", got, want)
	}
	if _, err := d.Zero(a.at(0), 0); err != nil {
		t.Error(err)
	}
	r.saw(0)
}
