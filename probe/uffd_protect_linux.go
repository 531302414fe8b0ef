package probe

import (
	"errors"
	"fmt"
	"os"

	"github.com/pageslot/pageslot/sys"
)

// writeProtect has a write stopped and let go on. Only a write that is really
// stopped proves it: Linux 5.10 accepts all three calls where the processor's
// port has no bit for it, and lets writes through.
func (t *trial) writeProtect() error {
	if err := t.fill(); err != nil {
		return err
	}
	if err := t.register(sys.UFFDIO_REGISTER_MODE_WP, "write-protection"); err != nil {
		return err
	}
	if err := t.setWriteProtect(sys.UFFDIO_WRITEPROTECT_MODE_WP); err != nil {
		return err
	}
	if err := t.holds(first, "write-protection"); err != nil {
		return err
	}
	if err := trapped(t.store(t.mem, second), "the kernel claims it, UFFDIO_REGISTER and UFFDIO_WRITEPROTECT succeed, but a write"); err != nil {
		return err
	}
	if err := t.setWriteProtect(0); err != nil {
		return err
	}
	if err := t.store(t.mem, second); err != nil {
		return fmt.Errorf("after UFFDIO_WRITEPROTECT took the protection away a write fails: %w", err)
	}
	return t.holds(second, "write-protection and a write")
}

func (t *trial) setWriteProtect(mode uint64) error {
	return patiently(func() error {
		a := sys.UffdioWriteprotect{Range: t.span(), Mode: mode}
		return failed("UFFDIO_WRITEPROTECT", sys.UffdioWriteprotectCall(t.fd, &a))
	})
}

// rwp has reads and writes stopped.
func (t *trial) rwp() error {
	if err := t.armRWP(); err != nil {
		return err
	}
	_, err := t.load(t.mem)
	if err := trapped(err, "UFFDIO_RWPROTECT succeeds, but a read"); err != nil {
		return err
	}
	if err := trapped(t.store(t.mem, second), "UFFDIO_RWPROTECT succeeds, but a write"); err != nil {
		return err
	}
	if err := t.setRWP(0); err != nil {
		return err
	}
	return t.holds(first, "UFFDIO_RWPROTECT took the protection away")
}

func (t *trial) armRWP() error {
	if err := t.fill(); err != nil {
		return err
	}
	if err := t.register(sys.UFFDIO_REGISTER_MODE_RWP, "read-write-protection"); err != nil {
		return err
	}
	return t.setRWP(sys.UFFDIO_RWPROTECT_MODE_RWP)
}

func (t *trial) setRWP(mode uint64) error {
	return patiently(func() error {
		a := sys.UffdioRwprotect{Range: t.span(), Mode: mode}
		return failed("UFFDIO_RWPROTECT", sys.UffdioRwprotectCall(t.fd, &a))
	})
}

// writeProtectAsync has a write noted and not stopped.
func (t *trial) writeProtectAsync() error {
	if err := t.fill(); err != nil {
		return err
	}
	if err := t.register(sys.UFFDIO_REGISTER_MODE_WP, "write-protection"); err != nil {
		return err
	}
	if err := t.setWriteProtect(sys.UFFDIO_WRITEPROTECT_MODE_WP); err != nil {
		return err
	}
	return t.noted(sys.PAGE_IS_WRITTEN, "WRITTEN", func() error { return t.store(t.mem, second) }, second)
}

// rwpAsync has an access noted and not stopped.
func (t *trial) rwpAsync() error {
	if err := t.armRWP(); err != nil {
		return err
	}
	return t.noted(sys.PAGE_IS_ACCESSED, "ACCESSED", func() error { _, err := t.load(t.mem); return err }, first)
}

// noted looks at what PAGEMAP_SCAN says of the page before and after access.
func (t *trial) noted(category uint64, name string, access func() error, want byte) error {
	before, err := scan(t.mem, category)
	if err != nil {
		return scanTrouble(err)
	}
	if err := access(); err != nil {
		return fmt.Errorf("the access is stopped: %w", err)
	}
	after, err := scan(t.mem, category)
	if err != nil {
		return scanTrouble(err)
	}
	if len(before) != 0 || len(after) != 1 {
		return fmt.Errorf("PAGEMAP_SCAN says %s of %d pages before the access and %d after it, want 0 and 1", name, len(before), len(after))
	}
	return t.holds(want, "the access")
}

// scanTrouble tells a kernel without PAGEMAP_SCAN from what else may happen.
func scanTrouble(err error) error {
	if errors.Is(err, os.ErrNotExist) || scanError(err).Verdict == Inconclusive {
		return obstacle{fmt.Errorf("PAGEMAP_SCAN: %w", err)}
	}
	return fmt.Errorf("PAGEMAP_SCAN: %w", err)
}
