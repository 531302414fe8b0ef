package uffd

import "github.com/pageslot/pageslot/sys"

// decode makes events of messages, but for the descriptors of forks, and tells
// whether there are any. Events are written where they stay: one that is returned
// is copied, and sixteen of them then take longer than the system call.
func decode(into []Event, messages []sys.UffdMsg) (forks bool) {
	into = into[:len(messages)]
	for i := range messages {
		e, m := &into[i], &messages[i]
		kind := EventKind(m.Event)
		e.Kind = kind
		e.arg = m.Arg.Raw
		if e.child != nil {
			e.child = nil
		}
		if kind == EventFork {
			forks = true
		}
	}
	return forks
}

// Fault is who waits for what, in an event of EventPagefault.
func (e *Event) Fault() Fault {
	if e.Kind != EventPagefault {
		return Fault{}
	}
	arg := sys.UffdMsgArg{Raw: e.arg}
	p := arg.Pagefault()
	return Fault{Address: p.Address, Flags: FaultFlags(p.Flags), Thread: p.Ptid}
}

// EventOf is the event of a message that was read without this package, by a thread
// outside of Go's runtime for example. That of a fork has no Child: the number of its
// descriptor is in the message.
func EventOf(m *sys.UffdMsg) Event {
	e := Event{Kind: EventKind(m.Event), arg: m.Arg.Raw}
	if e.Kind == EventFork {
		e.arg = [3]uint64{}
	}
	return e
}
