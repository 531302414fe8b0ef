package probe

// Kinds of memory: the values of the questions about userfaultfd and guard
// regions.
const (
	PrivateAnonymous = "private anonymous" // MAP_PRIVATE|MAP_ANONYMOUS
	SharedAnonymous  = "shared anonymous"  // MAP_SHARED|MAP_ANONYMOUS
	SharedMemfd      = "shared memfd"      // MAP_SHARED of a file of memfd_create(2)
	PrivateMemfd     = "private memfd"     // MAP_PRIVATE of such a file
	SharedHugetlb    = "shared hugetlb"    // MAP_SHARED of such a file, of huge pages
	PrivateHugetlb   = "private hugetlb"   // MAP_PRIVATE of such a file, of huge pages
	THP              = "huge page"         // private anonymous memory in one transparent huge page
)
