package pkey

import (
	"fmt"
	"os"
	"strconv"
)

// Key is a protection key: its number, as /proc/self/smaps shows it. The zero
// Key is that of all memory which nobody coloured; it is not allocated and
// cannot be freed.
//
// A Key is a number and no more. Once it is freed, the kernel may give the same
// number to somebody else, whose key the old Key then is: it must be forgotten.
type Key int

// String is "key" and the number.
func (k Key) String() string { return "key " + strconv.Itoa(int(k)) }

// Prot is what may be done to memory (mprotect(2)) by those whom its key lets
// through.
type Prot int

// String gives the kernel's names without their prefix, and bits without a name
// in hexadecimal.
func (p Prot) String() string {
	if p == ProtNone {
		return "NONE"
	}
	var s string
	for _, n := range []struct {
		bit  Prot
		name string
	}{{ProtRead, "READ"}, {ProtWrite, "WRITE"}, {ProtExec, "EXEC"}} {
		if p&n.bit != 0 {
			s += "|" + n.name
			p &^= n.bit
		}
	}
	if p != 0 {
		s += fmt.Sprintf("|%#x", uint(p))
	}
	return s[1:]
}

// checkProtect finds what is wrong with the arguments of Protect before the
// kernel does, whose answers say less.
func checkProtect(addr, length uintptr, prot Prot, key Key) error {
	page := uintptr(os.Getpagesize())
	whole := (length + page - 1) &^ (page - 1)
	var err error
	switch {
	case key < 0:
		err = notAllocated(invalid)
	case addr%page != 0:
		err = ErrAlign
	case whole < length || addr+whole < addr:
		err = ErrRange
	default:
		return nil
	}
	return protectError(addr, length, prot, key, err)
}

func protectError(addr, length uintptr, prot Prot, key Key, err error) error {
	return &Error{Op: "pkey_mprotect", Detail: fmt.Sprintf("of %d bytes at %#x, %v, %v", length, addr, prot, key), Err: err}
}
