package rawproc_test

import (
	"sync/atomic"
	"unsafe"
)

// address is where the memory of a mapping lies.
func address(mem []byte) uint64 { return uint64(uintptr(unsafe.Pointer(&mem[0]))) }

// loadWord and storeWord are the other side of Set and Await.
func loadWord(mem []byte) uint32 { return atomic.LoadUint32((*uint32)(unsafe.Pointer(&mem[0]))) }

func storeWord(mem []byte, value uint32) {
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&mem[0])), value)
}

// storeVector writes a struct iovec.
func storeVector(mem []byte, base, length uint64) {
	v := (*[2]uintptr)(unsafe.Pointer(&mem[0]))
	v[0], v[1] = uintptr(base), uintptr(length)
}
