// Package uffd is userfaultfd(2): a program decides itself what the pages of its
// memory hold when they are first touched.
//
// [Open] makes a descriptor and does the handshake:
//
//	d, err := uffd.Open(uffd.Options{
//		Required: uffd.FeatureSIGBUS,
//		Wanted:   uffd.FeatureMove,
//	})
//
// There are two ways to a descriptor, the system call and /dev/userfaultfd
// (Linux 6.1), with different rules about who may use them. Open tries both, and
// its error says what became of each and what would help ([OpenError]).
//
// An ordinary user gets, by default, only descriptors that do not see faults
// taken inside the kernel (UFFD_USER_MODE_ONLY): read(2) into a missing page then
// fails with EFAULT. Since that surprises, Open makes such a descriptor only
// where [Options].UserMode allows it, and [Descriptor.UserModeOnly] reports it.
//
// # What there is
//
//   - Memory: [Map] maps some whose pages stay missing until they are touched.
//   - Ranges: [Descriptor.Register] with the faults that are wanted, Unregister,
//     Wake.
//   - Pages: [Descriptor.Copy], Zero, Continue, Poison and Move put pages where
//     none are. They return how far they came; CopyAll and the others go on until
//     everything is done, with a [Retry] for what comes in between.
//   - Protection: [Descriptor.WriteProtect], [Descriptor.RWProtect] and their
//     opposites, [Descriptor.SetMode].
//   - Events: [Descriptor.Read], ReadContext and TryRead take an [Event] for each
//     access that waits and each change of the process's memory.
//   - Elsewhere: a descriptor that another process sent is taken over by [FromFD].
//     Package fdpass sends and receives, manager serves other processes, track
//     finds the pages that were written, pagemap reads what the kernel knows of
//     pages. Packages resolver, sigbus and populate serve the faults of this process.
//
// An error names the call, the range and the cause, and answers errors.Is for the
// errno and for what it means here: [ErrExists], [ErrLayout], [ErrChanging],
// [ErrGone].
//
// # What is dangerous
//
// A fault is not a call that the Go runtime knows of. A goroutine that touches a
// missing page may sit in the kernel's fault wait inside assembly that is never
// preempted, while the runtime believes that it runs. The next garbage
// collection waits for it, and a goroutine of the same process that should
// resolve the fault waits for the collection: both wait for ever. A locked
// thread does not help. So memory that goroutines of this process touch must not
// be registered for faults that a goroutine of this process resolves. Have them
// resolved by threads that the runtime does not know (package resolver); ask for
// FeatureSIGBUS (the fault becomes a panic, which package sigbus recovers and
// resolves); ask for the pages in a system call before they are touched (package
// populate); hand the descriptor to another process (package manager); or use
// write-protection that nobody has to answer (package track). docs/hazards.md
// compares them, and says what makes even a goroutine that waits in a system call stop
// all others for a minute, now and then.
//
// Nothing here starts goroutines. One answer is kept for the process, that of
// [WriteProtectTraps]. Descriptors are not closed by the garbage collector: Close
// them. On systems other than Linux everything compiles and answers
// errors.ErrUnsupported.
package uffd
