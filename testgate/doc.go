// Package testgate is for tests of kernel features: it decides about skips, and
// it runs what may hang or die.
//
// # Skips
//
// A test that cannot run on this machine says so with a name from a closed
// list and a reason. Package probe knows most of the reasons:
//
//	testgate.Need(t, testgate.GuardRegions, probe.Ask(probe.GuardInstall).Err())
//	testgate.Need(t, testgate.Pkey, pkey.Supported())
//	testgate.Skip(t, testgate.Hugetlb, "no huge page of 2 MiB is reserved")
//	testgate.Need(t, "x-io-uring", ringErr) // a name of your own begins with x-
//
// Need skips only for an error that says that there is no such thing
// ([errors.ErrUnsupported]); any other error fails the test. Where nothing else
// skips (in this repository internal/lint looks for it), a skip can be counted
// and forbidden:
//
//   - PAGESLOT_FORBID_SKIPS turns skips into failures. It holds names
//     separated by commas, or "all", or "all" with exceptions:
//     "all,-pkey,-hugetlb". A machine that has protection keys sets "pkey",
//     and a probe that wrongly says no then fails the tests. A name that does
//     not exist is a failure too: a spelling mistake would allow everything.
//   - PAGESLOT_SKIP_LOG names a file (an absolute path) that gets one line for
//     each skip: the name, the package and test, and the reason, separated by
//     tabs. Test processes that run at the same time may share it.
//
// # Children
//
// What may hang, die of a signal or spoil the process runs in a child:
//
//	func TestHang(t *testing.T) {
//		out, inChild, err := testgate.Child(t, 10*time.Second)
//		if inChild {
//			touchTheMissingPage() // a failure here is the child's failure
//			return
//		}
//		if err != nil {
//			t.Fatal(err) // holds the child's output and, after the deadline, its stacks
//		}
//		...
//	}
//
// The child is the same test binary, run for exactly this test. A skip in the
// child is a skip of the parent.
//
// PAGESLOT_TIME_SCALE, a number of at least 1, stretches every deadline: an
// emulated machine is 7 to 150 times slower than a real one.
//
// Both work as they are under other kernels and processors, with
// "go test -exec 'pageslot vm exec -kernel 6.1'"; docs/testing.md tells more.
// Only tests import this package.
package testgate
