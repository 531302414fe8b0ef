package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pageslot/pageslot/highlevel"
	"github.com/pageslot/pageslot/internal/bytesize"
	"github.com/pageslot/pageslot/internal/program"
	"github.com/pageslot/pageslot/memfd"
)

type segment = memfd.Segment

const (
	// mostHeld is how many leases a worker keeps at once, so that neighbours of a
	// slot are in use while it is reset.
	mostHeld = 32
	// mostDirty is how many bytes of leases that are kept may be dirty.
	mostDirty = 256 << 20
	// extra is how many zeros a lease has behind the image.
	extra = 256 << 10
)

// A job is one run: a pool, what its slots begin with, and the workers.
type job struct {
	options  runOptions
	hooks    runHooks
	pool     *highlevel.Pool
	config   highlevel.Config
	geometry geometry
	program  *program.Program
	file     string // the image's, for people
	subjects [3]subject
	mapped   uint64     // how many bytes may be leased while all slots are compared
	room     int        // how many leases a worker keeps
	last     [][]uint32 // of each slot, the pages that its last tenant dirtied; whoever leases it owns it
	workers  []*worker
	findings findings
	progress *progress
	done     atomic.Int64 // rounds, then slots
	before   descriptors
	length   uintptr // the address of a length word

	worked       time.Duration
	dirty, full  highlevel.Usage // with the workers' leases, with all slots leased
	stats        highlevel.Stats
	dirtyHeld    int // leases that were out for the first
	fullHeld     int // leases that were out for the second, with an image or zeros
	seen         int // slots compared in the end
	verified     uint64
	verification time.Duration
	whole        bool // every slot was seen
}

// newJob makes the pool and the images. An error is about the command line
// (isUsage), or about the machine.
func newJob(o runOptions, hooks runHooks, stderr io.Writer) (_ *job, err error) {
	j := &job{options: o, hooks: hooks, mapped: mostMapped, progress: newProgress(stderr)}
	if j.before, err = openDescriptors(); err != nil {
		return nil, err
	}
	config := highlevel.Config{Slots: o.slots, MaxMemory: o.maxMemory, Reservation: o.reservation, Guard: o.guard}
	if hooks.config != nil {
		hooks.config(&config)
	}
	if j.pool, err = highlevel.New(config); err != nil {
		return nil, poolError(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeImages(j.subjects[:]), j.pool.Close())
		}
	}()
	j.config = j.pool.Config()
	j.options.slots = j.config.Slots
	layout := j.pool.Layout()
	page := layout.PageSize

	file, label, err := o.imageFile()
	if err != nil {
		return nil, err
	}
	j.file = label
	if j.program, err = program.Open(file, page, min(layout.MaxMemory, memfd.DefaultLimit)); err != nil {
		var e *program.Error
		if errors.As(err, &e) {
			e.File = label
		}
		return nil, err
	}
	if err := j.fitSize(layout.MaxMemory, page); err != nil {
		return nil, usageError{err}
	}
	if j.subjects, err = subjects(file, j.program, j.options.size, page, hooks.segments); err != nil {
		return nil, err
	}

	if !o.sizeSet {
		// As the first: what they hold, and zeros.
		for i := range j.subjects[1:] {
			s := &j.subjects[1+i]
			s.size = min(roundUp(s.least, page)+extra, s.size)
		}
	}
	j.geometry = newGeometry(layout, j.config)
	j.last = make([][]uint32, layout.Slots)
	j.room = j.roomToHold(page)
	for i := range o.workers {
		j.workers = append(j.workers, newWorker(j, i))
	}
	return j, nil
}

// roomToHold is how many leases each worker can keep, so that all workers together
// leave slots, mappings and memory to go on with.
func (j *job) roomToHold(page uint64) int {
	workers := j.options.workers
	dirty := mostDirty / (uint64(j.options.dirty+1) * page) / uint64(workers)
	return min(mostHeld, j.options.slots/2/workers, j.pool.Stats().VMALimit/8/workers, int(dirty))
}

// fitSize settles the size of a lease.
func (j *job) fitSize(most, page uint64) error {
	o, need := &j.options, j.program.Size
	if !o.sizeSet {
		o.size = min(roundUp(need, page)+extra, most)
		return nil
	}
	switch size := bytesize.Size(o.size); {
	case o.size > most:
		return fmt.Errorf("-size %v: it is more than -max-memory %v", size, bytesize.Size(most))
	case o.size < need:
		return fmt.Errorf("-size %v: the image of %s needs %d bytes", size, j.file, need)
	}
	return nil
}

// poolError tells a pool that makes no sense from one that this machine has no room
// for.
func poolError(err error) error {
	var layout *highlevel.LayoutError
	if errors.As(err, &layout) || errors.Is(err, highlevel.ErrInvalid) {
		return usageError{flagError(err)}
	}
	return err
}

// run does all of the job and closes everything.
func (j *job) run(ctx context.Context) {
	stop := j.progress.start(&j.done)
	j.progress.phase("leasing every slot once", 0)
	j.survey()
	j.stats = j.pool.Stats()
	surveyed := j.stats // its leases are not the workers'
	if j.findings.n.Load() == 0 {
		j.progress.phase("leases", int64(j.options.rounds)*int64(j.options.workers))
		began := time.Now()
		j.parallel(ctx, (*worker).work)
		j.worked = time.Since(began)
		j.measureDirty()
		j.parallel(ctx, (*worker).giveAllBack)
		j.stats = j.pool.Stats()
		j.stats.AcquiredAffine -= surveyed.AcquiredAffine
		j.stats.AcquiredCold -= surveyed.AcquiredCold
		j.stats.AcquiredOther -= surveyed.AcquiredOther
		j.checkFaults()
		if ctx.Err() == nil && !j.findings.tooMany() {
			j.progress.phase("slots compared in full", int64(j.options.slots))
			began = time.Now()
			j.verify(ctx)
			j.verification = time.Since(began)
		}
	}
	j.progress.phase("closing", 0)
	j.close()
	stop()
}

// parallel runs f on every worker at once. What panics there is a finding, so that
// the rest of the report is not lost.
func (j *job) parallel(ctx context.Context, f func(*worker, context.Context)) {
	var all sync.WaitGroup
	for _, w := range j.workers {
		all.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					j.findings.add(finding{What: fmt.Sprintf("a worker panicked: %v", r), Slot: -1})
				}
			}()
			f(w, ctx)
		})
	}
	all.Wait()
}

// survey leases every slot at once, with no bytes, which takes nothing of the kernel,
// and notes where it is.
func (j *job) survey() {
	leases := j.leaseRest()
	for _, l := range leases {
		g, err := l.Guest()
		if err != nil {
			j.findings.general("survey", err)
			continue
		}
		j.geometry.bases[l.Slot()], j.length = g.Base, g.Length
	}
	if len(leases) != j.options.slots {
		j.findings.general("survey", fmt.Errorf("%d slots could be leased at once, of %d", len(leases), j.options.slots))
	} else {
		j.findings.general("survey", j.geometry.check())
	}
	for _, l := range leases {
		j.findings.general("survey", l.Release())
	}
}

// leaseRest leases all slots that are left, with no bytes.
func (j *job) leaseRest() []highlevel.Lease {
	var leases []highlevel.Lease
	for {
		// A new tenant each time: one alone keeps to its stripe.
		l, err := j.pool.Tenant().Acquire(nil, 0)
		if err != nil {
			if !errors.Is(err, highlevel.ErrExhausted) {
				j.findings.general("leasing what is left", err)
			}
			return leases
		}
		leases = append(leases, l)
	}
}

// measureDirty asks the kernel what the pool takes while the workers hold their
// leases, and whether it is as the pool thinks.
func (j *job) measureDirty() {
	for _, w := range j.workers {
		j.dirtyHeld += len(w.held)
	}
	var err error
	j.dirty, err = j.pool.Usage()
	j.findings.general("usage", err)
	j.findings.general("check with dirty leases", j.pool.Check())
}

// checkFaults holds the faults that the workers saw against the pool's count.
func (j *job) checkFaults() {
	var c counts
	for _, w := range j.workers {
		c.add(&w.counts)
	}
	got := [...]uint64{j.stats.FaultsOutOfBounds, j.stats.FaultsGuard, j.stats.FaultsOther}
	if j.findings.n.Load() == 0 && got != c.caughtKind {
		j.findings.general("faults", fmt.Errorf("the pool counts %d out of bounds, %d guard, %d other; the workers saw %d", got[0], got[1], got[2], c.caughtKind))
	}
}

// close gives everything back, and looks whether it is gone.
func (j *job) close() {
	j.findings.general("check at the end", j.pool.Check())
	// One image is purged and closed before the pool, the others after it.
	_, err := j.pool.Purge(j.subjects[1].image)
	j.findings.general("purge", err)
	j.findings.general("closing an image after its purge", closeImages(j.subjects[1:2]))
	j.findings.general("closing the pool", j.pool.Close())
	j.findings.general("closing the images", closeImages(j.subjects[:]))
	j.findings.general("left behind", j.leftBehind())
}

// add adds what another worker counted.
func (c *counts) add(d *counts) {
	c.leases += d.leases
	c.exhausted += d.exhausted
	c.dirtied += d.dirtied
	c.compared += d.compared
	for i := range c.caught {
		c.caught[i] += d.caught[i]
		c.notApplicable[i] += d.notApplicable[i]
	}
	for i := range c.caughtBy {
		c.caughtBy[i] += d.caughtBy[i]
	}
	for i := range c.caughtKind {
		c.caughtKind[i] += d.caughtKind[i]
	}
}
