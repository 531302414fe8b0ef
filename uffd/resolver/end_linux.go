package resolver

import (
	"errors"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/procmaps"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// Fail ends the service of the ranges of some rules: they become inaccessible
// (mprotect(2) with PROT_NONE), and then they are unregistered. Whoever waits for one
// of their pages gets SIGSEGV, which is a panic under debug.SetPanicOnFault, or EFAULT
// in a system call; nobody finds zeros that were never there. To use the memory again,
// unmap it, or give it back its rights and know that what was missing is zeros now.
//
// With the last range the threads end, unless Options.Linger.
//
// Errors: ErrUnknown before anything is done. After others (ENOMEM for the number of
// mappings, mostly) some ranges may have no rights any more, and all are still served.
func (r *Resolver) Fail(ranges ...uffd.Range) error { return r.remove(ranges, (*Resolver).fail) }

// Finish ends the service of the ranges of some rules: everything that is missing is
// put there as the rules say, and then they are unregistered. No access fails, but for
// those to pages that a Guard has: ranges with one end as Fail says.
//
// With the last range the threads end, unless Options.Linger.
//
// Errors: ErrUnknown and, for rules that Hand over faults on missing pages or on those
// that only the file has, ErrUnresolvable before anything is done; those of uffd's Copy and Zero, after which all are still served.
func (r *Resolver) Finish(ranges ...uffd.Range) error {
	return r.remove(ranges, (*Resolver).finish)
}

func (r *Resolver) remove(ranges []uffd.Range, end func(*Resolver, service) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loop == nil {
		return &Error{Op: "end", Err: ErrClosed}
	}
	var some service
	for _, of := range ranges {
		x := r.service.rule(of)
		if x == nil {
			return &Error{Op: "end", Detail: "of " + of.String(), Err: ErrUnknown}
		}
		some = append(some, x)
	}
	if err := end(r, some); err != nil {
		return err
	}
	if len(r.service) == 0 && len(some) > 0 && !r.linger {
		return r.end()
	}
	return nil
}

// fail ends rules with r.mu held.
func (r *Resolver) fail(some service) error {
	parts, err := r.registered(some)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err := bar(p.Range); err != nil {
			return err
		}
	}
	return r.forget(some, parts)
}

// bar takes all rights to a range.
func bar(p uffd.Range) error {
	if err := sys.Mprotect(uintptr(p.Start), uintptr(p.Len), unix.PROT_NONE); err != nil {
		return &Error{Op: "mprotect", Detail: of(p), Err: err}
	}
	return nil
}

func (r *Resolver) finish(some service) error {
	for _, x := range some {
		if x.Missing == Hand || x.Minor == Hand {
			return &Error{Op: "finish", Detail: of(x.Range), Err: ErrUnresolvable}
		}
	}
	parts, err := r.registered(some)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if p.rule.Missing == Guard || p.rule.Minor == Guard {
			err = bar(p.Range)
		} else {
			err = r.complete(p.rule, p.Range)
		}
		if err != nil {
			return err
		}
	}
	return r.forget(some, parts)
}

// complete puts all pages that are missing in a part of a rule's range.
func (r *Resolver) complete(x *served, p uffd.Range) error {
	retry := uffd.Retry{Exist: uffd.ExistSkip, PageSize: x.Page, Changing: func() error { runtime.Gosched(); return nil }}
	zeros := p
	if x.Missing == Copy {
		at := p.Start - x.Range.Start
		n := min(x.source.Len-min(at, x.source.Len), p.Len)
		if n > 0 {
			if _, err := r.d.CopyAll(p.Start, x.Source[at:at+n], 0, retry); err != nil {
				return err
			}
		}
		zeros = uffd.Range{Start: p.Start + n, Len: p.Len - n}
	}
	if x.Missing != None && zeros.Len > 0 {
		if _, err := r.d.ZeroAll(zeros, 0, retry); err != nil {
			return err
		}
	}
	return nil
}

// forget unregisters parts, and takes the rules away that they belong to.
func (r *Resolver) forget(some service, parts []part) error {
	for _, p := range parts {
		if err := r.d.Unregister(p.Range); err != nil {
			return err
		}
		// Who waits for a write is not woken by that alone.
		if err := r.d.Wake(p.Range); err != nil {
			return err
		}
	}
	left := r.service.without(some)
	if err := r.install(left); err != nil {
		return &Error{Op: "end", Err: err}
	}
	some.free()
	r.service = left
	return nil
}

// part is some of a rule's range.
type part struct {
	rule *served
	uffd.Range
}

// registered are the parts of rules' ranges that are registered with this
// userfaultfd. What was unmapped may be somebody else's memory by now, Go's even.
func (r *Resolver) registered(some service) (parts []part, err error) {
	all, err := smaps()
	if errors.Is(err, os.ErrNotExist) { // there is nobody to ask
		for _, x := range some {
			parts = append(parts, part{x, x.Range})
		}
		return parts, nil
	}
	if err != nil {
		return nil, &Error{Op: "end", Detail: "by /proc/self/smaps", Err: err}
	}
	for _, x := range some {
		for _, v := range procmaps.Within(all, x.Range.Start, x.Range.End()) {
			p := part{x, uffd.Between(v.Start, v.End)}
			if (v.Has("um") || v.Has("uw") || v.Has("ui")) && r.ours(p) {
				parts = append(parts, p)
			}
		}
	}
	return parts, nil
}

// smaps are all mappings of this process.
func smaps() ([]procmaps.VMA, error) {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return procmaps.Parse(f)
}

// ours tells whether a registered part of a rule's range is registered with this
// descriptor. Then registering it again does nothing; otherwise the kernel refuses.
func (r *Resolver) ours(p part) bool {
	_, err := r.d.Register(p.Range, p.rule.mode())
	return !errors.Is(err, unix.EBUSY)
}

func (s service) ranges() (all []uffd.Range) {
	for _, x := range s {
		all = append(all, x.Range)
	}
	return all
}
