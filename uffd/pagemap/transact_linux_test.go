package pagemap

import (
	"maps"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

// Threads write while scans collect. Every round each thread writes some pages, and
// scans run meanwhile. What was written in the round is found by one of them or by the
// one after the round, or an update was lost. (Finding a page twice is right: a
// fault that the kernel has dealt with is protected again before the write that
// caused it is tried again.)
func TestTransact(t *testing.T) {
	const threads, perThread, accessed = 6, 32, 8
	m, d := open(t), async(t)
	a := anon(t, threads*perThread)
	arm(t, d, a.all())
	a.fill(0)
	into := make([]Region, a.pages())
	reset := func() (found map[uint64]bool) {
		n, _, err := m.Scan(a.all(), collect, into)
		if err != nil {
			t.Error(err)
		}
		found = map[uint64]bool{}
		for _, r := range into[:n] {
			if r.Categories != Written {
				t.Errorf("%v", r)
			}
			for p := r.Start; p < r.End; p += pageSize {
				found[p] = true
			}
		}
		return found
	}
	if n := len(reset()); n != a.pages() {
		t.Errorf("%d pages, want %d", n, a.pages())
	}
	if n := len(reset()); n != 0 {
		t.Errorf("%d pages, want none", n)
	}

	twice := 0
	for round := range testgate.Rounds(1000, 40) {
		var begin, end sync.WaitGroup
		begin.Add(1)
		for thread := range threads {
			end.Go(func() {
				begin.Wait()
				for i := range accessed {
					a.word(thread*perThread + i).Add(1)
				}
			})
		}
		begin.Done()
		first := map[uint64]bool{}
		for range 4 {
			maps.Copy(first, reset())
			runtime.Gosched()
		}
		end.Wait()
		second := reset()
		if t.Failed() {
			return
		}
		for thread := range threads {
			for i := range perThread {
				p := a.addr(thread*perThread + i)
				switch in1, in2 := first[p], second[p]; {
				case i < accessed && !in1 && !in2:
					t.Fatalf("round %d: the write to %#x was lost", round, p)
				case i >= accessed && (in1 || in2):
					t.Fatalf("round %d: %#x was found, and nobody wrote to it", round, p)
				case in1 && in2:
					twice++
				}
			}
		}
	}
	t.Logf("found twice: %d", twice)
}

// The same by contents: a copy that takes over the pages that each scan finds, while
// threads go on writing, is equal to the memory in the end.
func TestCopyKeepsUp(t *testing.T) {
	const threads, perThread = 4, 16
	m, d := open(t), async(t)
	a := anon(t, threads*perThread)
	arm(t, d, a.all())
	shadow := make([]uint64, a.pages())
	buf := make([]Region, 5)
	take := func() {
		err := m.Walk(a.all(), collect, buf, func(r Region) error {
			for p := r.Start; p < r.End; p += pageSize {
				i := int(p-a.all().Start) / int(pageSize)
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
			for i := 0; !stop.Load(); i = (i + 7) % perThread {
				a.word(thread*perThread + i).Add(1)
			}
		})
	}
	for range testgate.Rounds(500, 30) {
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
}
