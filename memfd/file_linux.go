package memfd

import (
	"errors"
	"fmt"
	"io"
	"math"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/ownedfd"
	"github.com/pageslot/pageslot/sys"
)

// File is a file that lives in memory. Its methods may be called from several
// goroutines at once, Close too: calls in flight end on this file, and later
// ones fail with ErrClosed. The zero File is closed.
type File struct {
	name string
	fd   ownedfd.FD
	page int64 // what offsets and lengths of mappings are multiples of
}

// Name is the name that the file was created with.
func (f *File) Name() string { return f.name }

// Fd is the descriptor's number, or -1 after Close. It is the caller's part that
// Close does not come while the number is in use.
func (f *File) Fd() int { return f.fd.Number() }

// Close closes the descriptor. Mappings stay. The second Close does nothing.
func (f *File) Close() error {
	if err := f.fd.Close(); err != nil {
		return f.fail("close", "", err)
	}
	return nil
}

// Size is the file's length in bytes (fstat(2)).
func (f *File) Size() (int64, error) {
	fd, err := f.hold("fstat")
	if err != nil {
		return 0, err
	}
	defer f.fd.Drop()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, f.fail("fstat", "", err)
	}
	return st.Size, nil
}

// Truncate makes the file size bytes long; what is new is a hole (ftruncate(2)).
// It answers EPERM for a file that is sealed against it. Memory beyond a
// smaller size becomes SIGBUS in all mappings.
func (f *File) Truncate(size int64) error {
	fd, err := f.hold("ftruncate")
	if err != nil {
		return err
	}
	defer f.fd.Drop()
	if size < 0 {
		return f.fail("ftruncate", fmt.Sprintf("to %d bytes", size), ErrRange)
	}
	err = ignoringEINTR(func() error { return unix.Ftruncate(fd, size) })
	if err != nil {
		return f.fail("ftruncate", fmt.Sprintf("to %d bytes%s", size, sealHint(err)), err)
	}
	return nil
}

// ReadAt reads len(p) bytes from offset off (pread(2)); fewer come with io.EOF
// at the file's end, or with another error.
func (f *File) ReadAt(p []byte, off int64) (n int, err error) {
	return f.transfer("pread", p, off, unix.Pread)
}

// WriteAt writes len(p) bytes at offset off (pwrite(2)); fewer come with an
// error. The file grows as it has to. It answers EPERM for a file that is
// sealed against it.
func (f *File) WriteAt(p []byte, off int64) (n int, err error) {
	return f.transfer("pwrite", p, off, unix.Pwrite)
}

func (f *File) transfer(op string, p []byte, off int64, call func(int, []byte, int64) (int, error)) (n int, err error) {
	fd, err := f.hold(op)
	if err != nil {
		return 0, err
	}
	defer f.fd.Drop()
	if off < 0 || off > math.MaxInt64-int64(len(p)) {
		return 0, f.fail(op, fmt.Sprintf("of %d bytes at %d", len(p), off), ErrRange)
	}
	for n < len(p) {
		m, err := call(fd, p[n:], off+int64(n))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return n, f.fail(op, fmt.Sprintf("of %d bytes at %#x%s", len(p)-n, off+int64(n), sealHint(err)), err)
		case m == 0 && op == "pread":
			return n, io.EOF
		case m == 0:
			return n, f.fail(op, "", io.ErrShortWrite)
		}
		n += max(m, 0)
	}
	return n, nil
}

// AddSeals adds seals, all of them or none (fcntl(2), F_ADD_SEALS).
//
// Errors: EPERM for a file that has SealSeal, also if no seal is given; EBUSY
// for SealWrite while a shared mapping exists that may write (the kernel waits
// some tenths of a second for short uses by others to end); EINVAL for a seal
// that the kernel does not know.
func (f *File) AddSeals(s Seals) error {
	op := "fcntl F_ADD_SEALS"
	fd, err := f.hold(op)
	if err != nil {
		return err
	}
	defer f.fd.Drop()
	if _, err := sys.Fcntl(fd, sys.F_ADD_SEALS, int(s)); err != nil {
		detail := s.String()
		switch {
		case errors.Is(err, unix.EPERM):
			detail += " (the file has the seal SEAL)"
		case errors.Is(err, unix.EBUSY):
			detail += " (a shared mapping may still write, or pages are in use by the kernel)"
		case errors.Is(err, unix.EINVAL):
			detail += " (a seal that this kernel does not know)"
		}
		return f.fail(op, detail, err)
	}
	return nil
}

// Seals are the seals that the file has (fcntl(2), F_GET_SEALS).
func (f *File) Seals() (Seals, error) {
	op := "fcntl F_GET_SEALS"
	fd, err := f.hold(op)
	if err != nil {
		return 0, err
	}
	defer f.fd.Drop()
	s, err := sys.Fcntl(fd, sys.F_GET_SEALS, 0)
	if err != nil {
		return 0, f.fail(op, "", err)
	}
	return Seals(s), nil
}

// hold is the beginning of each call.
func (f *File) hold(op string) (int, error) {
	fd, err := f.fd.Hold()
	if err != nil {
		return -1, f.fail(op, "", err)
	}
	return fd, nil
}

func (f *File) fail(op, detail string, err error) error {
	return &Error{Op: op, Name: f.name, Detail: detail, Err: err}
}

func sealHint(err error) string {
	if errors.Is(err, unix.EPERM) {
		return " (the file is sealed against it)"
	}
	return ""
}

func ignoringEINTR(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
