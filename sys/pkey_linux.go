package sys

import "golang.org/x/sys/unix"

// PkeyAlloc is pkey_alloc(2): flags must be 0, rights is made of PKEY_
// constants and applies to the calling thread only.
func PkeyAlloc(flags, rights uint) (int, error) {
	return asInt(unix.Syscall(SYS_PKEY_ALLOC, uintptr(flags), uintptr(rights), 0))
}

// PkeyFree is pkey_free(2). The kernel frees a key that is still in use, and
// key 0 too: the caller must know better.
func PkeyFree(key int) error {
	return asError(unix.Syscall(SYS_PKEY_FREE, uintptr(key), 0, 0))
}

// PkeyMprotect is pkey_mprotect(2). With key -1 it is mprotect(2).
func PkeyMprotect(addr, length uintptr, prot, key int) error {
	return asError(unix.Syscall6(SYS_PKEY_MPROTECT, addr, length, uintptr(prot), uintptr(key), 0, 0))
}
