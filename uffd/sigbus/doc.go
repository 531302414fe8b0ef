// Package sigbus serves page faults in the goroutine that takes them, without a
// thread and without a handler: with uffd.FeatureSIGBUS (Linux 4.14) an access to
// a missing page is no message that somebody has to answer but a signal, which
// debug.SetPanicOnFault turns into a panic. [Do] recovers it, has the page
// provided, and calls the function again.
//
//	d, err := uffd.Open(uffd.Options{Required: uffd.FeatureSIGBUS, UserMode: uffd.UserModeFallback})
//	...
//	_, err = d.Register(uffd.RangeOf(mem), uffd.ModeMissing)
//	...
//	region, err := sigbus.From(d, uffd.RangeOf(mem), file, sigbus.Options{})
//	...
//	err = sigbus.Do(func(sigbus.Fault) error {
//		sum = crc32.ChecksumIEEE(mem) // faults once for every 64 KiB
//		return nil
//	}, region)
//
// Nobody waits for anybody, so the garbage collector can't get in between. A
// fault inside memmove, memclr or bytes.Equal is as good as any other. An ordinary
// user may do all of it: user-mode-only descriptors suffice.
//
// # The function is called again from its beginning
//
// So it must be REPEATABLE. It may have come any way when it faults, and what it did
// up to there it does again: a byte that was appended is appended twice, a counter
// counts twice, a message goes out twice. Its deferred calls do run each time; a
// lock that it takes without deferring the unlock stays locked, and the second
// call waits for ever; a sync.Once whose function faulted counts as done.
//
// A function with much to do keeps its position outside, and moves it when a piece
// is done:
//
//	pos := 0
//	err = sigbus.Do(func(sigbus.Fault) error {
//		for pos < len(mem) {
//			pos += copy(dst[pos:], mem[pos:min(pos+4096, len(mem))])
//		}
//		return nil
//	}, region)
//
// Otherwise n faults cost n beginnings. It is told the last [Fault] too, with its
// offset. That an access faulted there does not mean that those before were done:
// memmove goes backwards where source and destination overlap, and may look at the
// last bytes first.
//
// # What is taken, and what is not
//
// A fault inside the given ranges, in the function's own goroutine, is taken.
// Every other panic passes on with its value, so does runtime.Goexit, and what
// debug.SetPanicOnFault was before is restored. Do in Do works: the inner one takes
// what lies in its ranges, and passes the rest to the outer.
//
// Not taken, and not in this package's power, are:
//
//   - Faults of other goroutines, also of those that the function starts:
//     debug.SetPanicOnFault is about one goroutine. They end the process
//     ("unexpected fault address"). Each goroutine needs a Do of its own.
//   - System calls. They answer EFAULT for a page that is missing, because the
//     feature says so, on every kind of descriptor: read(2), write(2), and
//     MADV_POPULATE_READ. Read a byte of each page in a Do first.
//   - What the Go runtime does under a lock or on a stack of its own: a channel takes a
//     value from there (c <- mem[0]; a variable in between helps), print, and
//     runtime.Callers, runtime.Stack and crypto/rand.Read into such memory. The
//     process ends.
//   - Panics that somebody recovers before Do sees them. Package fmt does that in
//     the methods that it calls, net/http in handlers.
//   - What is half done when it faults. A Go map keeps no page waiting, but one whose
//     keys are strings in such memory may fault while it is being changed, and
//     says "concurrent map writes" from then on. Copy such keys.
//   - Copies that go backwards (copy(mem[64:], mem), where the two overlap) on 386,
//     and on amd64 without AVX. The runtime (Go 1.26) goes on from a fault in the
//     middle of one with the processor's direction flag set, and destroys its own
//     memory. Copy by way of other memory there.
//   - Code that is not Go's: cgo. The process ends.
//
// # Writes to protected pages, minor faults, poison
//
// A panic tells an address and nothing else. Registered with uffd.ModeWP or
// uffd.ModeMinor, faults of these kinds come the same way, and a [Region] with a
// Resolve of its own answers them with WriteUnprotect or ContinueAll. Where a range has
// both missing and protected pages, try Copy first: uffd.ErrExists says that the page
// is there, so that the access was a write.
//
// A page that was poisoned (uffd.Descriptor.Poison, or broken memory) raises
// the same signal. Copy would put a page over the poison, so [From] asks for it and
// fails with [ErrPoisoned]; a Resolve of your own can ask [Fault.Poisoned]. Memory
// without the right to it (SIGSEGV), or beyond the end of a file, comes the same way
// too. No page helps there, and Do loses its patience: [ErrAgain]. A Resolve that
// knows better returns [ErrPass], and the panic passes on.
//
// On systems other than Linux everything compiles and answers
// errors.ErrUnsupported.
package sigbus
