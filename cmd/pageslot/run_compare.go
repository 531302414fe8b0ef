package main

import (
	"bytes"

	"github.com/pageslot/pageslot/internal/oracle"
)

// blockBytes is how much is compared at a time: it stays in a processor's nearest
// caches, and an interrupt is noticed between two.
const blockBytes = 64 << 10

// mismatch is the first byte that is not as the oracle says.
type mismatch struct {
	off       uint64
	want, got byte
}

// compare holds mem[from:to] against the oracle; buf is room for a block. It returns
// how many bytes it looked at, and the first that differs.
func compare(mem []byte, o oracle.Oracle, from, to uint64, buf []byte) (uint64, *mismatch) {
	for at := from; at < to; {
		n := min(uint64(len(buf)), to-at)
		want, got := buf[:n], mem[at:at+n]
		o.Fill(want, at)
		if !bytes.Equal(want, got) {
			return at + n - from, differ(at, want, got)
		}
		at += n
	}
	return to - from, nil
}

// differ finds the first byte in which two blocks differ. If none does any more,
// somebody else is writing, and the first one stands for it.
func differ(at uint64, want, got []byte) *mismatch {
	for i := range want {
		if g := got[i]; g != want[i] {
			return &mismatch{at + uint64(i), want[i], g}
		}
	}
	return &mismatch{at, want[0], want[0]}
}
