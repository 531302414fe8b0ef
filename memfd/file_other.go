//go:build !linux

package memfd

import (
	"errors"
	"fmt"
)

var errNotLinux = fmt.Errorf("not a Linux system: %w", errors.ErrUnsupported)

// Create makes a file in memory on Linux; here it fails.
func Create(name string, flags Flags) (*File, error) {
	return nil, &Error{Op: "memfd_create", Name: name, Err: errNotLinux}
}

// File is a file that lives in memory, on Linux.
type File struct{ name string }

func (f *File) fail(op string) error { return &Error{Op: op, Name: f.name, Err: errNotLinux} }

// Name is the name that the file was created with.
func (f *File) Name() string { return f.name }

// Fd is the descriptor's number; here it is -1.
func (f *File) Fd() int { return -1 }

// Close does nothing here.
func (f *File) Close() error { return nil }

// Size is the file's length; here it fails.
func (f *File) Size() (int64, error) { return 0, f.fail("fstat") }

// Truncate sets the file's length; here it fails.
func (f *File) Truncate(size int64) error { return f.fail("ftruncate") }

// ReadAt reads from the file; here it fails.
func (f *File) ReadAt(p []byte, off int64) (int, error) { return 0, f.fail("pread") }

// WriteAt writes to the file; here it fails.
func (f *File) WriteAt(p []byte, off int64) (int, error) { return 0, f.fail("pwrite") }

// AddSeals adds seals; here it fails.
func (f *File) AddSeals(s Seals) error { return f.fail("fcntl F_ADD_SEALS") }

// Seals are the file's seals; here it fails.
func (f *File) Seals() (Seals, error) { return 0, f.fail("fcntl F_GET_SEALS") }

// MapShared maps the file; here it fails.
func (f *File) MapShared(offset int64, length int, prot Prot) (*Mapping, error) {
	return nil, f.fail("mmap")
}

// MapPrivate maps the file; here it fails.
func (f *File) MapPrivate(offset int64, length int, prot Prot) (*Mapping, error) {
	return nil, f.fail("mmap")
}

// Mapping is a part of a file in this process's memory, on Linux.
type Mapping struct{}

// Addr is where the mapping begins.
func (m *Mapping) Addr() uintptr { return 0 }

// Len is the mapping's length.
func (m *Mapping) Len() int { return 0 }

// Bytes is the mapping as a slice.
func (m *Mapping) Bytes() []byte { return nil }

// Close unmaps.
func (m *Mapping) Close() error { return nil }
