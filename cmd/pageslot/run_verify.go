package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/pageslot/pageslot/highlevel"
	"github.com/pageslot/pageslot/memfd"
)

// The last look: every slot is leased once more and compared in full.
//
// First as many as can be out at once, each with the next of the three images, and a
// slot that is warm with an image gets that one again. If the limit of mappings ends
// that before all slots are out, those left get leases of no bytes, which take no
// mappings. Then all are out, so whoever gives one back and leases again gets the same
// slot, and the rest can be visited one by one: a visited slot is parked (leased
// with no bytes), an unvisited one is leased with an image.

// visit is a slot in the last look.
type visit struct {
	lease   highlevel.Lease
	subject *subject // nil: parked
	seen    bool
}

// A tour is the last look at all slots.
type tour struct {
	job *job

	mu     sync.Mutex // one slot at a time is not leased
	next   int
	visits []visit
	most   int   // that may be leased with an image at once
	held   int   // slots leased with an image
	out    []int // those of them that were compared and can be parked
	queue  []int // slots parked and not seen
}

// mostMapped is how many bytes are compared and kept leased at once: their page
// tables take 1/512 of it.
const mostMapped = 128 << 30

// verify makes the tour and leaves all slots free.
func (j *job) verify(ctx context.Context) {
	j.done.Store(0)
	t := &tour{job: j, visits: make([]visit, j.options.slots)}
	t.most = int(min(max(j.mapped/max(j.options.size, 1), uint64(j.options.workers)), uint64(j.options.slots)))
	var before uint64
	for _, w := range j.workers {
		before += w.counts.compared
	}
	j.parallel(ctx, t.fill)
	if ctx.Err() == nil {
		t.parkRest()
		j.parallel(ctx, t.visitRest)
	}
	for _, w := range j.workers {
		j.verified += w.counts.compared
	}
	j.verified -= before

	var err error
	j.full, err = j.pool.Usage()
	j.findings.general("usage", err)
	j.findings.general("check with all slots leased", j.pool.Check())
	j.fullHeld = t.held
	for i := range t.visits {
		if t.visits[i].seen {
			j.seen++
		}
		if t.visits[i].lease != (highlevel.Lease{}) {
			j.findings.general("the last release", t.visits[i].lease.Release())
		}
	}
	j.whole = j.seen == j.options.slots
	if !j.whole && ctx.Err() == nil {
		j.findings.general("the last look", fmt.Errorf("%d slots of %d were seen", j.seen, j.options.slots))
	}
}

// fill leases slots until there are none, or no mappings for them.
func (t *tour) fill(w *worker, ctx context.Context) {
	for ctx.Err() == nil && !t.job.findings.tooMany() {
		slot, err := t.lease()
		if err != nil && !errors.Is(err, highlevel.ErrExhausted) {
			t.job.findings.general("the last look", err)
		}
		if err != nil || slot < 0 {
			return
		}
		t.look(w, slot)
	}
}

// lease leases any slot with the next image; -1: enough are leased.
func (t *tour) lease() (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held >= t.most {
		return -1, nil
	}
	s := t.nextSubject()
	l, err := t.job.pool.Tenant().Acquire(s.image, s.size)
	if err != nil {
		return -1, err
	}
	v := &t.visits[l.Slot()]
	if v.seen {
		return -1, fmt.Errorf("slot %d was leased twice at once", l.Slot())
	}
	*v = visit{l, s, true}
	t.held++
	return l.Slot(), nil
}

func (t *tour) nextSubject() *subject {
	t.next++
	return &t.job.subjects[t.next%len(t.job.subjects)]
}

// look compares all of a slot. After that it can be parked.
func (t *tour) look(w *worker, slot int) {
	v := t.visits[slot]
	x := &tenancy{lease: v.lease, subject: v.subject, size: v.subject.size}
	w.checkWord(x)
	w.inside(x, "comparing in full", func(mem []byte) { w.expect(x, mem, 0, x.size) })
	if t.job.hooks.looked != nil {
		t.job.hooks.looked()
	}
	t.job.done.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.out = append(t.out, slot)
}

// parkRest leases what is left with no bytes.
func (t *tour) parkRest() {
	for _, l := range t.job.leaseRest() {
		t.visits[l.Slot()].lease = l
		t.queue = append(t.queue, l.Slot())
	}
}

// visitRest goes through the queue.
func (t *tour) visitRest(w *worker, ctx context.Context) {
	patience := t.job.patience()
	for ctx.Err() == nil && !t.job.findings.tooMany() {
		slot, err := t.visitNext()
		switch {
		case errors.Is(err, highlevel.ErrExhausted) && patience.wait():
			continue
		case err != nil:
			t.job.findings.general("the last look", err)
			return
		case slot < 0:
			return
		}
		t.look(w, slot)
	}
}

// visitNext leases the next slot of the queue with an image; -1: there is none.
// When nothing can be had because all that is leased is being looked at, it changes
// nothing and is highlevel.ErrExhausted.
func (t *tour) visitNext() (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) == 0 {
		return -1, nil
	}
	slot, s := t.queue[0], t.nextSubject()
	for {
		err := highlevel.ErrExhausted
		if t.held < t.most {
			err = t.again(slot, s)
		}
		if err == nil {
			t.queue = t.queue[1:]
			return slot, nil
		}
		if !errors.Is(err, highlevel.ErrExhausted) {
			return -1, err
		}
		// Another slot's mappings have to go first, and meanwhile this one must not be
		// free.
		if t.visits[slot].lease == (highlevel.Lease{}) {
			if err := t.again(slot, nil); err != nil {
				return -1, err
			}
		}
		if len(t.out) == 0 {
			return -1, err
		}
		other := t.out[0]
		t.out = t.out[1:]
		if err := t.again(other, nil); err != nil {
			return -1, err
		}
	}
}

// again gives a slot back, if it is leased, and leases it again, with an image or
// parked. All others are leased, so it has to be the same one.
func (t *tour) again(slot int, s *subject) error {
	v := &t.visits[slot]
	if v.lease != (highlevel.Lease{}) {
		if err := v.lease.Release(); err != nil {
			return err
		}
		if v.subject != nil {
			t.held--
		}
		v.lease, v.subject = highlevel.Lease{}, nil
	}
	var image *memfd.Image
	var size uint64
	if s != nil {
		image, size = s.image, s.size
	}
	l, err := t.job.pool.Tenant().Acquire(image, size)
	if err != nil {
		return err
	}
	if l.Slot() != slot {
		return fmt.Errorf("slot %d was the only one free, and %d was leased", slot, l.Slot())
	}
	v.lease, v.subject = l, s
	if s != nil {
		v.seen = true
		t.held++
	}
	return nil
}
