package main

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/pageslot/pageslot/highlevel"
)

// An access is a way to miss.
type access int

const (
	byLoad access = iota
	byStore
	byCopy
	numAccesses
)

var accessNames = [numAccesses]string{byLoad: "load", byStore: "store", byCopy: "copy"}

func (a access) String() string { return accessNames[a] }

// copyBytes is the length of a copy that misses.
const copyBytes = 512

// A miss is one access that has to fault: of the bytes [start, end) from the slot's
// base, at an address of [first, end).
type miss struct {
	access            access
	into              bool // a copy to the slot, not from it
	start, first, end int64
	kind              highlevel.FaultKind
}

// probe provokes an access at each place and expects the typed error. Places that
// this layout leaves accessible are counted and left alone.
func (w *worker) probe(t *tenancy) {
	open := roundUp(t.size, w.job.geometry.page)
	for p := range numPlaces {
		target, ok := w.job.geometry.target(t.lease.Slot(), open, p)
		if !ok {
			w.counts.notApplicable[p]++
			continue
		}
		w.turn++
		for _, m := range w.misses(target, open) {
			if !w.caught(t, m) {
				// A store where a load went through would change somebody's memory.
				break
			}
			w.counts.caught[p]++
			w.counts.caughtBy[m.access]++
			w.counts.caughtKind[m.kind]++
		}
	}
}

// misses are the accesses for a target: a load, then in turn a store, a copy from
// there, a copy to there.
func (w *worker) misses(t target, open uint64) []miss {
	list := append(w.missed[:0], miss{byLoad, false, t.off, t.off, t.off + 1, t.kind})
	if w.turn%3 == 0 {
		list = append(list, miss{byStore, true, t.off, t.off, t.off + 1, t.kind})
	} else {
		start, end := t.run(copyBytes, w.job.geometry.page)
		m := miss{byCopy, w.turn%3 == 1, start, start, end, t.kind}
		if !m.into && start == int64(open) && open >= copyBytes {
			m.start -= copyBytes / 2 // a copy that begins well and runs over the end
		}
		list = append(list, m)
	}
	w.missed = list
	return list
}

// caught makes the access and tells whether its error is the right one.
func (w *worker) caught(t *tenancy, m miss) bool {
	err := w.access(t, m)
	why := m.wrong(err, t, int64(w.job.geometry.page))
	if why == "" {
		return true
	}
	what := fmt.Sprintf("a %v of %d bytes %s", m.access, m.end-m.start, why)
	w.job.findings.add(finding{What: what, Slot: t.lease.Slot(), Image: t.subject.name, Offset: m.start})
	return false
}

// errNoFault is the outcome of an access that went through.
var errNoFault = errors.New("did not fault")

// access does it. A fault that the pool does not take for its own comes as an error
// too.
func (w *worker) access(t *tenancy, m miss) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panicked through Do: %v", r)
		}
	}()
	return t.lease.Do(func(v highlevel.View) error {
		addr := v.Base() + uintptr(m.start)
		switch buf := w.small[:m.end-m.start]; {
		case m.access == byLoad:
			w.sink += loadByte(addr)
		case m.access == byStore:
			storeByte(addr, 0x55)
		case m.into:
			copyTo(addr, buf)
		default:
			copyFrom(buf, addr)
		}
		return errNoFault
	})
}

// wrong says what is wrong with the outcome of a miss; empty if nothing is.
func (m miss) wrong(err error, t *tenancy, page int64) string {
	var f *highlevel.FaultError
	switch {
	case errors.Is(err, errNoFault):
		return "went through: nothing protects these bytes"
	case !errors.As(err, &f):
		return fmt.Sprintf("ended otherwise: %v", err)
	case f.Slot != t.lease.Slot() || f.Size != t.size:
		return fmt.Sprintf("was blamed on slot %d of size %d: %v", f.Slot, f.Size, err)
	case f.Kind != m.kind:
		return fmt.Sprintf("was taken for %v, not %v", f.Kind, m.kind)
	}
	first := m.first
	if runtime.GOARCH == "s390x" {
		first &^= page - 1 // its kernel tells the page alone
	}
	if f.Offset < first || f.Offset >= m.end {
		return fmt.Sprintf("was told as offset %#x", f.Offset)
	}
	return ""
}
