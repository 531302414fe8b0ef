package probe

import (
	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// guardInstall arms a page of each kind of memory and lets the kernel reach for
// it.
func guardInstall() Answer {
	if l := locked(); l.Verdict != Yes {
		return Answer{Verdict: Inconclusive, Reason: l.Reason + "; there are no guard regions in locked memory", Remedy: l.Remedy}
	}
	t, err := newTouch()
	if err != nil {
		return Answer{Verdict: Inconclusive, Reason: err.Error()}
	}
	defer t.close()
	return everyKind(newerKernel+"Linux 6.13 (anything but private anonymous memory: 6.15)", func(k kind) error {
		r, err := newRegion(k)
		if err != nil {
			return err
		}
		defer r.close()
		return guard(&trial{region: r, touch: t})
	})
}

func guard(t *trial) error {
	if err := t.fill(); err != nil {
		return err
	}
	if err := failed("madvise MADV_GUARD_INSTALL", unix.Madvise(t.mem, sys.MADV_GUARD_INSTALL)); err != nil {
		return err
	}
	_, err := t.load(t.mem)
	if err := trapped(err, "MADV_GUARD_INSTALL succeeds, but a read of the page"); err != nil {
		return err
	}
	if err := failed("madvise MADV_GUARD_REMOVE", unix.Madvise(t.mem, sys.MADV_GUARD_REMOVE)); err != nil {
		return err
	}
	// Anonymous memory loses the bytes, a file has them.
	want := byte(0)
	if t.shared {
		want = first
	}
	return t.holds(want, "MADV_GUARD_REMOVE")
}
