package resolver

import (
	"fmt"

	"github.com/pageslot/pageslot/uffd"
)

// Reason is why there is a message.
type Reason uint8

const (
	// Handed is a fault that a rule hands over. Whoever faulted waits until
	// Message.Page is resolved.
	Handed Reason = iota + 1
	// Parked is a fault that could neither be resolved nor made to fail; Message.Err
	// says why. Whoever faulted waits.
	Parked
	// Failed is a fault that could not be resolved; Message.Err says why. The access
	// was made to fail.
	Failed
	// Guarded is an access that a Guard has made fail.
	Guarded
	// Outside is a fault in memory that is registered with the descriptor and that no
	// rule has. The access was made to fail.
	Outside
	// Event is something else than a fault: a part of the memory was removed, unmapped
	// or moved.
	Event
)

// String is the constant's name.
func (r Reason) String() string {
	if r > 0 && int(r) <= len(reasonNames) {
		return reasonNames[r-1]
	}
	return fmt.Sprintf("Reason(%d)", uint8(r))
}

var reasonNames = []string{"Handed", "Parked", "Failed", "Guarded", "Outside", "Event"}

// Waits tells whether somebody waits for the page.
func (r Reason) Waits() bool { return r == Handed || r == Parked }

// Message is what a thread hands over to the program.
type Message struct {
	Reason Reason
	Page   uffd.Range // of a fault: the page
	Err    error      // of Parked and Failed
	Event  uffd.Event // what the kernel said
}

// String says what happened and what became of it.
func (m *Message) String() string {
	if m.Err != nil {
		return fmt.Sprintf("%v: %v: %v", m.Reason, m.Event.String(), m.Err)
	}
	return fmt.Sprintf("%v: %v", m.Reason, m.Event.String())
}
