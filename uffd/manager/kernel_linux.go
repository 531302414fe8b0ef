package manager

import (
	"github.com/pageslot/pageslot/uffd"
)

// kernel makes the calls on a real descriptor.
type kernel struct {
	*uffd.Descriptor
	shared *shared
}

// shared is what all descriptors of a Manager use, one at a time.
type shared struct {
	events  []uffd.Event
	nothing []byte // a page that cannot be read
}

// events has TryRead's answers.
func (k kernel) events(into []event) (int, error) {
	raw := k.shared.events[:min(len(into), len(k.shared.events))]
	n, err := k.TryRead(raw)
	for i := range raw[:n] {
		e := &raw[i]
		into[i] = event{kind: e.Kind}
		switch e.Kind {
		case uffd.EventPagefault:
			into[i].fault = e.Fault()
		case uffd.EventRemap:
			into[i].remap = e.Remap()
		case uffd.EventRemove, uffd.EventUnmap:
			into[i].removed = e.Removed()
		case uffd.EventFork:
			if child := e.Child(); child != nil {
				into[i].child = kernel{child, k.shared}
			}
		}
		raw[i] = uffd.Event{}
	}
	return n, err
}

// anywhere is an address that every port has, and above what mmap_min_addr could
// forbid. What is there does not matter.
const anywhere = 256 << 20

// alive asks for a copy from a page that cannot be read, which changes nothing
// wherever it goes: the kernel first looks whether there is a process.
func (k kernel) alive() error {
	_, err := k.Copy(anywhere, k.shared.nothing, uffd.DontWake)
	return err
}
