package testgate

import "testing"

// Rounds is full, and short under -short. It is for tests that repeat
// themselves: with fewer rounds they are worth less, and not nothing, which a
// skip is. An emulated machine is a hundred times slower than its host.
func Rounds[N int | uint64](full, short N) N {
	if testing.Short() {
		return short
	}
	return full
}
