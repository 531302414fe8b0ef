package uffd_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/pageslot/pageslot/memfd"
	"github.com/pageslot/pageslot/uffd"
)

// A descriptor with what a program cannot do without, and what it would like.
func ExampleOpen() {
	d, err := uffd.Open(uffd.Options{
		Required: uffd.FeatureSIGBUS,
		Wanted:   uffd.FeatureMove | uffd.FeatureWPAsync,
		UserMode: uffd.UserModeFallback,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	if d.UserModeOnly() {
		fmt.Println("system calls on missing pages will fail with EFAULT")
	}
	if d.Enabled().Has(uffd.FeatureMove) {
		fmt.Println("pages can be moved")
	}
}

// What a program can tell its user when there is no descriptor to be had.
func ExampleOpenError() {
	_, err := uffd.Open(uffd.Options{})
	failed, ok := errors.AsType[*uffd.OpenError](err)
	switch {
	case !ok:
		// Open worked, or failed for a reason of another kind.
	case errors.Is(err, fs.ErrPermission):
		fmt.Println("not allowed:", failed.Remedy())
	case errors.Is(err, errors.ErrUnsupported):
		fmt.Println("not there:", failed.Remedy())
	}
}

// Features print as the kernel's headers call them.
func ExampleFeatures_String() {
	fmt.Println(uffd.FeatureSIGBUS|uffd.FeatureMove, uffd.Features(1<<40))
	// Output: SIGBUS|MOVE 0x10000000000
}

// The file has the page; the process that maps it must not see it before it was
// looked at. Whoever touches the mapping waits until Continue lets him have the
// page, which nobody has to copy.
//
// The one who touches it is a system call here, for a goroutine must never do that in
// the process that serves the fault (see above). So the descriptor has to see
// faults inside the kernel.
func Example_minor() {
	file, err := memfd.Create("image", 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	page := os.Getpagesize()
	if err := file.Truncate(int64(page)); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := file.WriteAt([]byte("draft"), 0); err != nil {
		fmt.Println(err)
		return
	}
	mapping, err := file.MapShared(0, page, memfd.ProtRead|memfd.ProtWrite)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer mapping.Close()

	d, err := uffd.Open(uffd.Options{Required: uffd.FeatureMinorShmem})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	all := uffd.RangeOf(mapping.Bytes())
	if _, err := d.Register(all, uffd.ModeMinor); err != nil {
		fmt.Println(err)
		return
	}

	r, w, err := os.Pipe()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	go func() {
		defer w.Close()
		w.Write(mapping.Bytes()[:5]) // write(2) reads the page, and waits
	}()

	var events [1]uffd.Event
	if _, err := d.Read(events[:]); err != nil {
		fmt.Println(err)
		return
	}
	fault := events[0].Fault()
	fmt.Println("minor:", fault.Flags.Has(uffd.FaultMinor), "the first page:", fault.Address == all.Start)
	if _, err := file.WriteAt([]byte("final"), 0); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := d.ContinueAll(all, 0, uffd.Retry{Exist: uffd.ExistSkip}); err != nil {
		fmt.Println(err)
		return
	}
	seen, err := io.ReadAll(r)
	fmt.Printf("%s %v\n", seen, err)
}
