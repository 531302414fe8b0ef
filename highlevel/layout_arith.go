package highlevel

import "math/bits"

// roundUp returns n rounded up to a multiple of page, a power of two, and
// whether that is at most limit.
func roundUp(n, page, limit uint64) (uint64, bool) {
	sum, ok := add(n, page-1, ^uint64(0))
	if !ok {
		return 0, false
	}
	sum &^= page - 1
	return sum, sum <= limit
}

// add returns a+b and whether it is at most limit.
func add(a, b, limit uint64) (uint64, bool) {
	sum, carry := bits.Add64(a, b, 0)
	return sum, carry == 0 && sum <= limit
}

// saturatingAdd returns a+b, or the largest number where that overflows. It is
// for figures in messages only.
func saturatingAdd(a, b uint64) uint64 {
	if sum, ok := add(a, b, ^uint64(0)); ok {
		return sum
	}
	return ^uint64(0)
}

// ceilDiv returns a/b rounded up; b is not 0.
func ceilDiv(a, b uint64) uint64 {
	q := a / b
	if a%b != 0 {
		q++
	}
	return q
}
