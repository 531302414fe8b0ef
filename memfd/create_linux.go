package memfd

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// Create makes an empty file in memory: memfd_create(2), Linux 3.17. The name is
// for people: it shows in /proc/self/maps and need not be unique; the kernel
// takes up to 249 bytes without a zero byte.
//
// If flags have neither Exec nor NoExecSeal, the file is made as with
// NoExecSeal on kernels that know it (6.3), since memory is data unless somebody
// says otherwise, and as kernels always made it on those that do not. With
// NoExecSeal on such a kernel the error wraps errors.ErrUnsupported; with Exec
// the flag is left out there, because all files are so. NoExecSeal implies
// AllowSealing, as in the kernel; a file for which neither was asked has
// SealSeal.
//
// Errors: EINVAL (name, unknown flag, both exec flags, a size without HugeTLB),
// EACCES (Exec where vm.memfd_noexec is 2), ENODEV (no such huge pages), EMFILE,
// ENFILE, ENOMEM, ENOSYS.
func Create(name string, flags Flags) (*File, error) {
	n, asked, err := create(sys.MemfdCreate, name, flags|CloseOnExec)
	if err != nil {
		return nil, &Error{Op: "memfd_create", Name: name, Detail: createDetail(name, asked, err), Err: err}
	}
	f := &File{name: name, page: int64(os.Getpagesize())}
	f.fd.Own(n)
	if err := f.settle(flags, asked); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// create makes the descriptor with call, which is memfd_create(2), and returns
// the flags that it asked for last.
func create(call func(string, uint) (int, error), name string, flags Flags) (n int, asked Flags, err error) {
	const execFlags = Exec | NoExecSeal
	asked = flags
	if flags&execFlags == 0 {
		asked |= NoExecSeal
	}
	n, err = call(name, uint(asked))
	if !errors.Is(err, unix.EINVAL) {
		return n, asked, err
	}
	// The kernel is older than both flags, or something else is wrong. Without
	// them it says which.
	n, plain := call(name, uint(flags&^execFlags))
	switch {
	case plain != nil && !errors.Is(plain, unix.EINVAL):
		return -1, flags &^ execFlags, plain
	case plain != nil:
		return -1, asked, err
	case flags&execFlags == NoExecSeal:
		_ = unix.Close(n)
		return -1, asked, noExecSealUnknown
	case flags&execFlags == execFlags: // nonsense on any kernel
		_ = unix.Close(n)
		return -1, asked, err
	}
	return n, flags &^ execFlags, nil
}

var noExecSealUnknown = fmt.Errorf("this kernel does not know MFD_NOEXEC_SEAL (Linux 6.3): %w", errors.ErrUnsupported)

// settle does what depends on what was asked for and what came of it.
func (f *File) settle(wanted, asked Flags) error {
	if wanted&(AllowSealing|NoExecSeal) == 0 && asked&NoExecSeal != 0 {
		if err := f.AddSeals(SealSeal); err != nil {
			return err
		}
	}
	if wanted&HugeTLB == 0 {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(f.fd.Number(), &st); err != nil {
		return &Error{Op: "fstat", Name: f.name, Err: err}
	}
	f.page = int64(st.Blksize) // for a file of huge pages, their size
	return nil
}

// createDetail says what was asked and, where it is known, why it failed.
func createDetail(name string, asked Flags, err error) string {
	s := fmt.Sprintf("with flags %v", asked)
	switch {
	case errors.Is(err, unix.EINVAL) && asked&Exec != 0 && asked&NoExecSeal != 0:
		s += " (EXEC and NOEXEC_SEAL exclude each other)"
	case errors.Is(err, unix.EINVAL) && asked&HugeTLB == 0 && asked>>hugeShift&hugeMask != 0:
		s += " (a size of huge pages needs HUGETLB)"
	case errors.Is(err, unix.EINVAL):
		s += fmt.Sprintf(" (an unknown flag, or a name that is too long (this one has %d bytes) or holds a zero byte)", len(name))
	case errors.Is(err, unix.EACCES):
		s += " (the sysctl vm.memfd_noexec is 2: only NOEXEC_SEAL is allowed)"
	case errors.Is(err, unix.ENODEV):
		s += " (this machine has no huge pages of that size)"
	}
	return s
}
