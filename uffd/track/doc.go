// Package track finds out which pages of memory were written, without anybody
// waiting for anybody: write-protection of a userfaultfd with WP_ASYNC (Linux 6.7)
// lets the first write to a page through and notes it in the page table, and
// PAGEMAP_SCAN reads these notes.
//
//	t, err := track.Open() // for memory of this process
//	...
//	defer t.Close()
//	err = t.Add(uffd.RangeOf(mem)) // from here on
//	...
//	err = t.Collect(make([]pagemap.Region, 128), func(r uffd.Range) error {
//		... // written since Add, or since the last Collect
//	})
//
// No page ever waits for a handler, so this is safe for memory that goroutines
// use. The first write to each page after a Collect costs a fault that the kernel
// deals with, about a microsecond. An ordinary user may do all of it. [New] is for
// another process, whose descriptor was received.
//
// # What counts as dirty
//
// A page is dirty if it is not protected any more. That is so after a write, also
// one by a system call, and one that stored what was there before. Reading is no
// write, not even the first one, which maps a page of zeros.
//
// A page that was not there when it was added is clean, and counts like any other
// from then on.
//
// Giving up contents counts in private anonymous memory, transparent huge pages
// among them: MADV_DONTNEED, MADV_FREE when the kernel takes the page, a guard
// region. In all other memory a clean page stays clean: the kernel keeps its mark
// when MADV_DONTNEED drops a private copy of a file's page or a page of hugetlbfs,
// and when MADV_REMOVE or fallocate(2) makes a hole in the file. Who does such things
// and tracks the memory has to remember them. A dirty page stays dirty always.
//
// The notes belong to the mapping: what another process, another mapping or
// write(2) writes to a shared file is not seen. Swapping a page out and in changes
// nothing, nor do mprotect(2) and being moved within memory. A fork's child is not
// tracked; writes of the parent to pages that it shares with the child are noted.
//
// What was unmapped is not reported; if something else is mapped there, that is
// [pagemap.ErrNotTracked]. mremap(2) takes the tracking away.
//
// Ranges are in units of the memory's pages: a write to hugetlbfs makes the whole
// huge page dirty. A transparent huge page is protected as one, and split by the
// first write into it, or by a range that ends inside: so tracking costs memory its
// huge pages, and tells small pages apart.
//
// # The working set
//
// [WorkingSet] tells which pages were accessed, also only read (RWP and RWP_ASYNC,
// Linux 7.3).
//
// On systems other than Linux everything compiles and answers
// errors.ErrUnsupported.
package track
