package probe

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"

	"github.com/pageslot/pageslot/pkey"
	"github.com/pageslot/pageslot/sys"
)

// mostKeys is more than any processor has.
const mostKeys = 64

const machineWithKeys = "a processor and a kernel that have them: amd64 with PKU since Linux 4.9, " +
	"arm64 with FEAT_S1POE since 6.12, ppc64 and ppc64le with the hash MMU since 4.16; in a virtual machine, one that passes them through. " +
	"Pools work without, with one stripe"

// protectionKeys counts the keys that a process can have, whoever has them now,
// and says which is the lowest.
func protectionKeys() Answer {
	var all []int
	free, err := takeKeys(func() { all = takenKeys() })
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return no(err.Error()+whyNoKeys(), machineWithKeys)
	case err != nil:
		return Answer{Verdict: Inconclusive, Reason: err.Error()}
	case len(all) < len(free) || len(all) == 0:
		return Answer{Verdict: Inconclusive, Reason: fmt.Sprintf("%d keys were allocated, and memory can have %d", len(free), len(all))}
	}
	return yes(fmt.Sprintf("%d keys", len(all)), fmt.Sprintf("the lowest is %d", all[0]))
}

// freeKeys counts those that nobody has.
func freeKeys() Answer {
	free, err := takeKeys(func() {})
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return no(err.Error()+whyNoKeys(), machineWithKeys)
	case err != nil:
		return Answer{Verdict: Inconclusive, Reason: err.Error()}
	case len(free) == 0:
		return no("all protection keys of this process are taken", "pkey_free of those that are not needed")
	}
	return yes(fmt.Sprintf("%d keys", len(free)))
}

// keys keeps two who ask at once from taking each other's keys for used.
var keys sync.Mutex

// takeKeys allocates all keys that are left, calls meanwhile and gives them
// back. All are closed, as they were; the rights of a thread are its own, so one
// thread does it all. An error leaves no key allocated.
func takeKeys(meanwhile func()) (free []pkey.Key, err error) {
	keys.Lock()
	defer keys.Unlock()
	if err := pkey.Supported(); err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer func() {
		for _, k := range free {
			if e := k.Free(); e != nil {
				err = e
			}
		}
	}()
	for len(free) < mostKeys {
		k, err := pkey.Alloc()
		if errors.Is(err, pkey.ErrExhausted) {
			break
		}
		if err != nil {
			return free, err
		}
		free = append(free, k)
	}
	meanwhile()
	return free, nil
}

// takenKeys are those that memory can have: a page of its own takes only those
// that somebody has allocated.
func takenKeys() (taken []int) {
	page := uintptr(os.Getpagesize())
	addr, err := sys.Mmap(0, page, sys.PROT_NONE, reserve, -1, 0)
	if err != nil {
		return nil
	}
	defer sys.Munmap(addr, page)
	for key := 1; key < mostKeys; key++ {
		if sys.PkeyMprotect(addr, page, sys.PROT_NONE, key) == nil {
			taken = append(taken, key)
		}
	}
	return taken
}
