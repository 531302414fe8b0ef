//go:build !linux

package sys

import (
	"errors"
	"fmt"
	"unsafe"
)

// errNotLinux is what every call answers on a system that is not Linux.
var errNotLinux = fmt.Errorf("pageslot/sys: not a Linux system: %w", errors.ErrUnsupported)

// The calls that need no Linux type in their signature exist everywhere, so
// that code above them compiles everywhere.

// Mmap is mmap(2) on Linux; here it fails.
func Mmap(addr, length uintptr, prot, flags, fd int, offset int64) (uintptr, error) {
	return 0, errNotLinux
}

// Munmap is munmap(2) on Linux; here it fails.
func Munmap(addr, length uintptr) error { return errNotLinux }

// Mprotect is mprotect(2) on Linux; here it fails.
func Mprotect(addr, length uintptr, prot int) error { return errNotLinux }

// Madvise is madvise(2) on Linux; here it fails.
func Madvise(addr, length uintptr, advice int) error { return errNotLinux }

// Mremap is mremap(2) on Linux; here it fails.
func Mremap(oldAddr, oldLen, newLen uintptr, flags int, newAddr uintptr) (uintptr, error) {
	return 0, errNotLinux
}

// Mseal is mseal(2) on Linux; here it fails.
func Mseal(addr, length uintptr, flags uint) error { return errNotLinux }

// MemfdCreate is memfd_create(2) on Linux; here it fails.
func MemfdCreate(name string, flags uint) (int, error) { return -1, errNotLinux }

// MemfdSecret is memfd_secret(2) on Linux; here it fails.
func MemfdSecret(flags uint) (int, error) { return -1, errNotLinux }

// Fcntl is fcntl(2) on Linux; here it fails.
func Fcntl(fd, cmd, arg int) (int, error) { return -1, errNotLinux }

// PkeyAlloc is pkey_alloc(2) on Linux; here it fails.
func PkeyAlloc(flags, rights uint) (int, error) { return -1, errNotLinux }

// PkeyFree is pkey_free(2) on Linux; here it fails.
func PkeyFree(key int) error { return errNotLinux }

// PkeyMprotect is pkey_mprotect(2) on Linux; here it fails.
func PkeyMprotect(addr, length uintptr, prot, key int) error { return errNotLinux }

// Userfaultfd is userfaultfd(2) on Linux; here it fails.
func Userfaultfd(flags int) (int, error) { return -1, errNotLinux }

// Ioctl is ioctl(2) on Linux; here it fails.
func Ioctl(fd int, cmd uintptr, arg unsafe.Pointer) (int, error) { return -1, errNotLinux }

// IoctlInt is ioctl(2) on Linux; here it fails.
func IoctlInt(fd int, cmd uintptr, arg int) (int, error) { return -1, errNotLinux }

// PidfdOpen is pidfd_open(2) on Linux; here it fails.
func PidfdOpen(pid int, flags uint) (int, error) { return -1, errNotLinux }
