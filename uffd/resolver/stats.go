package resolver

// Stats counts what the threads did. Reading it disturbs nobody. What lets an access go on
// is counted just after that.
type Stats struct {
	Messages uint64 // that the kernel sent
	Batches  uint64 // reads that brought any
	Sleeps   uint64 // times that there was nothing to do

	Missing uint64 // faults on missing pages; those outside of all rules are not in these
	Minor   uint64 // on pages that only the file has
	Written uint64 // writes to protected pages
	Outside uint64 // faults that no rule has

	Copies     uint64 // calls of UFFDIO_COPY that did all that was left to do
	Zeros      uint64 // of UFFDIO_ZEROPAGE
	Continues  uint64 // of UFFDIO_CONTINUE
	Unprotects uint64 // of UFFDIO_WRITEPROTECT
	Bytes      uint64 // that these put there, but for the last

	Exists uint64 // EEXIST: the page was there already, so who waited was woken
	Agains uint64 // EAGAIN without progress: the memory was just being changed
	Stale  uint64 // ENOENT: the address was no longer registered
	Guards uint64 // accesses that a Guard met
	Failed uint64 // accesses that were made to fail, those of Guards among them
	Parked uint64 // faults that wait because nothing worked
	Handed uint64 // messages that were handed over because they have to be
	Lost   uint64 // messages that were not, because nobody reads
	Fulls  uint64 // times that a full ring stopped a thread
}
