package sigbus

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// Do calls f. When f, or what it calls, faults in one of the regions, Do has the
// page provided by the region's Resolve and calls f again, from its beginning: f must be
// repeatable (see above). f is told the last fault. What f returns, Do returns.
// Of regions that overlap, the first has its way.
//
// f may do anything, also panic, end the goroutine with runtime.Goexit, and call Do.
// What it shares with other goroutines it must leave in order when an access
// faults: the panic runs its deferred calls.
//
// A call without a fault costs nanoseconds and allocates nothing. A fault costs a
// signal, unwinding the stack, and what Resolve does; the runtime allocates the value
// of the panic.
//
// Errors: what f returns, as it is; an [*Error] with the error of a Resolve, with
// [ErrPoisoned], with [ErrAgain]; EINVAL for a region that can't be one, and for a nil
// f.
func Do(f func(last Fault) error, regions ...Region) error {
	if err := check(f, regions); err != nil {
		return err
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	var last Fault
	var seen circle
	for {
		e := attempt(f, last, regions)
		switch e.how {
		case returned:
			return e.err
		case panickedNil: // a panic(nil) of old rules, which recover has taken
			panic(nil)
		}
		r := &regions[find(regions, e.address)]
		next := Fault{Address: e.address, Page: r.page(e.address), Range: r.Range, Number: last.Number + 1}
		if next.Page == last.Page {
			next.Repeats = last.Repeats + 1
		}
		// If the page is there, poison may be why that does not help.
		if next.Repeats == 1 {
			if err := poison(next.Page); err != nil {
				return unresolved(next, err)
			}
		}
		if n := seen.fault(next.Page.Start); n > r.patience() {
			return unresolved(next, fmt.Errorf("%w (%d times)", ErrAgain, n))
		}
		if err := r.Resolve(next); err != nil && !errors.Is(err, uffd.ErrExists) {
			if errors.Is(err, ErrPass) {
				panic(e.value)
			}
			return unresolved(next, err)
		}
		last = next
	}
}

// How a call of the function ended. The zero end is that of one that did not: it ended
// the goroutine.
type end struct {
	how     how
	err     error  // if it returned
	address uint64 // if it faulted
	value   any    // and what the panic's was
}

type how uint8

const (
	returned how = 1 + iota
	faulted
	panickedNil
)

// addressError is what the runtime panics with at a fault.
type addressError interface {
	runtime.Error
	Addr() uintptr
}

// attempt calls f. A panic that is not to be taken passes on from within the deferred
// call, where the stack below still is what it was: a traceback shows who panicked.
func attempt(f func(Fault) error, last Fault, regions []Region) (e end) {
	debug.SetPanicOnFault(true) // f may have changed it the last time
	defer func() {
		if e.how == returned {
			return
		}
		value := recover()
		if value == nil {
			e.how = panickedNil // or Goexit: then nobody sees it
			return
		}
		if fault, ok := value.(addressError); ok {
			if at := uint64(fault.Addr()); find(regions, at) >= 0 {
				e = end{how: faulted, address: at, value: value}
				return
			}
		}
		panic(value)
	}()
	err := f(last)
	return end{how: returned, err: err}
}

func check(f func(Fault) error, regions []Region) error {
	if f == nil {
		return &Error{Op: "do", Detail: "without a function", Err: unix.EINVAL}
	}
	for i := range regions {
		if odd := regions[i].oddity(); odd != "" {
			return &Error{Op: "do", Detail: fmt.Sprintf("with region %d, %v", i, regions[i].Range), Err: fmt.Errorf("%s: %w", odd, unix.EINVAL)}
		}
	}
	return nil
}
