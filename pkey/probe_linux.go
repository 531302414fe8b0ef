package pkey

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// Supported returns nil if this machine has protection keys, whether or not one
// is free now. Otherwise the error wraps errors.ErrUnsupported and says why; an
// error that does not leaves the question open (a filter that refuses the calls,
// no memory).
//
// It asks by allocating a key and freeing it at once. The processor's flags
// would not do: they say nothing of the kernel.
func Supported() error { return system().supported() }

func (k kernel) supported() error {
	key, err := k.allocate()
	switch {
	case errors.Is(err, ErrExhausted):
		return nil
	case err != nil:
		return &Error{Op: "pkey_alloc", Err: err}
	}
	if err := k.free(int(key)); err != nil {
		return &Error{Op: "pkey_free", Detail: key.String(), Err: err}
	}
	return nil
}

// kernel is the system calls of this package, so that tests can play other
// machines.
type kernel struct {
	alloc   func(flags, rights uint) (int, error)
	free    func(key int) error
	protect func(addr, length uintptr, prot, key int) error
}

func system() kernel { return kernel{sys.PkeyAlloc, sys.PkeyFree, sys.PkeyMprotect} }

// allocate gets a closed key and turns the kernel's refusals into reasons.
//
// A closed key, always, for a probe too: pkey_alloc sets the rights of the
// calling thread, and threads are cloned from threads. And after one
// LockOSThread: the first in a process makes the runtime start the thread from
// which it clones others as long as goroutines are locked. Made here, that thread
// is older than the key. Made later, by a thread that has the key open, it would
// have it open too, and so would all threads that come from it. (A LockOSThread
// that is not the first costs nanoseconds, so nobody has to remember.)
func (k kernel) allocate() (Key, error) {
	runtime.LockOSThread()
	runtime.UnlockOSThread()
	for range 3 {
		n, err := k.alloc(0, sys.PKEY_DISABLE_ACCESS)
		switch {
		case err == nil:
			return Key(n), nil
		case errors.Is(err, unix.EINVAL): // the first answer of x86 without keys, before a fix of 2026
			return 0, unsupported("the processor has none, or the kernel does not use them", err)
		case errors.Is(err, unix.ENOSYS):
			return 0, unsupported("the kernel was built without them", err)
		case !errors.Is(err, unix.ENOSPC):
			return 0, err
		}
		// Both a machine without keys and a process that has taken them all
		// answer ENOSPC. The second has keys.
		some, err := k.someTaken()
		if err != nil {
			return 0, fmt.Errorf("no key is left, and whether there are any cannot be told: %w", err)
		}
		if some {
			return 0, ErrExhausted
		}
		// Another thread may have freed the last one in between: ask again.
	}
	return 0, unsupported("the processor has none, or the kernel does not use them", unix.ENOSPC)
}

func unsupported(why string, errno error) error {
	return fmt.Errorf("no protection keys: %s: %w (%w)", why, errors.ErrUnsupported, errno)
}

// mostKeys is more than any processor has: the kernel keeps a process's keys in
// one 32-bit word.
const mostKeys = 32

// someTaken tells whether any key but 0 is allocated: it colours a page of its
// own with each, which succeeds for those that are. Key 0 is no witness. Where
// there are no keys it may count as allocated or not, by version. Nor are keys
// that the kernel took for itself (for memory that may only be executed), but
// they are never all there are.
func (k kernel) someTaken() (bool, error) {
	page := uintptr(os.Getpagesize())
	addr, err := sys.Mmap(0, page, sys.PROT_NONE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS, -1, 0)
	if err != nil {
		return false, fmt.Errorf("mmap of a page: %w", err)
	}
	defer sys.Munmap(addr, page)
	for key := 1; key < mostKeys; key++ {
		err := k.protect(addr, page, sys.PROT_NONE, key)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, unix.EINVAL) {
			return false, fmt.Errorf("pkey_mprotect with key %d: %w", key, err)
		}
	}
	return false, nil
}
