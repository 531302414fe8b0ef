// Package sys holds what the kernel's headers say, for Go: numbers and layouts
// under the kernel's own names (UFFDIO_COPY, MADV_GUARD_INSTALL, SYS_MEMFD_SECRET)
// for the 13 Linux ports, and bare system calls over them. It knows no policy:
// nothing is retried, checked or remembered here. The packages above do that.
//
// # What is generated
//
// The files that begin with z are made by gen from testdata/facts, which gen
// makes from kernel headers; each names the headers. What is equal on all ports
// stands once:
//
//	zconst_linux.go        constants that are equal everywhere
//	zconst_linux_ARCH.go   those that differ or that some ports lack
//	zsysnum_linux_ARCH.go  numbers of the system calls
//	ztypes_linux.go        structures, with assertions of sizes and offsets
//
// With the facts that are committed, go generate ./sys makes them again (and a
// test compares). New headers take one command, go run ./gen -headers DIR: see
// package gen.
//
// A comment behind a constant says since when the kernel's headers have it: since
// one release (Linux 6.8), or since one of some releases (Linux 6.2..6.12). Those
// without a comment are in the headers of Linux 5.10.
//
// Constants are untyped. Many are above the largest 32-bit int: give them to a
// uintptr, a uint or a uint64. A name that a port lacks is not there: shared
// code cannot use MADV_SOFT_OFFLINE, MAP_SYNC and PKEY_UNRESTRICTED (absent on
// mips*) or SYS_MEMFD_SECRET (absent on arm, mips* and ppc64*).
//
// # Memory of Go in calls and structures
//
// An address of Go's own memory reaches the kernel only as a pointer: as an
// argument that is converted in the call expression itself, or as a [Pointer]
// inside a structure. The garbage collector sees both, and both follow a stack
// that moves. Addresses of mappings, which Go did not allocate, are uintptr.
//
// Padding in structures is written out: on 386, arm, mips and mipsle Go aligns a
// uint64 to 4, and C mostly to 8.
//
// # Errors
//
// A call returns nil or a bare [golang.org/x/sys/unix.Errno], which answers
// errors.Is for fs.ErrPermission, errors.ErrUnsupported and so on. On systems
// other than Linux the constants do not exist, and the calls return an error
// that is errors.ErrUnsupported.
package sys

//go:generate go run ../gen -emit-only -facts ../testdata/facts -out . -since ../testdata/since.json -docs ../docs/kernel-support.md
