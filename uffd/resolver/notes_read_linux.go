package resolver

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// Hits appends the addresses of the pages where a Guard was hit in the range of a rule,
// and forgets that they were: the next time only new ones are there. The pages stay
// inaccessible: see [Resolver.Reset]. Errors: ErrUnknown, ErrClosed.
func (r *Resolver) Hits(of uffd.Range, to []uint64) ([]uint64, error) {
	return r.take(of, to, func(x *served) []byte { return x.notes.hits })
}

// Writes appends the addresses of the pages of a rule's range that were unprotected
// because they were written, and forgets them. To be told again, take them, protect
// them (Descriptor.WriteProtect), and then read what they hold: whatever is written
// later is told later. Errors: ErrUnknown, ErrClosed; others if a thread does not get on
// with a fault for a minute, together with the addresses.
func (r *Resolver) Writes(of uffd.Range, to []uint64) ([]uint64, error) {
	had := len(to)
	to, err := r.take(of, to, func(x *served) []byte { return x.notes.writes })
	if err != nil || len(to) == had {
		return to, err
	}
	// A thread notes a page and then lets the write through. If its page was protected
	// in between, the protection would be taken away, and nobody be told.
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loop == nil {
		return to, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := r.loop.Settle(ctx); err != nil {
		return to, &Error{Op: "take notes", Detail: "of " + of.String(), Err: err}
	}
	return to, nil
}

func (r *Resolver) take(of uffd.Range, to []uint64, notes func(*served) []byte) ([]uint64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x, err := r.find("take notes", of)
	if err != nil {
		return to, err
	}
	return takeAll(to, notes(x), &x.Rule), nil
}

// find is with r.mu held.
func (r *Resolver) find(op string, of uffd.Range) (*served, error) {
	if r.loop == nil {
		return nil, &Error{Op: op, Err: ErrClosed}
	}
	x := r.service.rule(of)
	if x == nil {
		return nil, &Error{Op: op, Detail: "of " + of.String(), Err: ErrUnknown}
	}
	return x, nil
}

// Reset makes the pages of a rule with Guard as they were: inaccessible ones are
// readable and writable again, poison and contents are given up (MADV_DONTNEED), and
// the next access to any of them hits the Guard again. It forgets all hits. It is for
// the time when nobody uses the range. In shared memory the contents stay in the file.
//
// Errors: ErrUnknown, ErrClosed; EINVAL for a rule without Guard; those of mprotect(2)
// and madvise(2).
func (r *Resolver) Reset(of uffd.Range) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	x, err := r.find("reset", of)
	switch {
	case err != nil:
		return err
	case len(x.notes.hits) == 0:
		return &Error{Op: "reset", Detail: "of " + of.String() + ", which has no Guard", Err: unix.EINVAL}
	}
	if err := sys.Mprotect(uintptr(of.Start), uintptr(of.Len), unix.PROT_READ|unix.PROT_WRITE); err != nil {
		return &Error{Op: "mprotect", Detail: "of " + of.String(), Err: err}
	}
	if err := sys.Madvise(uintptr(of.Start), uintptr(of.Len), sys.MADV_DONTNEED); err != nil {
		return &Error{Op: "madvise", Detail: "MADV_DONTNEED of " + of.String(), Err: err}
	}
	takeAll(nil, x.notes.hits, &x.Rule)
	return nil
}
