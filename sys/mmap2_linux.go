//go:build linux && (386 || arm || mips || mipsle)

package sys

import "golang.org/x/sys/unix"

// mmap2Unit is what mmap2(2) counts offsets in. It is not the page size: a
// kernel with larger pages counts in 4096 bytes all the same.
const mmap2Unit = 4096

// Mmap is mmap(2), by way of mmap2(2): a word of these ports is too small for
// an offset in bytes. prot is made of PROT_ constants, flags of MAP_ constants,
// offset is in bytes and must be a multiple of the page size (EINVAL), and
// below 16 TiB (EOVERFLOW).
func Mmap(addr, length uintptr, prot, flags, fd int, offset int64) (uintptr, error) {
	if offset%mmap2Unit != 0 {
		return 0, unix.EINVAL
	}
	unit := offset / mmap2Unit
	if unit != int64(uint32(unit)) {
		return 0, unix.EOVERFLOW
	}
	return asAddress(unix.Syscall6(SYS_MMAP2, addr, length, uintptr(prot), uintptr(flags), uintptr(fd), uintptr(unit)))
}
