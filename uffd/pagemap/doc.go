// Package pagemap asks the kernel about the pages of a process: which are there,
// which were swapped out, which were written since they were last protected.
//
// [Map.Scan] and [Map.Walk] are PAGEMAP_SCAN (Linux 6.7), which finds the pages
// that fit a [Query], joins neighbours to regions, and write-protects in the same
// step what it found, where a userfaultfd with WP_ASYNC tracks the memory (package
// track does all of that). [Map.Entries] reads one word for each page, on every
// kernel. Both look at page tables alone and never touch a page, so nothing here
// can fault, and memory that a userfaultfd serves is safe to ask about.
//
//	m, err := pagemap.Open(0) // this process
//	...
//	defer m.Close()
//	q := pagemap.Query{AnyOf: pagemap.Populated, Return: pagemap.File}
//	err = m.Walk(uffd.RangeOf(mem), q, make([]pagemap.Region, 128), func(r pagemap.Region) error {
//		...
//	})
//
// # What surprises
//
// A page that was written and then swapped out is not [Present]: ask for
// [Populated]. Compaction alone makes pages look swapped for a moment.
//
// [Swapped] means every entry of a page table that is no page: pages in swap space
// or on the move, and also the marks that write-protection, guard regions and
// UFFDIO_POISON leave where there is no page.
//
// [Written] means: not protected. In memory that nobody tracks, up to Linux 7.2,
// it is every page that is there.
//
// The kernel reports where a scan ended even if it failed, and then as if all had
// been done. Scan reports it for calls that succeeded alone.
//
// In hugetlbfs a page can only be protected whole. If the range or Query.MaxPages
// cuts one, the kernel passes it by; that is [ErrHugePage] where it can be seen.
//
// On systems other than Linux everything compiles and answers
// errors.ErrUnsupported.
package pagemap
