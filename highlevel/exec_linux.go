package highlevel

import (
	"github.com/pageslot/pageslot/internal/kernelcall"
	"github.com/pageslot/pageslot/memfd"
	"github.com/pageslot/pageslot/sys"
)

// What every mapping of a slab has, so that the kernel can merge them again.
const reserveFlags = sys.MAP_PRIVATE | sys.MAP_ANONYMOUS | sys.MAP_NORESERVE

// execute does one step of a plan on a slot. All memory operations of this
// package but a slab's birth and end go through here, so a test can fail any of them.
func execute(slot *Slot, s step, image *memfd.Image) error {
	if v := kernelcall.Decide(s.op); v.Skip {
		if v.Err == nil {
			return nil
		}
		return failed(slot, s, v.Err)
	}
	if err := call(slot, s, image); err != nil {
		return failed(slot, s, err)
	}
	return nil
}

func call(slot *Slot, s step, image *memfd.Image) error {
	addr, length := slot.base+uintptr(s.off), uintptr(s.len)
	switch s.op {
	case kernelcall.Reserve:
		_, err := sys.Mmap(addr, length, sys.PROT_NONE, reserveFlags|sys.MAP_FIXED, -1, 0)
		return err
	case kernelcall.MapImage:
		_, err := sys.Mmap(addr, length, sys.PROT_READ|sys.PROT_WRITE, sys.MAP_PRIVATE|sys.MAP_NORESERVE|sys.MAP_FIXED, image.Fd(), image.FileOffset())
		return err
	case kernelcall.NoDump:
		err := sys.Madvise(addr, length, sys.MADV_DONTDUMP)
		if err == nil && slot.noHuge {
			err = sys.Madvise(addr, length, sys.MADV_NOHUGEPAGE)
		}
		return err
	case kernelcall.Open:
		return sys.Mprotect(addr, length, sys.PROT_READ|sys.PROT_WRITE)
	case kernelcall.Discard:
		return sys.Madvise(addr, length, sys.MADV_DONTNEED)
	case kernelcall.Restore: // always from the slot's beginning
		return restore(slot.bytes(s.len), image)
	}
	return errNotOnThisSystem
}

func failed(slot *Slot, s step, err error) error {
	name := s.op.String()
	switch s.op {
	case kernelcall.Reserve, kernelcall.MapImage:
		name = "mmap (" + name + ")"
	case kernelcall.Open:
		name = "mprotect (" + name + ")"
	case kernelcall.NoDump, kernelcall.Discard:
		name = "madvise (" + name + ")"
	}
	return &OpError{Call: name, Addr: slot.base + uintptr(s.off), Len: s.len, Err: err}
}
