package sys

// The parts of an ioctl command. They are cut differently on mips* and ppc64*.

// IocNr returns the number of a command among those of its type. Bit IocNr(c)
// stands for c in the sets that userfaultfd returns: UffdioApi.Ioctls and
// UffdioRegister.Ioctls.
func IocNr(cmd uintptr) uint { return uint(cmd>>_IOC_NRSHIFT) & _IOC_NRMASK }

// IocType returns the type of a command: 0xAA for userfaultfd's.
func IocType(cmd uintptr) uint { return uint(cmd>>_IOC_TYPESHIFT) & _IOC_TYPEMASK }

// IocSize returns the size of a command's argument in bytes.
func IocSize(cmd uintptr) uint { return uint(cmd>>_IOC_SIZESHIFT) & _IOC_SIZEMASK }

// IocReads says whether the kernel writes to the argument of a command.
func IocReads(cmd uintptr) bool { return cmd>>_IOC_DIRSHIFT&_IOC_READ != 0 }

// IocWrites says whether the kernel reads the argument of a command.
func IocWrites(cmd uintptr) bool { return cmd>>_IOC_DIRSHIFT&_IOC_WRITE != 0 }
