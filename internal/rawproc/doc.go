// Package rawproc makes processes that the Go runtime does not know, for tests
// of what may stop a thread in the middle of an instruction.
//
// A goroutine must never touch a page whose fault a goroutine of the same
// process resolves: the next garbage collection would wait for it, and it for
// the other. And os/exec does not fork: its child has the memory of the parent
// until it calls execve(2), and userfaultfd reports no FORK for it. A process of
// this package comes from a bare clone(2) and runs steps ([Op]) that were
// written down before: loads, stores, system calls.
//
//	p, err := rawproc.Share(rawproc.Load(addr)) // touches a page of this process
//	...                                         // its fault is served here
//	value, done := p.Result(0)
//	status, err := p.Wait(ctx)
//
// # Share and Fork
//
// [Share] makes a process with this memory (CLONE_VM) and this table of
// descriptors (CLONE_FILES), so what it opens or closes is opened or closed
// here. The working folder and the like are its own: with CLONE_FS this process
// could not enter a namespace meanwhile. It is no thread of this process, so
// nothing that this process does to all its threads reaches it.
//
// [Fork] makes a copy of this process, memory and descriptors alike. While a
// userfaultfd with EVENT_FORK has its event unread, clone(2) waits; so it is made
// by a process like that of Share, and the new process becomes a child of this
// one (CLONE_PARENT). Fork returns at once, and Pid is 0 until there is one.
//
// A copy of descriptors keeps them open, a userfaultfd among them: closing it here
// does not end its registration while a forked process lives. And it keeps pipes
// open, so os/exec may wait for the end of the output of a command that has ended.
//
// # What the process is
//
// It has a stack and a block of memory in a mapping of its own, which is shared
// and populated, with a page beneath that cannot be touched. There are its steps
// and their results, so the parent sees those of a forked process too. It runs
// assembly alone: no function of Go, nothing of the runtime, none of the
// thread-local storage of the thread that made it. All its signals are blocked
// but for SIGSEGV and SIGBUS; these end it, and are what Wait reports, with
// [Process.Fault] saying more. They do not end it by the kernel's hand, for there
// a dump of its memory is due, and Linux before 5.16 kills everybody who shares
// the memory for it.
//
// It ends by SIGKILL with the thread that made it (PR_SET_PDEATHSIG), a thread
// that is nobody's in particular, and so with this process. Its end sends no
// signal (the lowest byte of the flags of clone is 0), and only a wait with
// __WALL sees it: neither os/signal nor a wait for any child notices it, and
// os/exec waits for its own children by their numbers.
//
// One goroutine for each process waits for it, and unmaps its memory then. After
// Wait or Kill nothing is left of it.
//
// # Ports
//
// [Supported] tells whether there is the assembly for this port. On other
// systems everything compiles and answers errors.ErrUnsupported.
package rawproc
