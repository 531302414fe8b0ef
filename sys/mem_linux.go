package sys

import "golang.org/x/sys/unix"

// Munmap is munmap(2).
func Munmap(addr, length uintptr) error {
	return asError(unix.Syscall(SYS_MUNMAP, addr, length, 0))
}

// Mprotect is mprotect(2). prot is made of PROT_ constants.
func Mprotect(addr, length uintptr, prot int) error {
	return asError(unix.Syscall(SYS_MPROTECT, addr, length, uintptr(prot)))
}

// Madvise is madvise(2). advice is a MADV_ constant.
func Madvise(addr, length uintptr, advice int) error {
	return asError(unix.Syscall(SYS_MADVISE, addr, length, uintptr(advice)))
}

// Mremap is mremap(2). flags is made of MREMAP_ constants; newAddr is looked
// at with MREMAP_FIXED only (and is a hint with MREMAP_DONTUNMAP).
func Mremap(oldAddr, oldLen, newLen uintptr, flags int, newAddr uintptr) (uintptr, error) {
	return asAddress(unix.Syscall6(SYS_MREMAP, oldAddr, oldLen, newLen, uintptr(flags), newAddr, 0))
}

// Mseal is mseal(2): since Linux 6.10, on 64-bit kernels only (ENOSYS
// elsewhere). flags must be 0.
func Mseal(addr, length uintptr, flags uint) error {
	return asError(unix.Syscall(SYS_MSEAL, addr, length, uintptr(flags)))
}
