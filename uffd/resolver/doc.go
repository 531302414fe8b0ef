// Package resolver serves the page faults of this process, from threads that the Go
// runtime does not know.
//
//	d, err := uffd.Open(uffd.Options{Wanted: uffd.FeaturePoison})
//	...
//	r, err := resolver.Start(d, resolver.Options{})
//	...
//	defer r.Stop()
//	mem, err := uffd.Map(len(image)) // whole pages
//	...
//	err = r.Serve(resolver.Rule{
//		Range:   uffd.RangeOf(mem),
//		Missing: resolver.Copy,
//		Source:  image,
//	})
//	copy(buf, mem) // any access, by any goroutine
//
// # Why not a goroutine
//
// A goroutine that touches a missing page in the middle of memmove (or memclr, or
// memequal: of copy, append, a comparison of strings) can't be stopped until the page is
// there. The garbage collector stops all goroutines; it waits for this one, and a
// goroutine that is to provide the page waits for the collector. Every such program
// hangs sooner or later, and runtime.LockOSThread changes nothing. The threads of this
// package need nothing of the runtime, so a collection takes as long as the access
// does, and no longer.
//
// # Privileges
//
// The threads are made by a bare clone(2), and what Go does to all its threads
// does not reach them: setuid(2) and its kin, capabilities, no_new_privs, a seccomp
// filter that is not installed with SECCOMP_FILTER_FLAG_TSYNC. A thread that was
// started before the program dropped its privileges keeps them. So drop them first; or
// Stop, drop, Start. A filter has to allow read, ppoll, ioctl, write, prctl, mprotect,
// nanosleep and exit.
//
// # Rules
//
// A [Rule] says what becomes of the faults in a range: zeros, a part of a source, the page
// that the file has, an access that fails, a message to the program. Rules can be
// changed while they are used. What a fault needs lies outside of Go's heap, and the
// threads take no lock.
//
// No fault is just woken after an error, for it would come again at once, over and
// over. A page that can't be put there is made to fail: by UFFDIO_POISON (SIGBUS) where
// the kernel has it, or by mprotect(2) (SIGSEGV). Where that does not work either, whoever
// faulted waits, and the program is told (Parked).
//
// # The end
//
// A range ends its service by [Resolver.Fail], [Resolver.Finish], or by being
// unmapped, if the descriptor has EVENT_UNMAP. Without that, a range must have ended
// before it is unmapped. The threads end with the last range, or with
// [Resolver.Stop]. Nobody ever finds zeros where there should have been something else.
//
// # Ports
//
// The threads run assembly, which there is for amd64, arm64, loong64, mips64le, ppc64le,
// riscv64 and s390x. On other ports and systems everything compiles, and Start answers
// errors.ErrUnsupported. There are other ways: a process of its own that serves the
// faults (package manager); asking for the pages first by a system call (package
// populate); the signal that a fault becomes with FeatureSIGBUS (package sigbus).
package resolver
