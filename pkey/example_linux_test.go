package pkey_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/pageslot/pageslot/pkey"
	"github.com/pageslot/pageslot/sys"
)

// A page that no thread can reach, until it gets key 0 again.
func Example() {
	key, err := pkey.Alloc()
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return // this machine has no keys, and err says why
	case errors.Is(err, pkey.ErrExhausted):
		return // it has, but this process has used them up
	case err != nil:
		fmt.Println(err)
		return
	}
	defer key.Free()

	page := uintptr(os.Getpagesize())
	addr, err := sys.Mmap(0, page, sys.PROT_NONE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS, -1, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sys.Munmap(addr, page) // before the key is freed: memory keeps its colour
	if err := pkey.Protect(addr, page, pkey.ProtRead|pkey.ProtWrite, key); err != nil {
		fmt.Println(err)
	}
}

// Key 0 is everybody's.
func ExampleKey_Free() {
	fmt.Println(pkey.Key(0).Free())
	// Output: pkey: pkey_free key 0: key 0 belongs to all memory that has no other key
}
