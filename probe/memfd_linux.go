package probe

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/memfd"
	"github.com/pageslot/pageslot/sys"
)

// The calls are sys's, not memfd.Create: that falls back to older flags, and the
// question is which the kernel takes.

// withFile makes a file, hands it to use and closes it.
func withFile(flags memfd.Flags, use func(fd int) Answer) Answer {
	fd, err := sys.MemfdCreate("pageslot-probe", uint(flags|memfd.CloseOnExec))
	switch {
	case err == nil:
		defer unix.Close(fd)
		return use(fd)
	case errors.Is(err, unix.EACCES):
		return refused("memfd_create: the sysctl vm.memfd_noexec is 2 and allows MFD_NOEXEC_SEAL only",
			"sysctl vm.memfd_noexec=1, or MFD_NOEXEC_SEAL, which package memfd asks for by itself")
	case flags&memfd.HugeTLB != 0 && (errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOENT)):
		return no(fmt.Sprintf("memfd_create with %v: this kernel or machine has no such huge pages (%v)", flags, err),
			"a kernel built with CONFIG_HUGETLBFS, on a machine that has them")
	}
	since := "Linux 3.17"
	switch {
	case flags&(memfd.Exec|memfd.NoExecSeal) != 0:
		since = "Linux 6.3"
	case flags&memfd.HugeTLB != 0:
		since = "Linux 4.14"
	}
	return judge(fmt.Sprintf("memfd_create with %v", flags), err, since, unix.EINVAL)
}

// memfdCreate makes a file with neither of the flags about execution, as older
// programs do, and looks at what came: vm.memfd_noexec decides.
func memfdCreate() Answer {
	a := withFile(0, func(fd int) Answer {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return unsure("fstat", err)
		}
		kind := "executable"
		if st.Mode&0o111 == 0 {
			kind = "not executable"
		}
		return yes(kind, fmt.Sprintf("mode %#o", st.Mode&0o7777))
	})
	if a.Verdict != No {
		return a
	}
	// Refused without a flag is still a yes for who gives one.
	if b := withFile(memfd.NoExecSeal, func(int) Answer { return yes("only with MFD_NOEXEC_SEAL") }); b.Verdict == Yes {
		b.Reason = a.Reason
		return b
	}
	return a
}

// newFile makes a file that can be sealed, whatever vm.memfd_noexec says.
func newFile(use func(fd int) Answer) Answer {
	a := withFile(memfd.AllowSealing, use)
	if a.Verdict == No {
		return withFile(memfd.AllowSealing|memfd.NoExecSeal, use)
	}
	return a
}

// memfdSeals adds each seal to a new file.
func memfdSeals() Answer {
	all := []memfd.Seals{memfd.SealShrink, memfd.SealGrow, memfd.SealWrite, memfd.SealFutureWrite, memfd.SealExec, memfd.SealSeal}
	var known, unknown memfd.Seals
	for _, s := range all {
		a := newFile(func(fd int) Answer {
			_, err := sys.Fcntl(fd, sys.F_ADD_SEALS, int(s))
			return judge(fmt.Sprintf("F_ADD_SEALS %v", s), err, "Linux 6.3", unix.EINVAL)
		})
		switch {
		case a.Verdict == Yes:
			known |= s
		case a.Verdict == No && s&memfd.ImageSeals == 0:
			unknown |= s
		default: // without the seals of images there are no images
			return a
		}
	}
	a := Answer{Verdict: Yes}
	for _, s := range all {
		if known&s != 0 {
			a.Values = append(a.Values, s.String())
		}
	}
	if unknown != 0 {
		a.Reason = fmt.Sprintf("not known here: %v; package memfd does without", unknown)
	}
	return a
}

// memfdNoExecSeal holds the kernel to what the flag says: no x bit, sealed so.
func memfdNoExecSeal() Answer {
	return withFile(memfd.NoExecSeal, func(fd int) Answer {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return unsure("fstat", err)
		}
		seals, err := sys.Fcntl(fd, sys.F_GET_SEALS, 0)
		if err != nil {
			return unsure("F_GET_SEALS", err)
		}
		if st.Mode&0o111 != 0 || memfd.Seals(seals)&memfd.SealExec == 0 {
			return no(fmt.Sprintf("the file has mode %#o and seals %v", st.Mode&0o7777, memfd.Seals(seals)), "")
		}
		return yes()
	})
}

func memfdExec() Answer {
	return withFile(memfd.Exec, func(int) Answer { return yes() })
}

// memfdHugeTLB asks for the default size and for every size that has a name.
func memfdHugeTLB() Answer {
	a := withFile(memfd.HugeTLB, func(int) Answer { return yes() })
	if a.Verdict != Yes {
		return a
	}
	for _, size := range []memfd.Flags{memfd.Huge64KB, memfd.Huge512KB, memfd.Huge1MB, memfd.Huge2MB, memfd.Huge8MB, memfd.Huge16MB,
		memfd.Huge32MB, memfd.Huge256MB, memfd.Huge512MB, memfd.Huge1GB, memfd.Huge2GB, memfd.Huge16GB} {
		if withFile(memfd.HugeTLB|size, func(int) Answer { return yes() }).Verdict == Yes {
			a.Values = append(a.Values, size.String())
		}
	}
	return a
}

// memfdHugePage maps one huge page, which the kernel sets aside then and there.
func memfdHugePage() Answer {
	return withFile(memfd.HugeTLB, func(fd int) Answer {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return unsure("fstat", err)
		}
		size := int(st.Blksize)
		if err := unix.Ftruncate(fd, int64(size)); err != nil {
			return unsure("ftruncate", err)
		}
		b, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if errors.Is(err, unix.ENOMEM) {
			return no("mmap: no huge page is free", "sysctl vm.nr_hugepages=16")
		}
		if err != nil {
			return unsure("mmap", err)
		}
		defer unix.Munmap(b)
		return yes(fmt.Sprintf("%d bytes", size))
	})
}

func memfdSecret() Answer {
	fd, err := sys.MemfdSecret(sys.O_CLOEXEC)
	if err == nil {
		unix.Close(fd)
	} else if errors.Is(err, unix.ENOSYS) {
		return no("memfd_secret: this kernel or port has no such call, or it is switched off",
			"Linux 5.14 or newer on 386, amd64, arm64, loong64, riscv64 or s390x; before 6.5, secretmem.enable=1 on the kernel's command line")
	}
	return judge("memfd_secret", err, "Linux 5.14", 0)
}
