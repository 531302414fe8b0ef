package highlevel

import "runtime/debug"

// A View is a lease's memory inside [Lease.Do].
type View struct {
	lease Lease
	e     *entry
}

// Bytes is the lease's memory now: after a Grow it is longer, and begins where it began.
// It must not be used after Do has returned: the slot may be somebody else's then.
func (v View) Bytes() []byte { return v.e.slot.bytes(v.e.length.Load()) }

// Len is the lease's size in bytes now.
func (v View) Len() uint64 { return v.e.length.Load() }

// Base is the address of the first byte.
func (v View) Base() uintptr { return v.e.slot.base }

// Slot is the number of the leased slot in the pool.
func (v View) Slot() int { return v.e.index }

// Grow is [Lease.Grow].
func (v View) Grow(size uint64) error { return v.lease.Grow(size) }

// Do calls f with the lease's memory. While it runs, the lease can't end: a Release is
// [ErrBusy].
//
// An access that faults in the pool's memory ends f, and Do returns a [*FaultError]: f's
// deferred functions run, as in a panic. Every other panic, a runtime.Goexit too, passes
// through Do and leaves the pool sound. It works by runtime/debug.SetPanicOnFault, which
// is a goroutine's: a fault in a goroutine that f starts ends the program. A copy that
// faults may have moved some of its bytes.
//
// Do costs some tens of nanoseconds and allocates nothing unless there is a fault.
func (l Lease) Do(f func(View) error) (err error) {
	e, err := l.hold()
	if err != nil {
		return err
	}
	defer e.done(debug.SetPanicOnFault(true), &err)
	return f(View{l, e})
}

// done is Do's end. It is deferred itself, for only such a function can recover.
func (e *entry) done(panicOnFault bool, err *error) {
	debug.SetPanicOnFault(panicOnFault)
	r := recover()
	if r == nil {
		e.leave()
		return
	}
	f := e.pool.fault(e, r)
	e.leave()
	if f == nil {
		panic(r)
	}
	*err = f
}
