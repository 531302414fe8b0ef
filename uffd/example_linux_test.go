package uffd_test

import (
	"errors"
	"fmt"
	"io/fs"

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
