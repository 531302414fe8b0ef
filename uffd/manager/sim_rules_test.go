package manager

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pageslot/pageslot/uffd"
)

// A page that was filled in the same round, given up and touched again is not taken
// for filled.
func TestFilledAndGivenUpInOneRound(t *testing.T) {
	w := &world{}
	stage := newStage(w, Options{Granule: 8 * systemPage})
	s := w.newSim(t)
	p := stage.add(s, Region{Range: at(0, 16), Source: patternSource{}})
	s.touch(1 * systemPage)
	s.touch(9 * systemPage)
	w.between = func() {
		if s.present[systemPage] && !s.present[9*systemPage] && len(s.queue) == 0 && !s.truth[2*systemPage].zero {
			s.remove(at(0, 4))
			s.touch(2 * systemPage)
		}
	}
	stage.serve(p)
	stage.settle(t)
	if got := stage.stats.snapshot(); got.Removes != 1 || got.Changing != 1 || got.Missing != 3 {
		t.Errorf("%+v", got)
	}
}

// So it is where the process cannot tell that it gave the page up, or that another
// page of the round has gone.
func TestFilledAndGivenUpUnheard(t *testing.T) {
	w := &world{}
	stage := newStage(w, Options{Granule: 8 * systemPage})
	s := w.newSim(t)
	p := stage.add(s, Region{Range: at(0, 16), Source: patternSource{}})
	s.touch(1 * systemPage)
	s.touch(9 * systemPage)
	w.between = func() {
		if s.present[systemPage] && s.waiting[9*systemPage] {
			s.truth.unmap(at(9, 1))
			if s.present[2*systemPage] {
				s.drop(at(2, 1))
				s.touch(2 * systemPage)
			}
		}
	}
	stage.serve(p)
	for len(s.faults) > 0 {
		stage.serve(p)
	}
	if len(s.waiting) != 0 {
		t.Errorf("somebody waits for ever: %v", s.waiting)
	}
}

// A panic of OnFork costs the calls that were due, and nothing later.
func TestPanicOfOnFork(t *testing.T) {
	w := &world{}
	panics, calls := true, 0
	stage := newStage(w, Options{OnFork: func(parent, child ID) {
		if calls++; panics {
			panic("on purpose")
		}
	}})
	s := w.newSim(t)
	p := stage.add(s, Region{Range: at(0, 16), Source: patternSource{}})
	s.fork()
	s.fork()
	func() {
		defer func() { _ = recover() }()
		stage.serve(p)
	}()
	panics = false
	s.fork()
	stage.serve(p)
	if calls != 2 || len(stage.processes) != 4 {
		t.Errorf("%d calls, %d processes", calls, len(stage.processes))
	}
}

// A forked process that cannot be watched is told of, served, and watched later.
func TestUnwatched(t *testing.T) {
	w := &world{blind: 3}
	var failures []Failure
	stage := newStage(w, Options{OnError: func(f Failure) Action {
		failures = append(failures, f)
		return Leave
	}})
	s := w.newSim(t)
	p := stage.add(s, Region{Range: at(0, 16), Source: patternSource{}})
	child := s.fork()
	stage.serve(p)
	if len(failures) != 1 || failures[0].Process != 2 || failures[0].Page.Len != 0 || !errors.Is(failures[0].Err, syscall.ENOSPC) {
		t.Errorf("%+v", failures)
	}
	child.touch(0)
	for w.blind > 0 {
		w.now = w.now.Add(20 * time.Millisecond)
		if stage.again() < 0 {
			t.Fatal("it is not looked at again")
		}
	}
	if len(child.waiting) > 0 {
		t.Error("it is not served")
	}
	w.now = w.now.Add(20 * time.Millisecond)
	if wait := stage.again(); wait >= 0 || len(failures) != 1 {
		t.Errorf("%v, %+v", wait, failures)
	}
}

// All events are read before the first fault is resolved, though faults come first
// and fill the first batch.
func TestEventsComeFirst(t *testing.T) {
	w := &world{}
	stage := newStage(w, Options{Granule: 1})
	s := w.newSim(t)
	p := stage.add(s, Region{Range: at(0, 16), Source: patternSource{}})
	for i := range uint64(6) {
		s.touch(i * systemPage)
	}
	s.remove(at(0, 16))
	stage.serve(p)
	if got := stage.stats.snapshot(); got.Changing != 0 || got.Zeroed != 6*systemPage || len(s.waiting) != 0 {
		t.Errorf("%+v", got)
	}
}

// Signals make an access fault again while its page is put off. However many come, the
// source is asked when its time has come, and once.
func TestRetryDespiteSignals(t *testing.T) {
	w := &world{}
	failed, broken := 0, true
	stage := newStage(w, Options{Granule: 1, OnError: func(f Failure) Action {
		if f.Tries != failed {
			t.Errorf("%d tries, want %d", f.Tries, failed)
		}
		failed++
		return Retry
	}})
	s := w.newSim(t)
	p := stage.add(s, Region{Range: at(0, 16), Source: sometimes{broken: &broken}})
	for i := range 4 {
		for range 100 {
			s.touch(systemPage)
			stage.serve(p)
		}
		if failed != i+1 || len(p.faults) != 1 {
			t.Fatalf("%d failures, %d faults are kept", failed, len(p.faults))
		}
		w.now = w.now.Add(time.Second)
		stage.again()
	}
	broken = false
	w.now = w.now.Add(time.Second)
	stage.again()
	stage.settle(t)
	if failed != 5 || len(p.faults) != 0 {
		t.Errorf("%d failures, %d faults are kept", failed, len(p.faults))
	}
}

// A fault that was put off is about a page that goes meanwhile.
func TestRetryOfWhatHasGone(t *testing.T) {
	w := &world{}
	failed := 0
	stage := newStage(w, Options{OnError: func(f Failure) Action {
		if f.Page != at(1, 1) || f.Tries != failed || !errors.Is(f.Err, io.ErrUnexpectedEOF) {
			t.Errorf("%+v", f)
		}
		failed++
		return Retry
	}})
	s := w.newSim(t)
	p := stage.add(s, Region{Range: at(0, 16), Source: strings.NewReader("")})
	s.touch(systemPage)
	stage.serve(p)
	if failed != 1 || len(p.faults) != 1 {
		t.Fatalf("%d failures, %d faults are left", failed, len(p.faults))
	}
	w.now = w.now.Add(5 * time.Millisecond)
	stage.again()
	if failed != 2 {
		t.Fatalf("%d failures", failed)
	}
	s.unmap(at(0, 16))
	stage.serve(p) // reads the event; the fault's time has not come
	if len(p.faults) != 1 {
		t.Fatal("the fault is lost")
	}
	stage.settle(t)
	if got := stage.stats.snapshot(); failed != 2 || got.Retried != 2 || got.Stale != 1 || got.Left+got.Poisoned != 0 {
		t.Errorf("%d failures: %+v", failed, got)
	}
}

// What becomes of a page that cannot be had.
func TestActions(t *testing.T) {
	for _, test := range []struct {
		name    string
		action  Action
		poison  error // of the call
		want    Stats
		waiting bool
	}{
		{"poison", Poison, nil, Stats{Errors: 1, Poisoned: 1}, false},
		{"poison, page is there", Poison, errExists, Stats{Errors: 1, Exists: 1}, false},
		{"poison, layout changed", Poison, errLayout, Stats{Errors: 2, Stale: 1, Poisoned: 1, Missing: 1}, false},
		{"poison, changing", Poison, errChanging, Stats{Errors: 2, Changing: 1, Poisoned: 1}, false},
		{"poison, gone", Poison, errGone, Stats{Errors: 1, Gone: 1}, false},
		{"no poison", Poison, syscall.EINVAL, Stats{Errors: 2, Left: 1}, true},
		{"kill", Kill, nil, Stats{Errors: 1, Killed: 1}, false},
		{"leave", Leave, nil, Stats{Errors: 1, Left: 1}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &world{at: 2, err: test.poison}
			stage := newStage(w, Options{OnError: func(Failure) Action { return test.action }})
			s := w.newSim(t)
			p := stage.add(s, Region{Range: at(0, 16), Source: failing{errors.New("no luck")}})
			s.touch(systemPage)
			w.between = func() { s.present[systemPage] = test.poison == errExists }
			stage.serve(p)
			s.parked = test.waiting
			stage.settle(t)
			if waits := s.waiting[systemPage]; waits != test.waiting {
				t.Errorf("waits: %v", waits)
			}
			test.want.Missing++
			if got := stage.stats.snapshot(); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}

// Pages that are protected before they are there: zeros come all the same, and what
// fails does fail. Whatever error comes at whatever step, nobody waits for ever.
func TestMarks(t *testing.T) {
	for _, err := range []error{nil, errChanging, errExists, errLayout, errGone, syscall.EINVAL} {
		for step := range 30 {
			w := &world{at: step, err: err}
			stage := newStage(w, Options{Granule: 4 * systemPage})
			s := w.newSim(t)
			s.marks = map[uint64]bool{systemPage: true, 3 * systemPage: true, 9 * systemPage: true}
			p := stage.add(s, Region{Range: at(0, 8)}, Region{Range: at(8, 8), Source: failing{errors.New("no luck")}})
			s.touch(systemPage)
			s.touch(9 * systemPage)
			stage.serve(p)
			s.parked = err == syscall.EINVAL // poison is refused so
			stage.settle(t)
			got := stage.stats.snapshot()
			if len(s.waiting) > int(got.Left) || w.calls > 60 {
				t.Errorf("%v at step %d, %d calls: %v waits, %+v", err, step, w.calls, s.waiting, got)
			}
			if err == nil && (got.Zeroed != 4*systemPage || got.Poisoned != 1 || len(s.marks) != 0) {
				t.Errorf("%+v, marks %v", got, s.marks)
			}
		}
	}
}

// A fault where nothing was told.
func TestOutside(t *testing.T) {
	for _, o := range []Outside{OutsideFails, OutsideIsZero} {
		w := &world{}
		stage := newStage(w, Options{Outside: o})
		s := w.newSim(t)
		p := stage.add(s, Region{Range: at(0, 4), Source: patternSource{}})
		s.truth[4*systemPage] = place{zero: true}
		s.touch(4 * systemPage)
		stage.serve(p)
		got, want := stage.stats.snapshot(), Stats{Missing: 1, Errors: 1, Poisoned: 1}
		if o == OutsideIsZero {
			want = Stats{Missing: 1, Zeroed: systemPage}
		}
		if got != want || len(s.waiting) != 0 {
			t.Errorf("%v: %+v, want %+v", o, got, want)
		}
	}
}

// In the steady state a fault allocates nothing.
func TestServingAllocatesNothing(t *testing.T) {
	p := systemPage
	quiet := &quiet{}
	w := &world{}
	stage := newStage(w, Options{})
	l, err := newLayout([]Region{{Range: uffd.Range{Start: 1 << 30, Len: 1 << 29}, Source: patternSource{}}})
	if err != nil {
		t.Fatal(err)
	}
	l.remove(uffd.Range{Start: 1<<30 + 1<<28, Len: 1 << 28})
	process := &process{id: 1, pidfd: -1, calls: quiet, layout: l}
	next := uint64(1 << 30)
	round := func() {
		for i := range quiet.queue {
			quiet.queue[i] = event{kind: uffd.EventPagefault, fault: uffd.Fault{Address: next + uint64(i)*1<<28}}
		}
		quiet.unread = true
		next += p
		stage.serve(process)
	}
	round()
	if n := testing.AllocsPerRun(500, round); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if s := stage.stats.snapshot(); s.Copied != s.Zeroed || s.Copied == 0 {
		t.Errorf("%+v", s)
	}
}

// quiet takes everything.
type quiet struct {
	sim
	queue  [2]event
	unread bool
}

func (q *quiet) events(into []event) (int, error) {
	if !q.unread {
		return 0, syscall.EAGAIN
	}
	q.unread = false
	return copy(into, q.queue[:]), nil
}
func (q *quiet) Copy(dst uint64, src []byte, flags uffd.Flags) (int, error) { return len(src), nil }
func (q *quiet) Zero(r uffd.Range, flags uffd.Flags) (uint64, error)        { return r.Len, nil }
func (q *quiet) WriteUnprotect(r uffd.Range, flags uffd.Flags) error        { return nil }
func (q *quiet) Continue(r uffd.Range, flags uffd.Flags) (uint64, error)    { return r.Len, nil }
