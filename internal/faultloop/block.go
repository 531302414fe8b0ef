package faultloop

// What lies where in the block of a thread, in bytes. The assembly takes these
// from go_asm.h. Every field is a word of 64 bits, but for ctxTID (32) and
// ctxPoll. Only the thread writes it while it runs, but for ctxTail and ctxTID.
const (
	ctxShared   = 0  // the address of what all threads of a loop share
	ctxBuffer   = 8  // where messages are read to
	ctxBatch    = 16 // how many at most
	ctxRing     = 24 // the ring
	ctxSlots    = 32 // how many slots it has: a power of two
	ctxSpin     = 40 // how often to look for messages before it sleeps
	ctxPage     = 48 // the page size
	ctxPageMask = 56 // and its complement
	ctxPoisons  = 64 // not 0: UFFDIO_POISON makes an access fail
	ctxKeys     = 72 // not 0: give up all rights' bounds by protection keys
	ctxZeros    = 80 // the address of a page of zeros

	// What it is at.
	ctxLeft         = 128 // messages of the batch
	ctxSpun         = 136
	ctxAddress      = 144 // of the page
	ctxUnit         = 152 // how large it is
	ctxCall         = 160 // the place of the system call
	ctxDst          = 168
	ctxLen          = 176
	ctxReason       = 184 // what to report when the access was made to fail
	ctxErrno        = 192
	ctxAgain        = 200
	ctxStaleAddress = 208
	ctxPushed       = 216 // not 0: there is something new in the ring
	ctxSum          = 224
	ctxIO           = 232 // the structure of an ioctl
	ctxEnd          = 272 // why it ended: 0 when it was told to
	ctxStales       = 280 // how often in a row ctxStaleAddress was stale
	ctxThere        = 288 // not 0: the mark of protection was taken away from this page
	ctxRounds       = 296 // how often it was done with a batch, or found none
	ctxDone         = 304 // not 0: it hands nothing over any more, and is about to end
	ctxSource       = 312 // what to add to an address to have its source

	// Read from outside, in cache lines of their own.
	ctxHead    = 320 // how many slots were ever filled
	ctxTail    = 384 // how many of them were emptied: written by the reader
	ctxWaiting = 448 // not 0: it sleeps until there is room in the ring
	ctxSeen    = 512 // the table that it looks at, or 0
	ctxTID     = 576 // 32 bits: the thread, 0 when it has ended

	// Counters.
	ctxCount    = 640 // messages
	ctxBatches  = 648
	ctxSleeps   = 656
	ctxMissing  = 664
	ctxMinor    = 672
	ctxWritten  = 680
	ctxTouched  = 688
	ctxOutside  = 696
	ctxBytes    = 704
	ctxExists   = 712
	ctxAgains   = 720
	ctxStale    = 728
	ctxGuards   = 736
	ctxFailed   = 744
	ctxParked   = 752
	ctxHanded   = 760
	ctxLost     = 768
	ctxFulls    = 776
	ctxCounters = 640
	ctxCounts   = (784 - ctxCounters) / 8

	ctxPoll   = 832 // three pollfd: pollStop, pollKick, pollFaults
	ctxOne    = 864 // 1, to write to an eventfd
	ctxSpill  = 872 // where that is read to
	ctxTitle  = 880 // 16 bytes: the name of the thread
	ctxAll    = 896 // 128 bits: every signal
	ctxOld    = 912 // 128 bits: those that the creator had blocked
	ctxNap    = 928 // a timespec: how long it sleeps where it may not poll
	ctxFields = 944 // records begin here, aligned
)

// The system calls that a thread makes, each a record of recSize bytes.
const (
	recNumber = 0
	recArgs   = 8  // six
	recDone   = 56 // how often it did what it is for, where that is counted
	recSize   = 64

	recBlock     = 960 // blocks all signals, in the creator
	recRestore   = recBlock + 1*recSize
	recClone     = recBlock + 2*recSize
	recName      = recBlock + 3*recSize
	recRead      = recBlock + 4*recSize
	recPoll      = recBlock + 5*recSize
	recPollRoom  = recBlock + 6*recSize
	recDrain     = recBlock + 7*recSize
	recNotify    = recBlock + 8*recSize
	recStopAll   = recBlock + 9*recSize
	recCopy      = recBlock + 10*recSize
	recZero      = recBlock + 11*recSize
	recContinue  = recBlock + 12*recSize
	recUnprotect = recBlock + 13*recSize
	recTouch     = recBlock + 14*recSize
	recPoison    = recBlock + 15*recSize
	recWake      = recBlock + 16*recSize
	recProtect   = recBlock + 17*recSize
	recExit      = recBlock + 18*recSize
	recNap       = recBlock + 19*recSize

	ctxTLS  = recBlock + 20*recSize + tlsBytes/2 // the middle of zeros, for a thread pointer
	ctxSize = recBlock + 20*recSize + tlsBytes

	tlsBytes = 512
)

// What all threads of a loop share.
const (
	sharedStop  = 0  // not 0: end
	sharedKeep  = 8  // 1: do not end with the last rule's memory
	sharedTable = 64 // the address of the table
	sharedSize  = 128
)

// A table of rules: how many, and from tableRules on the rules, sorted.
const (
	tableCount = 0
	tableRules = 64

	ruleStart       = 0
	ruleEnd         = 8
	ruleUnit        = 16 // the size of its pages
	ruleUnitMask    = 24
	ruleUnitShift   = 32
	ruleGranule     = 40
	ruleGranuleMask = 48
	ruleMissing     = 56 // actions, by the kind of fault
	ruleMinor       = 64
	ruleWritten     = 72
	ruleTouched     = 80
	ruleSource      = 88 // minus ruleStart, so that adding the address gives the place
	ruleSourceEnd   = 96 // the first address that has no source
	ruleMode        = 104
	ruleHits        = 112 // a byte for each page
	ruleWrites      = 120
	ruleLive        = 128 // the address of a word: how many bytes of it are mapped
	ruleShift       = 8
	ruleSize        = 1 << ruleShift
)

// A slot of the ring.
const (
	slotReason  = 0
	slotErrno   = 8 // 0 or negative
	slotUnit    = 16
	slotMessage = 32 // as the kernel sent it
	slotShift   = 6
	slotSize    = 1 << slotShift
)

// Reason is why a message is in the ring.
type Reason uint64

// What became of the access.
const (
	Handed  Reason = iota + 1 // it waits: a rule says that Go resolves it
	Parked                    // it waits: neither resolving it nor making it fail worked
	Failed                    // it was made to fail, since resolving it did not work
	Guarded                   // it was made to fail, as the rule says
	Outside                   // it was made to fail: no rule has the address
	Event                     // this is no fault
)

const (
	reasonHanded  = uint64(Handed)
	reasonParked  = uint64(Parked)
	reasonFailed  = uint64(Failed)
	reasonGuard   = uint64(Guarded)
	reasonOutside = uint64(Outside)
	reasonEvent   = uint64(Event)
)

// Action is what a rule does about a kind of fault.
type Action uint64

// What can be done; Hand is also what is done where nothing is said.
const (
	Hand      Action = iota // hand it over to Go
	Zero                    // UFFDIO_ZEROPAGE
	Copy                    // UFFDIO_COPY
	Continue                // UFFDIO_CONTINUE
	Unprotect               // note the page, UFFDIO_WRITEPROTECT
	Touch                   // note the page, UFFDIO_RWPROTECT
	Guard                   // note the page, make the access fail
)

const (
	actionZero      = uint64(Zero)
	actionCopy      = uint64(Copy)
	actionContinue  = uint64(Continue)
	actionUnprotect = uint64(Unprotect)
	actionTouch     = uint64(Touch)
	actionGuard     = uint64(Guard)
)

// patience is how often a call is repeated that answers EAGAIN.
const patience = 16

// stubborn is how often in a row an address may seem not to be registered. Threads that
// fault at once on a page are as many messages.
const stubborn = 256
