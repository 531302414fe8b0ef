package uffd

import "github.com/pageslot/pageslot/sys"

// decode makes an event of a message, but for the descriptor of a fork.
func decode(m *sys.UffdMsg) Event {
	return Event{Kind: EventKind(m.Event), arg: m.Arg.Raw}
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
