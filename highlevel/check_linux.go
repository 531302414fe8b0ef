package highlevel

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/procmaps"
)

func readMaps() ([]procmaps.VMA, error) {
	b, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return nil, err
	}
	return procmaps.Parse(bytes.NewReader(b))
}

// checkKernel holds the kernel's view of the slabs against the pool's.
func (p *Pool) checkKernel(accounted int) error {
	all, err := readMaps()
	if err != nil {
		return err
	}
	var errs []error
	mapped := 1 // the length words
	for _, s := range p.slabs {
		want, err := p.wanted(s, imageInode)
		if err != nil {
			return err
		}
		have := procmaps.Within(all, uint64(s.addr), uint64(s.addr)+s.Bytes)
		mapped += len(have)
		errs = append(errs, compareSlab(want, have, p.noHuge))
	}
	if mapped > accounted {
		errs = append(errs, fmt.Errorf("the kernel has %d mappings for the pool, which accounts for %d", mapped, accounted))
	}
	return errors.Join(errs...)
}

func imageInode(e *entry) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(e.slot.now.image.Fd(), &st); err != nil {
		return 0, fmt.Errorf("slot %d: fstat of its image: %w", e.index, err)
	}
	return uint64(st.Ino), nil
}

// compareSlab walks both lists of runs side by side, and names the first difference.
func compareSlab(want []stretch, vmas []procmaps.VMA, noHuge bool) error {
	var have []stretch
	for _, v := range vmas {
		s := stretch{start: v.Start, end: v.End, open: v.Perms == "rw-p", inode: v.Inode, offset: v.Offset}
		if v.Inode == 0 {
			s.offset = 0
		}
		if v.Perms != "rw-p" && v.Perms != "---p" {
			s.odd = "has the rights " + v.Perms
		} else if !v.Has("dd") {
			s.odd = "would be in a core dump: VmFlags" + v.Flags
		} else if noHuge && !v.Has("nh") {
			s.odd = "may have huge pages: VmFlags" + v.Flags
		}
		have = appendStretch(have, s)
	}
	i := 0
	for _, w := range want {
		for at := w.start; at < w.end; {
			for i < len(have) && have[i].end <= at {
				i++
			}
			if i == len(have) || have[i].start > at {
				return fmt.Errorf("nothing is mapped at %#x", at)
			}
			h := have[i]
			if !w.unknown && h.odd != "" {
				return fmt.Errorf("[%#x, %#x) %s", h.start, h.end, h.odd)
			}
			if !w.unknown && (h.open != w.open || h.inode != w.inode || w.inode != 0 && h.offset+(at-h.start) != w.offset+(at-w.start)) {
				return fmt.Errorf("[%#x, %#x) is %+v, should be %+v", at, min(h.end, w.end), h, w)
			}
			at = min(h.end, w.end)
		}
	}
	return nil
}

// Usage reads /proc/self/smaps and /proc/self/status. It takes time in proportion to the
// process's mappings and resident memory.
func (p *Pool) Usage() (Usage, error) {
	all, err := readMaps()
	if err != nil {
		return Usage{}, err
	}
	s := &p.stripes[0]
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed { // what was read may be a stranger's
		return Usage{}, ErrClosed
	}
	var u Usage
	for _, s := range p.slabs {
		for _, v := range procmaps.Within(all, uint64(s.addr), uint64(s.addr)+s.Bytes) {
			u.VMAs++
			u.Resident += v.Rss
			u.Private += v.Anonymous
		}
	}
	u.PageTables, err = pageTables()
	return u, err
}

func pageTables() (uint64, error) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmPTE:")); ok {
			kb, err := strconv.ParseUint(string(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte(" kB"))), 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("/proc/self/status has no VmPTE")
}
