package resolver

import (
	"fmt"
	"os"

	"github.com/pageslot/pageslot/uffd"
)

// Action is what the thread does about a fault.
type Action uint8

const (
	// None is that such faults are not asked for.
	None Action = iota
	// Zero puts zeros there (UFFDIO_ZEROPAGE).
	Zero
	// Copy puts a part of Rule.Source there (UFFDIO_COPY).
	Copy
	// Continue maps the page that the file has (UFFDIO_CONTINUE).
	Continue
	// Unprotect notes the page and lets the write through (UFFDIO_WRITEPROTECT).
	// [Resolver.Writes] reads the notes.
	Unprotect
	// Guard notes the page and makes the access fail: with SIGBUS by
	// UFFDIO_POISON where the kernel has it (Linux 6.6), and otherwise with SIGSEGV
	// by mprotect(2) with PROT_NONE. System calls get EFAULT. [Resolver.Hits] reads
	// the notes, and [Resolver.Reset] undoes it.
	Guard
	// Hand hands the fault over to [Resolver.Read]. Whoever faulted waits until the
	// program has resolved it.
	Hand
)

// String is the constant's name.
func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return fmt.Sprintf("Action(%d)", uint8(a))
}

var actionNames = []string{"None", "Zero", "Copy", "Continue", "Unprotect", "Guard", "Hand"}

// Rule is a range and what becomes of faults in it. At least one action has to be
// there: they decide what the range is registered for.
type Rule struct {
	// Range is of whole pages, of memory of this process.
	Range uffd.Range
	// Page is the size of the pages, for hugetlbfs; 0 is that of small pages. It has to
	// be that of the memory.
	Page uint64
	// Granule is how much is put there at once, a power of two: the part of the range
	// that the fault lies in, counted from the start of the range. 0 is one page.
	Granule uint64

	Missing Action // faults on missing pages: Zero, Copy, Guard, Hand
	Minor   Action // on pages that only the file has: Continue, Guard, Hand
	Written Action // writes to protected pages: Unprotect, Hand

	// Source is what Copy puts there, from the start of the range on: whole pages, and
	// not more than the range has. Behind it are zeros. It has to stay as long as the
	// rule is there (memory of Go's heap does, since the rule refers to it), must not
	// be written meanwhile, and had better be present: the thread that waits for
	// Source serves nobody.
	Source []byte

	// Protected makes Copy and Continue put write-protected pages there, which is
	// for rules with Written. Zeros are not protected, but for pages of private anonymous
	// memory that were protected before they were there (uffd.FeatureWPUnpopulated).
	Protected bool
}

// mode is what the range has to be registered for.
func (r *Rule) mode() (m uffd.Mode) {
	if r.Missing != None {
		m |= uffd.ModeMissing
	}
	if r.Minor != None {
		m |= uffd.ModeMinor
	}
	if r.Written != None {
		m |= uffd.ModeWP
	}
	return m
}

var pageSize = uint64(os.Getpagesize())

// completed is the rule with its defaults, or what is wrong with it.
func (r Rule) completed() (Rule, string) {
	if r.Page == 0 {
		r.Page = pageSize
	}
	if r.Granule == 0 {
		r.Granule = r.Page
	}
	for _, s := range []func(*Rule) string{(*Rule).sizes, (*Rule).actions, (*Rule).sources} {
		if odd := s(&r); odd != "" {
			return r, odd
		}
	}
	return r, ""
}

func (r *Rule) sizes() string {
	switch {
	case r.Page < pageSize || r.Page&(r.Page-1) != 0:
		return fmt.Sprintf("Page is %d: it has to be a power of two, and at least %d", r.Page, pageSize)
	case r.Granule < r.Page || r.Granule&(r.Granule-1) != 0:
		return fmt.Sprintf("Granule is %d: it has to be a power of two, and at least a page, %d", r.Granule, r.Page)
	case r.Range.Len == 0:
		return "the range is empty"
	case r.Range.Start%r.Page != 0 || r.Range.Len%r.Page != 0:
		return fmt.Sprintf("the range does not consist of whole pages of %d bytes", r.Page)
	case r.Range.End() < r.Range.Start || r.Range.End() > maxAddress:
		return "the range goes beyond the last address"
	}
	return ""
}

func (r *Rule) actions() string {
	for _, x := range []struct {
		name    string
		action  Action
		allowed []Action
	}{
		{"Missing", r.Missing, []Action{None, Zero, Copy, Guard, Hand}},
		{"Minor", r.Minor, []Action{None, Continue, Guard, Hand}},
		{"Written", r.Written, []Action{None, Unprotect, Hand}},
	} {
		if !has(x.allowed, x.action) {
			return fmt.Sprintf("%s cannot be %v", x.name, x.action)
		}
	}
	if r.mode() == 0 {
		return "there is no action"
	}
	if r.Missing == Zero && r.Page > pageSize {
		return "hugetlbfs has no page of zeros: Copy it"
	}
	return ""
}

func has(all []Action, one Action) bool {
	for _, a := range all {
		if a == one {
			return true
		}
	}
	return false
}

func (r *Rule) sources() string {
	n := uint64(len(r.Source))
	switch {
	case r.Missing != Copy && r.Source != nil:
		return fmt.Sprintf("there is a Source, and Missing is %v", r.Missing)
	case r.Missing == Copy && (n == 0 || n%r.Page != 0):
		return fmt.Sprintf("Source has %d bytes: it has to consist of whole pages of %d", n, r.Page)
	case n > r.Range.Len:
		return fmt.Sprintf("Source has %d bytes, more than the range, %d", n, r.Range.Len)
	case r.Missing == Copy && n < r.Range.Len && r.Page > pageSize:
		return fmt.Sprintf("Source has %d bytes, the range %d, and hugetlbfs has no page of zeros", n, r.Range.Len)
	case r.Protected && r.Written == None:
		return "Protected needs Written"
	case r.Protected && r.Missing != Copy && r.Minor != Continue:
		return "Protected is for Copy and Continue"
	}
	return ""
}

// maxAddress is no address of user memory on any port that has the loop.
const maxAddress = 1 << 63
