// Package hugepages finds the huge pages of hugetlbfs and has the kernel reserve
// some for a test, which ends with them given back.
//
// It does not skip: package testgate does, by the name that the test chooses.
//
//	size, err := hugepages.Default()
//	if err != nil {
//		testgate.Skip(t, testgate.Proc, err.Error())
//	}
//	if size == 0 {
//		testgate.Skip(t, testgate.Hugetlb, "the kernel has no huge pages")
//	}
//	if why, long := hugepages.Long(size); long {
//		testgate.NeedLong(t, why)
//	}
//	if err := hugepages.Reserve(t, size, 4, testgate.Stretch(t, time.Second)); err != nil {
//		t.Log(err) // those that are there may suffice: mmap tells
//	}
//
// A test binary with many such tests has a [Keeper], and releases it in TestMain.
//
// Transparent huge pages are something else: nobody reserves them.
package hugepages
