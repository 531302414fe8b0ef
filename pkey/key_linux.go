package pkey

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// Alloc gets a key, closed in all threads: pkey_alloc(2) with
// PKEY_DISABLE_ACCESS. Memory that still has the colour of an earlier key of the
// same number comes under it, see [Key.Free].
//
// Errors: [ErrExhausted] if the process has no key left; one that wraps
// errors.ErrUnsupported, and says why, if there are none at all.
func Alloc() (Key, error) {
	key, err := system().allocate()
	if err != nil {
		return 0, &Error{Op: "pkey_alloc", Err: err}
	}
	return key, nil
}

// Free gives the key back (pkey_free(2)). The kernel checks nothing: memory
// keeps the colour, and threads their rights over it, and both pass to whoever
// gets the number next. So first all memory of this key must be unmapped or
// given key 0, and all threads be closed.
//
// Errors: [ErrKeyZero]; [ErrNotAllocated], also for a key that was freed before
// and not allocated again since.
func (k Key) Free() error { return k.free(system()) }

func (k Key) free(kernel kernel) error {
	var err error
	switch {
	case k == 0:
		err = ErrKeyZero
	case k < 0:
		err = notAllocated(invalid)
	default:
		err = kernel.free(int(k))
		// A ppc64 that has no keys (radix MMU) answers EPERM to every number.
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) && errors.Is(kernel.supported(), errors.ErrUnsupported) {
			err = notAllocated(err)
		}
	}
	if err != nil {
		return &Error{Op: "pkey_free", Detail: k.String(), Err: err}
	}
	return nil
}

// Protect gives the memory [addr, addr+length), in whole pages, the rights prot
// and the colour key (pkey_mprotect(2)). Key 0 takes a colour away. A length of 0
// does nothing.
//
// Errors: [ErrAlign] and [ErrRange] for the arguments; [ErrNotAllocated]; one
// that wraps errors.ErrUnsupported on a machine without keys, for key 0 too;
// EINVAL for rights that the processor does not have; ENOMEM if a part of the
// range is not mapped (what lies before it has changed then) or the process has
// too many mappings; EACCES if the mapping does not allow the rights; EPERM for
// sealed memory (mseal(2)).
func Protect(addr, length uintptr, prot Prot, key Key) error {
	if err := checkProtect(addr, length, prot, key); err != nil {
		return err
	}
	err := sys.PkeyMprotect(addr, length, int(prot), int(key))
	if err == nil {
		return nil
	}
	switch {
	case errors.Is(err, unix.EINVAL):
		// Which of key and rights it was, the kernel does not say.
		if why := Supported(); errors.Is(why, errors.ErrUnsupported) {
			err = why
		} else if prot&^(ProtRead|ProtWrite|ProtExec) == 0 {
			err = notAllocated(err)
		}
	case errors.Is(err, unix.ENOMEM):
		err = fmt.Errorf("not all of it is mapped, or the process has too many mappings: %w", err)
	}
	return protectError(addr, length, prot, key, err)
}
