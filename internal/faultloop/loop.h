// The loop of a resolver thread, in the words of ops_<arch>.h: one text for all
// ports. It calls nothing, no function of Go and nothing of its runtime.
//
// CTX is the block of this thread, MSG the message at hand, RULE the rule that its
// address has. TA to TE hold nothing across a system call. All else is in the
// block, whose layout is in block.go. Only this thread writes the block, but for
// ctxTail.

// COUNT adds 1 to a counter; it uses up TD.
#define COUNT(counter) \
	LOAD(counter, CTX, TD); \
	INC(1, TD); \
	STORE(TD, counter, CTX)

// NOTE marks the page at address TA in one of the rule's arrays, a byte for a page,
// before anything that comes after it.
#define NOTE(array) \
	LOAD(const_ruleStart, RULE, TB); \
	MINUS(TB, TA); \
	LOAD(const_ruleUnitShift, RULE, TB); \
	RIGHTBY(TB, TA); \
	LOAD(array, RULE, TB); \
	PLUS(TB, TA); \
	SET(1, TB); \
	STOREB(TB, 0, TA); \
	RELEASE

	LOAD(const_ctxKeys, CTX, TA)
	IFIS(TA, 0, named)
	OPENKEYS
named:
	KERNEL(const_recName, CTX)

// A batch: as many messages as the ring has room for. Each may have to be handed
// over, and none may be lost.
next:
	LOAD(const_ctxShared, CTX, TA)
	LOAD(const_sharedStop, TA, TB)
	IFNOT(TB, 0, end)
	LOAD(const_ctxTail, CTX, TA)
	ACQUIRE
	LOAD(const_ctxSlots, CTX, TB)
	PLUS(TB, TA)
	LOAD(const_ctxHead, CTX, TB)
	MINUS(TB, TA)
	IFIS(TA, 0, full)
	LOAD(const_ctxBatch, CTX, TB)
	IFLO(TA, TB, fits)
	MOVE(TB, TA)
fits:
	LEFT(const_messageShift, TA)
	STORE(TA, const_recRead+const_recArgs+16, CTX)

// The table may be replaced at any time. Whoever replaced it waits until no thread
// says that it looks at the old one. It is taken before messages are: what they tell of
// memory that is gone must not be said of a rule that came there afterwards.
table:
	LOAD(const_ctxShared, CTX, TC)
	LOAD(const_sharedTable, TC, TA)
	MOVE(TA, TB)
	EXCHANGE(TB, const_ctxSeen, CTX)
	LOAD(const_sharedTable, TC, TB)
	IFNE(TA, TB, table)
	ACQUIRE
	KERNEL(const_recRead, CTX)
	IFLESS(TA, 1, unread)
	RIGHT(const_messageShift, TA)
	STORE(TA, const_ctxLeft, CTX)
	SET(0, TB)
	STORE(TB, const_ctxSpun, CTX)
	COUNT(const_ctxBatches)
	LOAD(const_ctxBuffer, CTX, MSG)

message:
	COUNT(const_ctxCount)
	SET(0, TB)
	STORE(TB, const_ctxErrno, CTX)
	STORE(TB, const_ctxAgain, CTX)
	STORE(TB, const_ctxThere, CTX)
	MOVE(TB, RULE)
	LOADB(const_msgEvent, MSG, TA)
	IFIS(TA, const_eventUnmap, unmapped)
	IFIS(TA, const_eventPagefault, fault)
	SET(const_reasonEvent, TA)
	GOTO(handover)

// The rule of the address. They are sorted and don't overlap: TC is the first that
// it may be, and TD how many it may be.
fault:
	LOAD(const_msgAddress, MSG, TA)
	LOAD(const_ctxPage, CTX, TB)
	STORE(TB, const_ctxUnit, CTX)
	LOAD(const_ctxPageMask, CTX, TB)
	BOTH(TB, TA)
	STORE(TA, const_ctxAddress, CTX)
	LOAD(const_ctxSeen, CTX, TC)
	LOAD(const_tableCount, TC, TD)
	INC(const_tableRules, TC)
bisect:
	IFIS(TD, 0, outside)
	MOVE(TD, TB)
	RIGHT(1, TB)
	MOVE(TB, RULE)
	LEFT(const_ruleShift, RULE)
	PLUS(TC, RULE)
	LOAD(const_ruleStart, RULE, TE)
	IFLO(TA, TE, below)
	LOAD(const_ruleEnd, RULE, TE)
	IFLO(TA, TE, found)
	MINUS(TB, TD)
	INC(-1, TD)
	MOVE(RULE, TC)
	INC(const_ruleSize, TC)
	GOTO(bisect)
below:
	MOVE(TB, TD)
	GOTO(bisect)

outside:
	COUNT(const_ctxOutside)
	SET(0, RULE)
	SET(const_reasonOutside, TA)
	STORE(TA, const_ctxReason, CTX)
	SET(const_layout, TA)
	STORE(TA, const_ctxErrno, CTX)
	GOTO(fail)

found:
	LOAD(const_ruleUnit, RULE, TB)
	STORE(TB, const_ctxUnit, CTX)
	LOAD(const_ruleUnitMask, RULE, TB)
	BOTH(TB, TA)
	STORE(TA, const_ctxAddress, CTX)
	SET(const_reasonFailed, TB)
	STORE(TB, const_ctxReason, CTX)
	LOAD(const_msgFlags, MSG, TB)
	SET(const_flagWP, TC)
	BOTH(TB, TC)
	IFNOT(TC, 0, protected)
	SET(const_flagRWP, TC)
	BOTH(TB, TC)
	IFNOT(TC, 0, untouchable)
	SET(const_flagMinor, TC)
	BOTH(TB, TC)
	IFNOT(TC, 0, minor)
	COUNT(const_ctxMissing)
	LOAD(const_ruleMissing, RULE, TB)
	GOTO(act)
minor:
	COUNT(const_ctxMinor)
	LOAD(const_ruleMinor, RULE, TB)
	GOTO(act)
untouchable:
	COUNT(const_ctxTouched)
	LOAD(const_ruleTouched, RULE, TB)
	GOTO(act)
protected:
	COUNT(const_ctxWritten)
	LOAD(const_ruleWritten, RULE, TB)
act:
	IFIS(TB, const_actionCopy, copy)
	IFIS(TB, const_actionZero, zero)
	IFIS(TB, const_actionContinue, continue)
	IFIS(TB, const_actionUnprotect, unprotect)
	IFIS(TB, const_actionTouch, touch)
	IFIS(TB, const_actionGuard, guard)
	SET(const_reasonHanded, TA)
	GOTO(handover)

// What is filled at once is the granule around the address, as far as the rule
// goes; with copy, as far as its source goes, and zeros from there on.
zero:
	LOAD(const_ruleStart, RULE, TB)
	SET(const_recZero, TC)
	GOTO(span)
continue:
	LOAD(const_ruleStart, RULE, TB)
	SET(const_recContinue, TC)
	GOTO(span)
copy:
	LOAD(const_ruleSourceEnd, RULE, TB)
	SET(const_recZero, TC)
	IFHS(TA, TB, span)
	LOAD(const_ruleSource, RULE, TB) // minus the start of the rule
	STORE(TB, const_ctxSource, CTX)
	LOAD(const_ruleStart, RULE, TB)
	SET(const_recCopy, TC)

// TA is the address, TC the call, and TB the first address that it may fill.
span:
	STORE(TC, const_ctxCall, CTX)
	LOAD(const_ruleStart, RULE, TD)
	MINUS(TD, TA)
	LOAD(const_ruleGranuleMask, RULE, TE)
	BOTH(TE, TA)
	PLUS(TD, TA)
	LOAD(const_ruleGranule, RULE, TD)
	PLUS(TA, TD) // the end of the granule
	IFHS(TA, TB, begins)
	MOVE(TB, TA)
begins:
	LOAD(const_ruleEnd, RULE, TB)
	IFNOT(TC, const_recCopy, bounded)
	LOAD(const_ruleSourceEnd, RULE, TB)
bounded:
	IFHS(TB, TD, ends)
	MOVE(TB, TD)
ends:
	MINUS(TA, TD)
	STORE(TA, const_ctxDst, CTX)
	STORE(TD, const_ctxLen, CTX)

fill:
	LOAD(const_ctxDst, CTX, TA)
	LOAD(const_ctxLen, CTX, TB)
	LOAD(const_ruleMode, RULE, TC)
	LOAD(const_ctxCall, CTX, TE)
	SET(0, TD)
	STORE(TA, const_ctxIO+0, CTX)
	IFIS(TE, const_recCopy, fillcopy)
	IFIS(TE, const_recContinue, fillpages)
	SET(0, TC)
fillpages:
	STORE(TB, const_ctxIO+8, CTX)
	STORE(TC, const_ctxIO+16, CTX)
	STORE(TD, const_ctxIO+24, CTX)
	GOTO(fillcall)
fillcopy:
	LOAD(const_ctxSource, CTX, TD)
	PLUS(TD, TA)
	STORE(TA, const_ctxIO+8, CTX)
	STORE(TB, const_ctxIO+16, CTX)
	STORE(TC, const_ctxIO+24, CTX)
	SET(0, TD)
	STORE(TD, const_ctxIO+32, CTX)
fillcall:
	PLUS(CTX, TE)
	KERNEL(0, TE)
	IFIS(TA, 0, filled)
	IFIS(TA, const_again, fillagain)
	IFIS(TA, const_exists, fillone)
	IFIS(TA, const_layout, fillone)
	STORE(TA, const_ctxErrno, CTX)

// It may be another page of the granule that gets in the way.
fillone:
	LOAD(const_ctxLen, CTX, TB)
	LOAD(const_ctxUnit, CTX, TC)
	IFNE(TB, TC, fillpage)
	LOAD(const_ctxDst, CTX, TB)
	LOAD(const_ctxAddress, CTX, TD)
	IFEQ(TB, TD, unfilled)
fillpage:
	STORE(TC, const_ctxLen, CTX)
	LOAD(const_ctxAddress, CTX, TB)
	STORE(TB, const_ctxDst, CTX)
	GOTO(fill)
unfilled:
	IFIS(TA, const_layout, stale)
	LOAD(const_ctxCall, CTX, TB)
	IFIS(TB, const_recContinue, uncontinued)
	IFNOT(TA, const_exists, fail)
	IFNOT(TB, const_recZero, exists)

// In anonymous memory a mark of write-protection holds zeros off, but no copy.
	SET(const_recCopy, TB)
	STORE(TB, const_ctxCall, CTX)
	LOAD(const_ctxZeros, CTX, TB)
	LOAD(const_ctxAddress, CTX, TC)
	MINUS(TC, TB)
	STORE(TB, const_ctxSource, CTX)
	GOTO(fill)

// What the file does not have any more is missing: the access will say so.
uncontinued:
	IFIS(TA, const_exists, exists)
	IFIS(TA, const_noPage, stale)
	GOTO(fail)

filled:
	LOAD(const_ctxLen, CTX, TB)
	LOAD(const_ctxBytes, CTX, TC)
	PLUS(TB, TC)
	STORE(TC, const_ctxBytes, CTX)
called:
	LOAD(const_ctxCall, CTX, TE)
	PLUS(CTX, TE)
	LOAD(const_recDone, TE, TB)
	INC(1, TB)
	STORE(TB, const_recDone, TE)
	SET(0, TB) // see stale
	STORE(TB, const_ctxStaleAddress, CTX)
	GOTO(done)

// Part of it is there if the kernel says how many bytes; otherwise the layout is
// about to change.
fillagain:
	LOAD(const_ctxIO+24, CTX, TB)
	LOAD(const_ctxCall, CTX, TC)
	IFNOT(TC, const_recCopy, progress)
	LOAD(const_ctxIO+32, CTX, TB)
progress:
	IFLESS(TB, 1, fillretry)
	LOAD(const_ctxBytes, CTX, TC)
	PLUS(TB, TC)
	STORE(TC, const_ctxBytes, CTX)
	LOAD(const_ctxDst, CTX, TC)
	PLUS(TB, TC)
	STORE(TC, const_ctxDst, CTX)
	LOAD(const_ctxLen, CTX, TC)
	MINUS(TB, TC)
	STORE(TC, const_ctxLen, CTX)
	IFNOT(TC, 0, fill)
	GOTO(called)
fillretry:
	COUNT(const_ctxAgains)
	LOAD(const_ctxAgain, CTX, TB)
	INC(1, TB)
	STORE(TB, const_ctxAgain, CTX)
	SET(const_patience, TC)
	IFLO(TB, TC, fill)
	GOTO(wake)

// Somebody else has put the page there.
exists:
	COUNT(const_ctxExists)

// Those who wait go on. That is right only if the access can succeed now, or must
// fail now, or if there will be another message about it.
wake:
	LOAD(const_ctxAddress, CTX, TA)
	STORE(TA, const_ctxIO+0, CTX)
	LOAD(const_ctxUnit, CTX, TA)
	STORE(TA, const_ctxIO+8, CTX)
	KERNEL(const_recWake, CTX)
	GOTO(done)

// The address is no longer registered, or registered otherwise, so who waited for it
// does not wait any more: there may be as many messages as threads did. If it seems to be
// so again and again, with nothing done in between, it is not true.
stale:
	COUNT(const_ctxStale)
	LOAD(const_ctxAddress, CTX, TA)
	LOAD(const_ctxStaleAddress, CTX, TB)
	LOAD(const_ctxStales, CTX, TC)
	IFEQ(TA, TB, staleagain)
	SET(0, TC)
staleagain:
	INC(1, TC)
	STORE(TA, const_ctxStaleAddress, CTX)
	STORE(TC, const_ctxStales, CTX)
	SET(const_stubborn, TB)
	IFLO(TC, TB, wake)
	SET(const_layout, TA)
	STORE(TA, const_ctxErrno, CTX)
	GOTO(park)

// A protected page: note it, then let the access through. In this order whoever has
// written is noted. Who takes the notes has to wait for the other half: see Settle.
touch:
	SET(const_recTouch, TC)
	GOTO(note)
unprotect:
	SET(const_recUnprotect, TC)
note:
	STORE(TC, const_ctxCall, CTX)
	NOTE(const_ruleWrites)
letgo:
	LOAD(const_ctxAddress, CTX, TA)
	STORE(TA, const_ctxIO+0, CTX)
	LOAD(const_ctxUnit, CTX, TA)
	STORE(TA, const_ctxIO+8, CTX)
	SET(0, TA)
	STORE(TA, const_ctxIO+16, CTX)
	LOAD(const_ctxCall, CTX, TE)
	PLUS(CTX, TE)
	KERNEL(0, TE)
	IFIS(TA, 0, called)
	IFIS(TA, const_layout, stale)
	STORE(TA, const_ctxErrno, CTX)
	IFNOT(TA, const_again, park)
	COUNT(const_ctxAgains)
	LOAD(const_ctxAgain, CTX, TB)
	INC(1, TB)
	STORE(TB, const_ctxAgain, CTX)
	SET(const_patience, TC)
	IFLO(TB, TC, letgo)
	GOTO(wake)

// An access that must fail: note it. Its reason is not an error of anybody's.
guard:
	COUNT(const_ctxGuards)
	NOTE(const_ruleHits)
	SET(const_reasonGuard, TA)
	STORE(TA, const_ctxReason, CTX)

// The access is made to fail: by poison, or else by taking away the rights to the
// page, or else it is left waiting. To wake it alone would be a circle.
fail:
	LOAD(const_ctxPoisons, CTX, TA)
	IFIS(TA, 0, protect)
	LOAD(const_msgFlags, MSG, TA)
	SET(const_flagWP|const_flagRWP, TB)
	BOTH(TB, TA)
	IFNOT(TA, 0, protect) // the page is there: it can't be poisoned
	LOAD(const_ctxAddress, CTX, TA)
	STORE(TA, const_ctxIO+0, CTX)
	LOAD(const_ctxUnit, CTX, TA)
	STORE(TA, const_ctxIO+8, CTX)
	SET(0, TA)
	STORE(TA, const_ctxIO+16, CTX)
	STORE(TA, const_ctxIO+24, CTX)
	KERNEL(const_recPoison, CTX)
	IFIS(TA, 0, failed)
	IFIS(TA, const_exists, there)
	IFIS(TA, const_layout, stale)
	IFNOT(TA, const_again, protect)
	COUNT(const_ctxAgains)
	LOAD(const_ctxAgain, CTX, TB)
	INC(1, TB)
	STORE(TB, const_ctxAgain, CTX)
	SET(const_patience, TC)
	IFLO(TB, TC, fail)
	GOTO(wake)

// Poison is there already, or a page, or a mark of write-protection, which lets no
// poison in, and at which the access faults for ever. It is taken away. If it was a page,
// its writes are not told of any more, so it counts as written.
there:
	LOAD(const_ctxThere, CTX, TA)
	IFNOT(TA, 0, exists)
	SET(1, TA)
	STORE(TA, const_ctxThere, CTX)
	LOAD(const_ctxReason, CTX, TA)
	IFNOT(TA, const_reasonFailed, unmark)
	LOAD(const_ruleWritten, RULE, TA)
	IFNOT(TA, const_actionUnprotect, unmark)
	LOAD(const_ctxAddress, CTX, TA)
	NOTE(const_ruleWrites)
unmark:
	LOAD(const_ctxAddress, CTX, TA)
	STORE(TA, const_ctxIO+0, CTX)
	LOAD(const_ctxUnit, CTX, TA)
	STORE(TA, const_ctxIO+8, CTX)
	SET(const_dontWake, TA)
	STORE(TA, const_ctxIO+16, CTX)
	KERNEL(const_recUnprotect, CTX)
	GOTO(fail)
protect:
	IFIS(RULE, 0, park) // nobody vouches for this memory
	LOAD(const_ctxAddress, CTX, TA)
	STORE(TA, const_recProtect+const_recArgs+0, CTX)
	LOAD(const_ctxUnit, CTX, TA)
	STORE(TA, const_recProtect+const_recArgs+8, CTX)
	KERNEL(const_recProtect, CTX)
	IFIS(TA, 0, barred)
	STORE(TA, const_ctxErrno, CTX)
	GOTO(park)
barred:
	LOAD(const_ctxAddress, CTX, TA)
	STORE(TA, const_ctxIO+0, CTX)
	LOAD(const_ctxUnit, CTX, TA)
	STORE(TA, const_ctxIO+8, CTX)
	KERNEL(const_recWake, CTX)
	IFIS(TA, 0, failed)
	STORE(TA, const_ctxErrno, CTX)
	GOTO(park) // a filter of system calls: nobody can be woken
failed:
	COUNT(const_ctxFailed)
	LOAD(const_ctxReason, CTX, TA)

// A report may be lost: nobody waits for it. Half of the ring is not for reports.
report:
	LOAD(const_ctxTail, CTX, TB)
	ACQUIRE
	LOAD(const_ctxHead, CTX, TC)
	MINUS(TB, TC)
	LOAD(const_ctxSlots, CTX, TB)
	RIGHT(1, TB)
	IFLO(TC, TB, push)
	COUNT(const_ctxLost)
	GOTO(done)

park:
	COUNT(const_ctxParked)
	SET(const_reasonParked, TA)
	GOTO(push)

handover:
	COUNT(const_ctxHanded)

// TA is the reason. There is room: see next.
push:
	LOAD(const_ctxHead, CTX, TB)
	LOAD(const_ctxSlots, CTX, TC)
	INC(-1, TC)
	BOTH(TB, TC)
	LEFT(const_slotShift, TC)
	LOAD(const_ctxRing, CTX, TE)
	PLUS(TE, TC)
	STORE(TA, const_slotReason, TC)
	LOAD(const_ctxErrno, CTX, TA)
	STORE(TA, const_slotErrno, TC)
	LOAD(const_ctxUnit, CTX, TA)
	STORE(TA, const_slotUnit, TC)
	LOAD(0, MSG, TA)
	STORE(TA, const_slotMessage+0, TC)
	LOAD(8, MSG, TA)
	STORE(TA, const_slotMessage+8, TC)
	LOAD(16, MSG, TA)
	STORE(TA, const_slotMessage+16, TC)
	LOAD(24, MSG, TA)
	STORE(TA, const_slotMessage+24, TC)
	INC(1, TB)
	RELEASE
	STORE(TB, const_ctxHead, CTX)
	SET(1, TA)
	STORE(TA, const_ctxPushed, CTX)

done:
	INC(const_messageSize, MSG)
	LOAD(const_ctxLeft, CTX, TA)
	INC(-1, TA)
	STORE(TA, const_ctxLeft, CTX)
	IFNOT(TA, 0, message)
	RELEASE
	COUNT(const_ctxRounds)
	SET(0, TA)
	STORE(TA, const_ctxSeen, CTX)
	LOAD(const_ctxPushed, CTX, TB)
	IFIS(TB, 0, next)
	STORE(TA, const_ctxPushed, CTX)
	KERNEL(const_recNotify, CTX)
	GOTO(next)

// Mappings went away. A rule whose range is gone serves no more, and with the last
// one the threads end, unless they are to stay.
unmapped:
	LOAD(const_ctxShared, CTX, TA)
	LOAD(const_sharedKeep, TA, TA)
	STORE(TA, const_ctxSum, CTX)
	LOAD(const_ctxSeen, CTX, RULE)
	LOAD(const_tableCount, RULE, TE)
	INC(const_tableRules, RULE)
	IFIS(TE, 0, told)
overlap:
	LOAD(const_msgStart, MSG, TA)
	LOAD(const_ruleStart, RULE, TB)
	IFHS(TA, TB, overlapend)
	MOVE(TB, TA)
overlapend:
	LOAD(const_msgEnd, MSG, TB)
	LOAD(const_ruleEnd, RULE, TC)
	IFHS(TC, TB, overlaplen)
	MOVE(TC, TB)
overlaplen:
	LOAD(const_ruleLive, RULE, TC)
	IFHS(TA, TB, left)
	MINUS(TB, TA) // minus the length
	FETCHADD(TA, 0, TC)
left:
	LOAD(0, TC, TA)
	IFLESS(TA, 1, nothing)
	LOAD(const_ctxSum, CTX, TB)
	PLUS(TA, TB)
	STORE(TB, const_ctxSum, CTX)
nothing:
	INC(const_ruleSize, RULE)
	INC(-1, TE)
	IFNOT(TE, 0, overlap)
	LOAD(const_ctxSum, CTX, TA)
	IFNOT(TA, 0, told)
	LOAD(const_ctxShared, CTX, TA)
	SET(1, TB)
	STORE(TB, const_sharedStop, TA)
	KERNEL(const_recStopAll, CTX)
told:
	SET(const_reasonEvent, TA)
	GOTO(report)

// There is nothing to read.
unread:
	COUNT(const_ctxRounds)
	SET(0, TB)
	STORE(TB, const_ctxSeen, CTX)
	IFIS(TA, 0, next)
	IFIS(TA, const_interrupted, next)
	IFNOT(TA, const_again, broken)
	LOAD(const_ctxSpun, CTX, TA)
	LOAD(const_ctxSpin, CTX, TB)
	IFHS(TA, TB, sleep)
	INC(1, TA)
	STORE(TA, const_ctxSpun, CTX)
	RELAX
	GOTO(next)
sleep:
	SET(0, TA)
	STORE(TA, const_ctxSpun, CTX)
	COUNT(const_ctxSleeps)
	KERNEL(const_recPoll, CTX)
awake:
	IFIS(TA, const_interrupted, next)
	IFIS(TA, const_invalid, nap)
	IFLESS(TA, 0, broken)
	LOADH(const_ctxPoll+const_pollKick+const_pollRevents, CTX, TA)
	IFIS(TA, 0, undrained)
	KERNEL(const_recDrain, CTX)
undrained:
	LOADH(const_ctxPoll+const_pollFaults+const_pollRevents, CTX, TA)
	SET(const_pollBroken, TB)
	BOTH(TA, TB)
	IFIS(TB, 0, next)
	SET(const_badDescriptor, TA)

broken:
	STORE(TA, const_ctxEnd, CTX)
	GOTO(end)

// A process that may open no descriptors (RLIMIT_NOFILE) may not poll as many either.
nap:
	KERNEL(const_recNap, CTX)
	GOTO(next)

// The ring is full. Say so before looking again: who makes room looks for it after
// that.
full:
	SET(1, TA)
	EXCHANGE(TA, const_ctxWaiting, CTX)
	COUNT(const_ctxFulls)
	LOAD(const_ctxTail, CTX, TA)
	ACQUIRE
	LOAD(const_ctxSlots, CTX, TB)
	PLUS(TB, TA)
	LOAD(const_ctxHead, CTX, TB)
	IFNE(TA, TB, room)
	KERNEL(const_recPollRoom, CTX)
	SET(0, TB)
	STORE(TB, const_ctxWaiting, CTX)
	GOTO(awake)
room:
	SET(0, TA)
	STORE(TA, const_ctxWaiting, CTX)
	GOTO(next)

// Whoever is called by the last notice must find that it is the last.
end:
	SET(1, TA)
	RELEASE
	STORE(TA, const_ctxDone, CTX)
	KERNEL(const_recNotify, CTX)
forever:
	KERNEL(const_recExit, CTX)
	GOTO(forever)
