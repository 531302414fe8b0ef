package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/faultloop"
	"github.com/pageslot/pageslot/internal/procmaps"
	"github.com/pageslot/pageslot/uffd"
)

// Serve registers the ranges of the rules (UFFDIO_REGISTER) and serves their faults
// from then on. All of them or, after an error, none. It is for memory of this
// process, mapped as a whole, readable and writable; Go's own memory must never be
// registered.
//
// Errors: EINVAL with the reason in words; ErrOverlap, ErrOwnSource; ErrEnded;
// errors.ErrUnsupported for an action that the kernel does not have for this memory;
// those of uffd's Register; ENOMEM.
func (r *Resolver) Serve(rules ...Rule) error {
	more, err := check("serve", rules)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.alive("serve"); err != nil {
		return err
	}
	for _, x := range more { // before anything else can come to lie there
		if err := whole(x.Range); err != nil {
			return err
		}
	}
	all, err := r.room(more)
	if err != nil {
		return &Error{Op: "serve", Err: err}
	}
	for i, x := range more {
		if x.notes, err = newNotes(&x.Rule); err != nil {
			more[:i].free()
			return &Error{Op: "serve", Detail: of(x.Range), Err: err}
		}
	}
	if err := r.install(all); err != nil {
		more.unused(err)
		return &Error{Op: "serve", Err: err}
	}
	// The last of the other ranges may have gone meanwhile.
	if r.loop.Ending() {
		return errors.Join(&Error{Op: "serve", Err: ErrEnded}, r.takeBack(nil, more))
	}
	// The rules are there before the first fault can be.
	for i, x := range more {
		if err := r.register(x); err != nil {
			return errors.Join(err, r.takeBack(more[:i], more))
		}
	}
	dead := r.service.without(all)
	r.service = all
	dead.free()
	return nil
}

// whole is an error unless all of a range is mapped. The kernel registers what there
// is, and what comes to lie in the holes later, Go's memory even, is served too.
func whole(p uffd.Range) error {
	// It does nothing, and finds holes on its way.
	_, _, errno := unix.Syscall(unix.SYS_MSYNC, uintptr(p.Start), uintptr(p.Len), unix.MS_ASYNC)
	if errno == unix.ENOMEM {
		return &Error{Op: "serve", Detail: of(p) + ": some of it is not mapped", Err: unix.EINVAL}
	}
	return nil
}

// room is the service with more rules. Rules whose ranges were unmapped are left out.
func (r *Resolver) room(more service) (service, error) {
	all, err := r.service.mapped().with(more)
	if err == nil || !r.d.Enabled().Has(uffd.FeatureEventUnmap) {
		return all, err
	}
	// munmap(2) returns when a thread has read of it, before that is counted. No thread
	// is at a message any more when these rules are the only ones.
	if err := r.install(r.service); err != nil {
		return nil, err
	}
	return r.service.mapped().with(more)
}

// mapped are the rules of whose ranges anything is mapped, as far as that is counted.
func (s service) mapped() service {
	return slices.DeleteFunc(slices.Clone(s), func(x *served) bool { return int64(x.notes.live()) <= 0 })
}

func check(op string, rules []Rule) (service, error) {
	var s service
	for _, rule := range rules {
		rule, odd := rule.completed()
		if odd != "" {
			return nil, &Error{Op: op, Detail: of(rule.Range) + ": " + odd, Err: unix.EINVAL}
		}
		s = append(s, &served{Rule: rule, source: addressOf(rule.Source)})
	}
	return s, nil
}

// alive is with r.mu held.
func (r *Resolver) alive(op string) error {
	switch {
	case r.loop == nil:
		return &Error{Op: op, Err: ErrClosed}
	case r.loop.Ending():
		return &Error{Op: op, Err: ErrEnded}
	}
	return nil
}

func (r *Resolver) register(x *served) error {
	calls, err := r.d.Register(x.Range, x.mode())
	if err != nil {
		return err
	}
	if need := x.calls(); calls&need != need {
		err = fmt.Errorf("the kernel offers only %v for this memory: %w", calls, errors.ErrUnsupported)
	} else if odd := x.otherPages(calls); odd != "" {
		err = fmt.Errorf("%s: %w", odd, unix.EINVAL)
	}
	if err == nil {
		return nil
	}
	err = &Error{Op: "serve", Detail: of(x.Range), Err: err}
	return errors.Join(err, r.d.Unregister(x.Range))
}

// otherPages says that the memory has pages of another size than the rule. A page that
// is there already would make every other page of its size seem to be there.
func (x *served) otherPages(calls uffd.Ioctls) string {
	zeros := calls.Has(uffd.IoctlZeropage) // hugetlbfs has none
	switch {
	case x.Page > pageSize && zeros:
		return fmt.Sprintf("Page is %d, and the memory has small pages", x.Page)
	case x.Page == pageSize && !zeros && hugetlb(x.Range):
		return fmt.Sprintf("Page is %d, and the memory is of hugetlbfs", x.Page)
	}
	return ""
}

// hugetlb tells whether memory is of hugetlbfs, if there is /proc to ask.
func hugetlb(r uffd.Range) bool {
	all, err := smaps()
	return err == nil && slices.ContainsFunc(procmaps.Within(all, r.Start, r.End()), func(v procmaps.VMA) bool { return v.Has("ht") })
}

// takeBack undoes a Serve that failed after some ranges were registered.
func (r *Resolver) takeBack(registered, more service) (failed error) {
	for _, x := range registered {
		failed = errors.Join(failed, r.d.Unregister(x.Range))
	}
	if err := r.install(r.service); err != nil {
		return errors.Join(failed, err) // their notes stay: the threads have the rules
	}
	more.free()
	return failed
}

// unused frees what install did not take, unless a thread may have taken it.
func (s service) unused(err error) {
	if !errors.Is(err, faultloop.ErrStuck) {
		s.free()
	}
}

func (s service) free() {
	for _, x := range s {
		x.notes.free()
	}
}

// Change replaces the rules of ranges that are served, while they are: each by one for
// exactly the same range, page size and kinds of fault. When it returns no thread
// uses the old ones, nor their sources. Notes that were not taken are lost.
//
// Errors: EINVAL with the reason in words; ErrUnknown; ErrOwnSource; ENOMEM. After an
// error the old rules are in force.
func (r *Resolver) Change(rules ...Rule) error {
	more, err := check("change", rules)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.alive("change"); err != nil {
		return err
	}
	var old service
	for _, x := range more {
		was := r.service.rule(x.Range)
		switch {
		case was == nil:
			return &Error{Op: "change", Detail: of(x.Range), Err: ErrUnknown}
		case was.Page != x.Page || was.mode() != x.mode():
			return &Error{Op: "change", Detail: fmt.Sprintf("of %v: from %v in pages of %d to %v of %d", x.Range, was.mode(), was.Page, x.mode(), x.Page), Err: unix.EINVAL}
		}
		old = append(old, was)
	}
	all, err := r.service.without(old).with(more)
	if err != nil {
		return &Error{Op: "change", Err: err}
	}
	mapped := make([]uint64, len(more))
	for i, x := range more {
		if x.notes, err = newNotes(&x.Rule); err != nil {
			more[:i].free()
			return &Error{Op: "change", Detail: of(x.Range), Err: err}
		}
		mapped[i] = old[i].notes.live()
		x.notes.setLive(mapped[i])
	}
	if err := r.install(all); err != nil {
		more.unused(err)
		return &Error{Op: "change", Err: err}
	}
	for i, x := range more { // the threads may have counted on
		x.notes.follow(&old[i].notes, mapped[i])
	}
	old.free()
	r.service = all
	return nil
}

// install makes the threads use these rules and no others.
func (r *Resolver) install(s service) error {
	rules := make([]faultloop.Rule, len(s))
	for i, x := range s {
		rules[i] = x.written()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := r.loop.SetRules(ctx, rules)
	switch {
	case err == nil:
		r.stray = nil
	case errors.Is(err, faultloop.ErrStuck):
		r.stray = append(r.stray, s...)
	}
	return err
}

// written is the rule as the loop has it.
func (x *served) written() faultloop.Rule {
	y := faultloop.Rule{
		Start: x.Range.Start, End: x.Range.End(), Unit: x.Page, Granule: x.Granule,
		Missing: loopActions[x.Missing], Minor: loopActions[x.Minor], Written: loopActions[x.Written],
		Source: x.source.Start, SourceLen: x.source.Len,
		Hits: addressOf(x.notes.hits).Start, Writes: addressOf(x.notes.writes).Start, Live: addressOf(x.notes.mem).Start,
	}
	// Where zeros have to be copied, it is over a mark of protection, which is to stay.
	if x.Protected || x.Missing == Zero && x.Minor == None && x.Written != None {
		y.Mode = protectedMode
	}
	return y
}

// calls are those that the rule's actions are made of.
func (x *served) calls() (need uffd.Ioctls) {
	for _, c := range []struct {
		needed bool
		call   uffd.Ioctls
	}{
		{x.Missing == Zero || x.Missing == Copy && x.source.Len < x.Range.Len, uffd.IoctlZeropage},
		{x.Missing == Copy, uffd.IoctlCopy},
		{x.Minor == Continue, uffd.IoctlContinue},
		{x.Written == Unprotect, uffd.IoctlWriteprotect},
	} {
		if c.needed {
			need |= c.call
		}
	}
	return need
}

var loopActions = [...]faultloop.Action{
	None: faultloop.Hand, Zero: faultloop.Zero, Copy: faultloop.Copy, Continue: faultloop.Continue,
	Unprotect: faultloop.Unprotect, Guard: faultloop.Guard, Hand: faultloop.Hand,
}
