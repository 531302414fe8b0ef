// Package populate asks for pages before they are touched: MADV_POPULATE_READ and
// MADV_POPULATE_WRITE (Linux 5.14) take the faults of a range inside a system call.
// The Go runtime knows that the goroutine waits there, so a garbage collection
// does not wait for it, and whoever serves the faults may be an ordinary goroutine
// of the same process. (It can stop all goroutines for a minute if nobody prevents
// that: docs/hazards.md, "A minute". Calls of this package do, by a timer of the
// runtime that is set for them.)
//
//	n, err := populate.Read(ctx, mem) // serves as many faults as there are
//	...
//	sum := crc32.ChecksumIEEE(mem[:n]) // touches what is there
//
// That is right for memory that is used in known pieces: a buffer, a page of a
// database, the arguments of a call. Where any access may fault, it is of no use: one
// that was not asked for waits outside of a system call, and the process hangs as if
// there were no such package (see package uffd).
//
// # What may come between asking and touching
//
// A page that is there can go away again, and the access then faults after all:
//
//   - Somebody gives it up: MADV_DONTNEED, MADV_REMOVE, a hole or another size of the
//     file, munmap, a guard region. This is for the program to order.
//   - Somebody protects it: the next write waits, which Write has asked for before. So
//     protection must not be turned on between the two. Read asks for no write, and the
//     first write to a protected page waits.
//   - The kernel takes it back. A page in swap space comes back by itself: that is no
//     fault of a userfaultfd. But a page of a file, shared memory among them, that is
//     registered with uffd.ModeMinor is unmapped when memory is short, and the next
//     access is a minor fault again. After MADV_FREE the kernel may take a page of
//     anonymous memory, which is missing then.
//
// mlock(2) keeps the kernel from taking pages back, and from allowing MADV_DONTNEED and
// MADV_FREE.
//
// Nothing here can notice that. Package sigbus takes a fault whenever it
// comes; a resolver thread serves it.
//
// # Descriptors that do not see it
//
// A system call's faults are faults inside the kernel. A descriptor that is
// user-mode-only, which is all that an ordinary user gets by default, and one with
// uffd.FeatureSIGBUS make it answer EFAULT for a page that is missing ([ErrFault]).
// The kernel does not say which it was; Options.Descriptor lets the error name it
// ([ErrUserModeOnly], [ErrSIGBUS]).
//
// # Waiting
//
// A context is looked at between chunks. Within one the kernel waits for whoever
// serves the page, and no signal ends this but one that kills the process: if nobody
// serves the page, the call returns when the range is unregistered or the descriptor is
// closed (then the page holds zeros), or never.
//
// On loong64 kernels stop when a poisoned page of hugetlbfs is asked for (seen with
// Linux 7.2). On ppc64le with the hash MMU and small pages of 4 KiB, a Write of huge pages
// never ends (seen with 6.12 and 7.3): MADV_POPULATE_WRITE does not, from 2 MiB within
// such a page on.
//
// On systems other than Linux everything compiles and answers
// errors.ErrUnsupported.
package populate
