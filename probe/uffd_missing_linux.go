package probe

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// missing has a page that is missed served with a copy.
func (t *trial) missing() error {
	if err := t.registerMissing(); err != nil {
		return err
	}
	source, err := unix.Mmap(-1, 0, len(t.mem), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return inTheWay("mmap: %w", err)
	}
	defer unix.Munmap(source)
	source[0] = first
	err = patiently(func() error {
		a := sys.UffdioCopy{Dst: t.span().Start, Src: sys.SlicePointer(source), Len: t.span().Len}
		return failed("UFFDIO_COPY", sys.UffdioCopyCall(t.fd, &a))
	})
	if err != nil {
		return err
	}
	return t.holds(first, "UFFDIO_COPY")
}

// zeropage has it served with zeros.
func (t *trial) zeropage() error {
	if err := t.registerMissing(); err != nil {
		return err
	}
	err := patiently(func() error {
		a := sys.UffdioZeropage{Range: t.span()}
		return failed("UFFDIO_ZEROPAGE", sys.UffdioZeropageCall(t.fd, &a))
	})
	if err != nil {
		return err
	}
	return t.holds(0, "UFFDIO_ZEROPAGE")
}

// poison has it served with a fault for good.
func (t *trial) poison() error {
	if err := t.registerMissing(); err != nil {
		return err
	}
	err := patiently(func() error {
		a := sys.UffdioPoison{Range: t.span()}
		return failed("UFFDIO_POISON", sys.UffdioPoisonCall(t.fd, &a))
	})
	if err != nil {
		return err
	}
	return t.poisoned()
}

// poisoned looks at the page once it is nobody's any more: a page that is merely
// missing is then filled with zeros. (MADV_POPULATE_READ would tell the two apart
// by EHWPOISON, but Linux 7.3 on loong64 stops with an Oops when it meets a
// poisoned page of hugetlbfs.)
func (t *trial) poisoned() error {
	span := t.span()
	if err := failed("UFFDIO_UNREGISTER", sys.UffdioUnregisterCall(t.fd, &span)); err != nil {
		return inTheWay("%w", err)
	}
	_, err := t.load(t.mem)
	return trapped(err, "UFFDIO_POISON succeeds, but a read of the page")
}

// move has it served with a page from elsewhere, which is not there any more
// then.
func (t *trial) move() error {
	source, err := t.another()
	if err != nil {
		return err
	}
	defer source.close()
	from := trial{source, t.touch, t.fd}
	if err := from.fill(); err != nil {
		return err
	}
	if err := t.registerMissing(); err != nil {
		return err
	}
	err = patiently(func() error {
		a := sys.UffdioMove{Dst: t.span().Start, Src: from.span().Start, Len: t.span().Len}
		return failed("UFFDIO_MOVE", sys.UffdioMoveCall(t.fd, &a))
	})
	if err != nil {
		return err
	}
	return errors.Join(t.holds(first, "UFFDIO_MOVE"), from.holds(0, "UFFDIO_MOVE away"))
}

// another is a region of the same kind.
func (t *trial) another() (*region, error) {
	if t.name == THP {
		return newHugeRegion()
	}
	return newRegion(t.kind)
}

// minor has a fault on a page that the file has, and only this mapping has not.
func (t *trial) minor() error {
	err := t.leaveInFile()
	if err != nil {
		return err
	}
	if err := t.register(sys.UFFDIO_REGISTER_MODE_MINOR, "minor faults"); err != nil {
		return err
	}
	if err := trapped(t.store(t.mem, second), "UFFDIO_REGISTER for minor faults succeeds, but a write to a page that the file has"); err != nil {
		return err
	}
	err = patiently(func() error {
		a := sys.UffdioContinue{Range: t.span()}
		return failed("UFFDIO_CONTINUE", sys.UffdioContinueCall(t.fd, &a))
	})
	if err != nil {
		return err
	}
	return t.holds(first, "UFFDIO_CONTINUE")
}

// leaveInFile writes the page past this mapping. What has no file to write
// through is written here and then forgotten by this mapping alone.
func (t *trial) leaveInFile() error {
	if t.file < 0 {
		if err := t.fill(); err != nil {
			return err
		}
		return failed("madvise MADV_DONTNEED", unix.Madvise(t.mem, sys.MADV_DONTNEED))
	}
	alias, err := t.mapAgain(len(t.mem), true)
	if err != nil {
		return err
	}
	defer unix.Munmap(alias)
	past := trial{&region{kind: t.kind, mem: alias}, t.touch, t.fd}
	return past.fill()
}
