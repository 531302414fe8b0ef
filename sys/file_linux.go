package sys

import "golang.org/x/sys/unix"

// MemfdSecret is memfd_secret(2): since Linux 5.14, and ENOSYS where the
// kernel has it switched off or the port has no such call (arm, mips*, ppc64*).
// Its only flag is O_CLOEXEC.
func MemfdSecret(flags uint) (int, error) {
	if nrMemfdSecret == noSyscall {
		return -1, unix.ENOSYS
	}
	return asInt(unix.Syscall(nrMemfdSecret, uintptr(flags), 0, 0))
}

// Fcntl is fcntl(2) for the commands whose argument is a number, such as
// F_ADD_SEALS and F_GET_SEALS.
func Fcntl(fd, cmd, arg int) (int, error) {
	return asInt(unix.Syscall(nrFcntl, uintptr(fd), uintptr(cmd), uintptr(arg)))
}
