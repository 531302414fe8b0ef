package faultloop

import (
	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// Message is what a thread hands over.
type Message struct {
	Reason  Reason
	Errno   unix.Errno // of Failed and Parked: why
	Unit    uint64     // the size of the page
	Message sys.UffdMsg
}

// Next takes what the threads have handed over, as much as there is and fits, and
// returns how much that is. Only one goroutine may call it at a time.
func (l *Loop) Next(to []Message) int {
	n := 0
	for _, t := range l.threads {
		n += t.next(to[n:])
	}
	return n
}

func (t *thread) next(to []Message) int {
	b := t.block
	tail, head := b.load(ctxTail), b.load(ctxHead)
	slots := b.load(ctxSlots)
	n := 0
	for ; n < len(to) && tail != head; n++ {
		at := int(tail&(slots-1)) << slotShift
		to[n] = Message{
			Reason:  Reason(t.ring.load(at + slotReason)),
			Errno:   unix.Errno(-int64(t.ring.load(at + slotErrno))),
			Unit:    t.ring.load(at + slotUnit),
			Message: t.ring.message(at + slotMessage),
		}
		tail++
	}
	if n > 0 {
		b.store(ctxTail, tail)
		if b.load(ctxWaiting) != 0 {
			writeEvent(t.kick)
		}
	}
	return n
}

// Notify is an eventfd, O_NONBLOCK, that becomes readable when a thread has handed
// something over or has ended.
func (l *Loop) Notify() int { return l.notify }

// Counters are sums over all threads.
type Counters struct {
	Messages, Batches, Sleeps        uint64
	Missing, Minor, Written, Touched uint64 // faults, by kind
	Outside                          uint64
	Bytes, Exists, Agains, Stale     uint64
	Guards, Failed, Parked, Handed   uint64
	Lost, Fulls                      uint64
	Copies, Zeros, Continues         uint64 // calls that did all of what was left to do
	Unprotects, Touches              uint64
}

// Counters reads the counters, at any time.
func (l *Loop) Counters() (c Counters) {
	for _, t := range l.threads {
		for _, x := range [...]struct {
			to *uint64
			at int
		}{
			{&c.Messages, ctxCount}, {&c.Batches, ctxBatches}, {&c.Sleeps, ctxSleeps},
			{&c.Missing, ctxMissing}, {&c.Minor, ctxMinor}, {&c.Written, ctxWritten}, {&c.Touched, ctxTouched},
			{&c.Outside, ctxOutside}, {&c.Bytes, ctxBytes}, {&c.Exists, ctxExists}, {&c.Agains, ctxAgains},
			{&c.Stale, ctxStale}, {&c.Guards, ctxGuards}, {&c.Failed, ctxFailed}, {&c.Parked, ctxParked},
			{&c.Handed, ctxHanded}, {&c.Lost, ctxLost}, {&c.Fulls, ctxFulls},
			{&c.Copies, recCopy + recDone}, {&c.Zeros, recZero + recDone}, {&c.Continues, recContinue + recDone},
			{&c.Unprotects, recUnprotect + recDone}, {&c.Touches, recTouch + recDone},
		} {
			*x.to += t.block.load(x.at)
		}
	}
	return c
}
