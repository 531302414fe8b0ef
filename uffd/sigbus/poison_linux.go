package sigbus

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// Poisoned asks the kernel whether the page is poisoned. Copy would put another page
// over the poison. It costs a system call, MADV_POPULATE_READ; before Linux 5.14 the
// answer is always no.
func (f Fault) Poisoned() bool { return poison(f.Page) != nil }

// poison is an error if a page is poisoned, which the panic does not tell: to
// populate it is EHWPOISON then, and EFAULT if it is missing (Linux 5.14; EINVAL
// before). The page has just had a signal instead of a message, so this does not wait.
//
// On loong64 kernels stop when a system call looks at a poisoned page of hugetlbfs
// (seen with Linux 7.2), so there it is not asked.
func poison(page uffd.Range) error {
	if runtime.GOARCH == "loong64" && page.Len != pageSize {
		return nil
	}
	err := sys.Madvise(uintptr(page.Start), uintptr(page.Len), sys.MADV_POPULATE_READ)
	if errors.Is(err, unix.EHWPOISON) {
		return fmt.Errorf("%w: %w", ErrPoisoned, err)
	}
	return nil
}
