package pagemap_test

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/pagemap"
)

// Which pages of a mapping have contents, on every kernel.
func Example() {
	page := os.Getpagesize()
	mem, err := unix.Mmap(-1, 0, 8*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer unix.Munmap(mem)
	_ = unix.Madvise(mem, unix.MADV_NOHUGEPAGE)
	mem[2*page], mem[3*page], mem[6*page] = 1, 1, 1

	m, err := pagemap.Open(0)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	r := uffd.RangeOf(mem)
	show := func(first, end uint64) {
		fmt.Printf("pages %d to %d\n", (first-r.Start)/uint64(page), (end-r.Start)/uint64(page)-1)
	}

	q := pagemap.Query{AnyOf: pagemap.Populated}
	err = m.Walk(r, q, make([]pagemap.Region, 16), func(r pagemap.Region) error {
		show(r.Start, r.End)
		return nil
	})
	if errors.Is(err, errors.ErrUnsupported) { // before Linux 6.7
		var entries [8]pagemap.Entry
		_, err = m.Entries(r.Start, entries[:])
		for i := 0; i < len(entries); i++ {
			first := i
			for i < len(entries) && entries[i].Populated() {
				i++
			}
			if i > first {
				show(r.Start+uint64(first*page), r.Start+uint64(i*page))
			}
		}
	}
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// pages 2 to 3
	// pages 6 to 6
}

// Categories print as the kernel's headers call them.
func ExampleCategories_String() {
	fmt.Println(pagemap.Populated, pagemap.Categories(1<<40))
	// Output: PRESENT|SWAPPED 0x10000000000
}
