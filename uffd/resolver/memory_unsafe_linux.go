package resolver

import (
	"sync/atomic"
	"unsafe"

	"github.com/pageslot/pageslot/uffd"
)

// addressOf is where a slice lies. The thread reads it there: the rule keeps it alive,
// and what a rule refers to lies on no stack, so it does not move.
func addressOf(b []byte) uffd.Range {
	return uffd.Range{Start: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))), Len: uint64(len(b))}
}

func (n *notes) setLive(bytes uint64) {
	atomic.StoreUint64((*uint64)(unsafe.Pointer(&n.mem[0])), bytes)
}

func (n *notes) addLive(bytes uint64) { atomic.AddUint64((*uint64)(unsafe.Pointer(&n.mem[0])), bytes) }

func (n *notes) live() uint64 { return atomic.LoadUint64((*uint64)(unsafe.Pointer(&n.mem[0]))) }

// takeWord reads eight notes and takes them away. A thread may write one at the same
// time, which is then here or still there.
func takeWord(b []byte) (word [8]byte, some bool) {
	p := (*uint64)(unsafe.Pointer(&b[:8][0]))
	if atomic.LoadUint64(p) == 0 {
		return word, false
	}
	v := atomic.SwapUint64(p, 0)
	return *(*[8]byte)(unsafe.Pointer(&v)), true
}
