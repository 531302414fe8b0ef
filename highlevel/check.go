package highlevel

import (
	"errors"
	"fmt"
)

// Check holds the pool's state against itself and against the kernel's: lists and counts,
// states and affinities, the length words, and, from /proc/self/smaps, for each page of
// each slab what is mapped there and with which rights. It returns all that is wrong.
//
// The pool must be quiet: leases may be out, but no call may run on it. It reads all
// mappings of the process, so it is for tests and diagnosis.
func (p *Pool) Check() error {
	for i := range p.stripes {
		p.stripes[i].mu.Lock()
		defer p.stripes[i].mu.Unlock()
	}
	if p.stripes[0].closed {
		return ErrClosed
	}
	var errs []error
	accounted := p.ownVMAs()
	for i := range p.stripes {
		errs = append(errs, p.checkStripe(&p.stripes[i]))
	}
	for _, e := range p.entries {
		if e != nil {
			accounted += e.vmas
			errs = append(errs, p.checkEntry(e))
		}
	}
	if total := vmas.Load(); total < int64(accounted) {
		errs = append(errs, fmt.Errorf("the process's pools account for %d mappings, this one alone for %d", total, accounted))
	}
	errs = append(errs, p.checkKernel(accounted))
	return errors.Join(errs...)
}

// checkStripe counts a stripe's lists.
func (p *Pool) checkStripe(s *stripe) error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("stripe %d: "+format, append([]any{s.number}, args...)...))
	}
	seen := map[*entry]bool{}
	states := map[list]SlotState{inWarm: SlotReady, inCold: SlotUnmapped, inSick: SlotUnknown}
	for _, where := range []list{inWarm, inCold, inSick} {
		l := s.list(where)
		n := 0
		var last *entry
		for e := l.first; e != nil; last, e = e, e.next {
			n++
			if seen[e] || e.prev != last || e.where != where || e.stripe != s {
				wrong("slot %d: list %d is broken", e.index, where)
				break
			}
			seen[e] = true
			if e.slot.state != states[where] {
				wrong("slot %d is %v in list %d", e.index, e.slot.state, where)
			}
			if e.gate.Load()&(leased|holdMask) != 0 {
				wrong("slot %d is free and leased", e.index)
			}
			if (where == inWarm) != (e.aff != nil) {
				wrong("slot %d in list %d: affinity %v", e.index, where, e.aff)
			}
		}
		if n != l.n || last != l.last {
			wrong("list %d has %d entries, counts %d", where, n, l.n)
		}
	}
	if s.warm.n > s.maxWarm {
		wrong("%d warm slots, at most %d", s.warm.n, s.maxWarm)
	}
	used, held := 0, map[*affinity]int{}
	for i := range s.fresh {
		e := p.entries[p.layout.Slot(s.number, i)]
		used++
		if e.aff != nil {
			held[e.aff]++
		}
		if !seen[e] && e.gate.Load()&leased == 0 {
			wrong("slot %d is in no list and not leased", e.index)
		}
	}
	if used-len(seen) != s.out {
		wrong("%d slots out, counts %d", used-len(seen), s.out)
	}
	if a := s.latest; a != nil && s.affinities[a.key] != a {
		wrong("the latest affinity is not among them")
	}
	for key, a := range s.affinities {
		if a.key != key || a.gone || a.slots == 0 || held[a] != a.slots {
			wrong("affinity %v: %d slots, counts %d, gone %v", key, held[a], a.slots, a.gone)
		}
		n := 0
		for e := a.newest; e != nil; e = e.older {
			n++
			if e.where != inWarm || e.aff != a || e.slot.now.image != key.image {
				wrong("slot %d does not belong to affinity %v", e.index, key)
			}
		}
		if n > a.slots {
			wrong("affinity %v: %d warm of %d", key, n, a.slots)
		}
	}
	return errors.Join(errs...)
}

// checkEntry checks what an entry says of its slot.
func (p *Pool) checkEntry(e *entry) error {
	out := e.gate.Load()&leased != 0
	if size := e.length.Load(); !out && size != 0 {
		return fmt.Errorf("slot %d is free, its length word %d", e.index, size)
	} else if out && e.slot.state == SlotInUse && (size+p.sizes.page-1)&^(p.sizes.page-1) != e.slot.now.access {
		return fmt.Errorf("slot %d: length word %d, accessible %d", e.index, size, e.slot.now.access)
	}
	if out != (e.slot.state == SlotInUse) && e.slot.state != SlotUnknown {
		return fmt.Errorf("slot %d: leased %v, memory %v", e.index, out, e.slot.state)
	}
	if e.vmas != e.slot.VMAs() {
		return fmt.Errorf("slot %d: accounted %d mappings, has %d", e.index, e.vmas, e.slot.VMAs())
	}
	return nil
}

// A stretch is a run of a slab's pages that are mapped alike.
type stretch struct {
	start, end uint64
	open       bool   // readable and writable; else inaccessible
	inode      uint64 // 0: anonymous
	offset     uint64 // into the file
	unknown    bool   // anything may be here
	odd        string // what no slab's page should be
}

// appendStretch adds a run, merged with the last one if they are alike.
func appendStretch(all []stretch, s stretch) []stretch {
	if s.start >= s.end {
		return all
	}
	if n := len(all) - 1; n >= 0 {
		l := &all[n]
		sameFile := l.inode == s.inode && (s.inode == 0 || l.offset+(l.end-l.start) == s.offset)
		if l.end == s.start && l.open == s.open && l.unknown == s.unknown && l.odd == s.odd && sameFile {
			l.end = s.end
			return all
		}
	}
	return append(all, s)
}

// wanted is what a slab's pages should be. inode asks which file an image is.
func (p *Pool) wanted(s slab, inode func(*entry) (uint64, error)) ([]stretch, error) {
	base := uint64(s.addr)
	at, all := base, []stretch(nil)
	for i := s.First; i < s.First+s.Slots; i++ {
		e := p.entries[i]
		if e == nil {
			continue
		}
		lo := base + s.Offset(p.layout, i)
		all = appendStretch(all, stretch{start: at, end: lo})
		at = lo
		if e.slot.state == SlotUnknown {
			at += p.layout.SlotBytes
			all = appendStretch(all, stretch{start: lo, end: at, unknown: true})
			continue
		}
		start, end, access := e.slot.now.start, e.slot.now.end, e.slot.now.access
		all = appendStretch(all, stretch{start: lo, end: lo + start, open: true})
		if start < end {
			n, err := inode(e)
			if err != nil {
				return nil, err
			}
			all = appendStretch(all, stretch{start: lo + start, end: lo + end, open: true, inode: n, offset: uint64(e.slot.now.image.FileOffset())})
		}
		all = appendStretch(all, stretch{start: lo + end, end: lo + access, open: true})
		at = lo + access
	}
	return appendStretch(all, stretch{start: at, end: base + s.Bytes}), nil
}
