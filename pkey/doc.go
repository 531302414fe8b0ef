// Package pkey is protection keys (pkeys(7)): colours for pages, and for each
// thread the rights that it has over each colour.
//
// [Alloc] gets one of the few keys that a process has (15 on x86, 7 on arm64,
// up to 28 on ppc64 with the hash MMU), [Protect] colours memory with it,
// [Key.Free] gives it back, and [Supported] tells whether there are any and why
// not.
//
// # Rights belong to threads
//
// The rights are in a register of the thread, and a goroutine may run on any
// thread. A thread that the runtime makes begins with the rights of the thread
// that makes it. So this package only ever allocates keys closed
// (PKEY_DISABLE_ACCESS): memory that is coloured with a new key can be reached
// by no thread at all.
//
// That is also true for the kernel working for a thread: read(2) into such
// memory, or write(2) from it, fails with EFAULT. A direct access is a fault
// that ends the program, unless debug.SetPanicOnFault makes it a panic that can
// be recovered.
//
// Some things need no rights: mprotect(2), munmap(2), mremap(2), most advice of
// madvise(2), and /proc/self/mem. They keep the colour. But mmap(2) over a range
// does not: the new mapping has key 0, which is open to all. Whoever maps
// something in place of coloured memory must colour it again.
//
// Keys exist on amd64 and 386 since Linux 4.9, on ppc64 and ppc64le with the
// hash MMU since 4.16, on arm64 (FEAT_S1POE) since 6.12; what this machine has,
// only the call itself tells, and that is what Supported makes. Nothing here
// keeps global state: the keys are the process's. On systems other than Linux
// everything compiles and answers errors.ErrUnsupported.
package pkey
