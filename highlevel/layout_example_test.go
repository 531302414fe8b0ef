package highlevel_test

import (
	"fmt"

	"github.com/pageslot/pageslot/highlevel"
)

// A megabyte each for 100 tenants whose generated code reaches 16 MiB and a
// guard of 1 MiB without checks: with 15 keys their slots move together.
func ExampleNewLayout() {
	const mib = 1 << 20
	c := highlevel.Constraints{Slots: 100, MaxMemory: mib, Reservation: 16 * mib, Guard: mib, PageSize: 4096}
	for _, keys := range []int{0, 15} {
		c.Keys = keys
		l, err := highlevel.NewLayout(c)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%2d keys: %2d stripes, slots of %5d KiB, %4d MiB in all\n",
			keys, l.Stripes, l.SlotBytes>>10, l.Total/mib)
	}
	// Output:
	//  0 keys:  1 stripes, slots of 17408 KiB, 1700 MiB in all
	// 15 keys: 15 stripes, slots of  1164 KiB,  129 MiB in all
}
