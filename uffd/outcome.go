package uffd

// COPY, ZEROPAGE, MOVE, CONTINUE and POISON report in a signed field how far they
// came. It is easily read wrong: a kernel writes a negative errno into it, or
// leaves it as it was. So there is one rule for all five.
//
// unwritten is put into the field before the call. It is no count and no errno
// that a kernel could write.
const unwritten = -1 << 63

// progress is how many of length bytes were done: field is what the call left
// there, and failed whether it returned an error.
//
// A call that returned without an error did everything. One that failed came as
// far as a field that is above 0 and not above length says; whatever else the
// field holds (a negative errno, what was there before), nothing was done.
func progress(length uint64, field int64, failed bool) uint64 {
	switch {
	case !failed:
		return length
	case field > 0 && uint64(field) <= length:
		return uint64(field)
	}
	return 0
}
