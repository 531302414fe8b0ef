package probe_test

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/pageslot/pageslot/probe"
)

// One question, and the three kinds of answers.
func ExampleAsk() {
	switch err := probe.Ask(probe.GuardInstall).Err(); {
	case err == nil:
		// The kernel has guard regions, and they guard.
	case errors.Is(err, errors.ErrUnsupported):
		// It has not. The error says why, and what would help.
	case errors.Is(err, fs.ErrPermission):
		// It would need more privilege.
	default:
		// Something else was in the way. This says nothing about the kernel.
	}
	fmt.Println(probe.GuardInstall, "asks for", probe.GuardInstall.Asks())
	// Output: guard.install asks for MADV_GUARD_INSTALL, and that the page is out of reach then
}

// In a test the error goes to testgate.Need, which skips for the first two kinds
// of answers that are not yes:
//
//	testgate.Need(t, testgate.GuardRegions, probe.Ask(probe.GuardInstall).Err())
func ExampleAnswer_Err() {
	a := probe.Answer{Name: "guard.install", Verdict: probe.No, Reason: "madvise: this kernel does not know it", Remedy: "Linux 6.13"}
	err := a.Err()
	fmt.Println(err)
	fmt.Println(errors.Is(err, errors.ErrUnsupported))
	// Output:
	// probe: guard.install: no: madvise: this kernel does not know it (remedy: Linux 6.13)
	// true
}

// A yes may still lack what a program needs.
func ExampleAnswer_ErrWithout() {
	a := probe.Answer{Name: "memfd.hugetlb", Verdict: probe.Yes, Values: []string{"HUGE_2MB"}}
	fmt.Println(a.ErrWithout("HUGE_2MB"))
	fmt.Println(a.ErrWithout("HUGE_2MB", "HUGE_1GB"))
	// Output:
	// <nil>
	// probe: memfd.hugetlb: no: without HUGE_1GB
}

// A question of one's own spelling is inconclusive, not a no.
func ExampleAsk_unknown() {
	fmt.Println(probe.Ask("guard.instal").Err())
	// Output: probe: guard.instal: inconclusive: there is no question "guard.instal" (remedy: probe.Questions lists them)
}
