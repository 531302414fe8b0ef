package highlevel_test

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/pageslot/pageslot/highlevel"
)

// An interpreter that leaves out bounds checks: an access behind the memory is an error
// that says where, and neither a crash nor somebody else's byte.
func ExampleLease_Do() {
	pool, err := highlevel.New(highlevel.Config{Slots: 4, MaxMemory: 1 << 20, Reservation: 16 << 20})
	check(err)
	defer pool.Close()
	lease, err := pool.Tenant().Acquire(nil, 64<<10)
	check(err)

	for _, offset := range []uintptr{65535, 1 << 20} {
		err = lease.Do(func(v highlevel.View) error {
			b := *(*byte)(unsafe.Add(unsafe.Pointer(&v.Bytes()[0]), offset))
			fmt.Println("read", b)
			return nil
		})
		if fault, ok := errors.AsType[*highlevel.FaultError](err); ok {
			fmt.Printf("offset %d of %d: %v\n", fault.Offset, fault.Size, fault.Kind)
		}
	}
	check(lease.Release())
	// Output:
	// read 0
	// offset 1048576 of 65536: out of bounds
}
