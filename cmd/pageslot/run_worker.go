package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/pageslot/pageslot/highlevel"
)

const (
	// fullEvery is how often the initial bytes are compared in full; in the other
	// rounds it is some pages, and all that the slot's last tenant dirtied.
	fullEvery = 32
	// keepRounds is for how many rounds leases of one subject are kept.
	keepRounds = 128
	// samples is how many random pages are compared each time.
	samples = 8
	// growth is how far a lease grows at most.
	growth = 4 << 20
)

// A tenancy is a lease and what was done to it.
type tenancy struct {
	lease   highlevel.Lease
	subject *subject
	size    uint64
	pages   []uint32 // dirtied
	rot     int      // where in the worker's pad the dirt begins
}

// A worker takes, uses and gives back leases, one goroutine.
type worker struct {
	job    *job
	rng    *rand.Rand
	tenant *highlevel.Tenant
	held   []*tenancy
	spare  []*tenancy

	block  []byte   // for comparing
	pad    []byte   // no byte is 0: what is dirty differs from the oracle
	stamps []uint32 // of pages chosen, to choose none twice
	stamp  uint32
	small  [copyBytes * 2]byte
	missed []miss
	sink   byte
	turn   int

	acquire, reset latency
	counts         counts
}

// counts are a worker's, added up at the end.
type counts struct {
	leases, exhausted     uint64
	dirtied, compared     uint64
	caught, notApplicable [numPlaces]uint64
	caughtBy              [numAccesses]uint64
	caughtKind            [3]uint64
}

func newWorker(j *job, number int) *worker {
	w := &worker{
		job: j, tenant: j.pool.Tenant(),
		rng:   rand.New(rand.NewPCG(j.options.seed, uint64(number))),
		block: make([]byte, max(blockBytes, j.geometry.page)),
		pad:   make([]byte, j.geometry.page+256),
	}
	for i := range w.pad {
		w.pad[i] = byte(1 + w.rng.UintN(255))
	}
	return w
}

// work does the worker's rounds.
func (w *worker) work(ctx context.Context) {
	for n := range w.job.options.rounds {
		if ctx.Err() != nil || w.job.findings.tooMany() {
			return
		}
		w.round(ctx, n)
		if len(w.held) > w.job.room {
			w.giveBack(w.leastWanted(n))
		}
		w.job.done.Add(1)
	}
}

// leastWanted picks a lease to give back. For a while those of one subject are kept and
// the others go, then those of the next: so slots have to change what they hold.
func (w *worker) leastWanted(n int) int {
	kept := &w.job.subjects[n/keepRounds%len(w.job.subjects)]
	first := w.rng.IntN(len(w.held))
	for i := range w.held {
		if i = (first + i) % len(w.held); w.held[i].subject != kept {
			return i
		}
	}
	return first
}

// round takes a lease, checks what it begins with, and uses it.
func (w *worker) round(ctx context.Context, n int) {
	subject := &w.job.subjects[n%len(w.job.subjects)]
	t := w.take(ctx, subject, w.pickSize(subject))
	if t == nil {
		return
	}
	w.held = append(w.held, t)
	w.inside(t, "comparing the initial bytes", func(mem []byte) {
		if n%fullEvery == fullEvery-1 {
			w.expect(t, mem, 0, t.size)
		} else {
			w.expectSome(t, mem, 0)
		}
	})
	if w.rng.IntN(4) != 0 {
		w.grow(t)
	}
	w.dirty(t)
	if w.job.hooks.leased != nil {
		w.job.hooks.leased(t.lease, roundUp(t.size, w.job.geometry.page))
	}
	w.probe(t)
}

// pickSize is mostly the usual size, and sometimes another: a slot that
// is ready with the same image and another size takes a different way.
func (w *worker) pickSize(s *subject) uint64 {
	if w.rng.IntN(4) != 0 {
		return s.size
	}
	return s.least + w.rng.Uint64N(s.size-s.least+1)
}

// take leases a slot. When all are taken it gives one back, or waits for another
// worker to do so. nil: the job is over, or there is an error.
func (w *worker) take(ctx context.Context, s *subject, size uint64) *tenancy {
	patience := w.job.patience()
	for {
		began := time.Now()
		lease, err := w.tenant.Acquire(s.image, size)
		took := time.Since(began)
		if err == nil {
			w.acquire.add(took)
			w.counts.leases++
			t := w.tenancy()
			t.lease, t.subject, t.size = lease, s, size
			w.checkWord(t)
			return t
		}
		if !errors.Is(err, highlevel.ErrExhausted) {
			w.job.findings.general("acquire with "+s.name, err)
			return nil
		}
		w.counts.exhausted++
		switch {
		case len(w.held) > 0:
			w.giveBack(w.rng.IntN(len(w.held)))
		case ctx.Err() != nil:
			return nil
		case !patience.wait():
			// The next round would wait as long, for nothing too.
			w.job.findings.general("waiting for a slot", err)
			w.job.findings.stuck.Store(true)
			return nil
		}
	}
}

// patience waits for others, as long as they get anything done.
type patience struct {
	limit time.Duration
	done  *atomic.Int64
	seen  int64
	since time.Time
	next  time.Duration
}

// patienceLimit is how long nobody may get anything done.
const patienceLimit = 10 * time.Second

func (j *job) patience() patience {
	if j.hooks.patience > 0 {
		return patience{limit: j.hooks.patience, done: &j.done}
	}
	return patience{limit: patienceLimit, done: &j.done}
}

// wait waits a little, each time a little longer; false: it is no use.
func (p *patience) wait() bool {
	if n := p.done.Load(); p.since.IsZero() || n != p.seen {
		p.seen, p.since = n, time.Now()
	} else if time.Since(p.since) > p.limit {
		return false
	}
	p.next = min(max(2*p.next, time.Microsecond), time.Millisecond)
	time.Sleep(p.next)
	return true
}

func (w *worker) tenancy() *tenancy {
	if n := len(w.spare); n > 0 {
		t := w.spare[n-1]
		w.spare = w.spare[:n-1]
		*t = tenancy{pages: t.pages[:0]}
		return t
	}
	return &tenancy{}
}

// checkWord reads the length that generated code would read.
func (w *worker) checkWord(t *tenancy) {
	g, err := t.lease.Guest()
	if err != nil {
		w.wrong(t, 0, err.Error())
		return
	}
	if g.Base != w.job.geometry.bases[t.lease.Slot()] || g.Faulting != w.job.geometry.faulting {
		w.wrong(t, 0, fmt.Sprintf("the slot is at %#x now and was at %#x", g.Base, w.job.geometry.bases[t.lease.Slot()]))
	}
	if n := loadWord(g.Length); n != t.size {
		w.wrong(t, 0, fmt.Sprintf("the length word is %d, the size %d", n, t.size))
	}
}

// inside runs f with the lease's bytes.
func (w *worker) inside(t *tenancy, doing string, f func(mem []byte)) {
	err := t.lease.Do(func(v highlevel.View) error {
		mem := v.Bytes()
		if uint64(len(mem)) != t.size {
			return fmt.Errorf("%d bytes, want %d", len(mem), t.size)
		}
		f(mem)
		return nil
	})
	if err != nil {
		w.wrong(t, 0, fmt.Sprintf("%s: %v", doing, err))
	}
}

func (w *worker) wrong(t *tenancy, off int64, what string) {
	w.job.findings.add(finding{What: what, Slot: t.lease.Slot(), Image: t.subject.name, Offset: off})
}

// expect compares [from, to) with the oracle.
func (w *worker) expect(t *tenancy, mem []byte, from, to uint64) {
	n, bad := compare(mem, t.subject.oracle, from, to, w.block)
	w.counts.compared += n
	if bad != nil {
		w.job.findings.add(finding{
			What: "not the initial bytes", Slot: t.lease.Slot(), Image: t.subject.name,
			Offset: int64(bad.off), Want: hexByte(bad.want), Got: hexByte(bad.got),
		})
	}
}

// expectSome compares pages behind from: the first, the last, some random ones, and
// those that the slot's last tenant dirtied.
func (w *worker) expectSome(t *tenancy, mem []byte, from uint64) {
	page := w.job.geometry.page
	first, end := from/page, (t.size+page-1)/page
	if from >= t.size {
		return
	}
	one := func(p uint64) { w.expect(t, mem, max(p*page, from), min((p+1)*page, t.size)) }
	one(first)
	one(end - 1)
	for range samples {
		one(first + w.rng.Uint64N(end-first))
	}
	for _, p := range w.job.last[t.lease.Slot()] {
		if p := uint64(p); first <= p && p < end {
			one(p)
		}
	}
}

// grow makes the lease larger, and expects zeros where it is new.
func (w *worker) grow(t *tenancy) {
	most := min(w.job.geometry.max, t.subject.size+growth)
	if t.size >= most {
		return
	}
	old := t.size
	size := old + 1 + w.rng.Uint64N(most-old)
	if err := t.lease.Grow(size); err != nil {
		if !errors.Is(err, highlevel.ErrExhausted) {
			w.wrong(t, int64(old), err.Error())
		}
		return
	}
	t.size = size
	w.checkWord(t)
	w.inside(t, "comparing what has grown", func(mem []byte) { w.expectSome(t, mem, old) })
}

// dirty writes random pages, each byte of them another one than it was.
func (w *worker) dirty(t *tenancy) {
	page := w.job.geometry.page
	pages := (t.size + page - 1) / page
	n := min(uint64(w.job.options.dirty), pages)
	t.rot = w.rng.IntN(256)
	w.stamps = append(w.stamps, make([]uint32, max(int(pages)-len(w.stamps), 0))...)
	w.stamp++
	w.inside(t, "writing", func(mem []byte) {
		for range n {
			p := w.rng.Uint64N(pages)
			for w.stamps[p] == w.stamp {
				p = (p + 1) % pages
			}
			w.stamps[p] = w.stamp
			subtle.XORBytes(mem[p*page:min((p+1)*page, t.size)], w.dirt(t, p), w.pad[t.rot:])
			t.pages = append(t.pages, uint32(p))
			w.counts.dirtied++
		}
	})
}

// dirt is a page's initial bytes; with the pad over them they are all different.
func (w *worker) dirt(t *tenancy, p uint64) []byte {
	page := w.job.geometry.page
	b := w.block[:min(page, t.size-p*page)]
	t.subject.oracle.Fill(b, p*page)
	return b
}

// unharmed looks whether some of the pages that a tenancy dirtied are as it left them,
// after what other tenancies did meanwhile.
func (w *worker) unharmed(t *tenancy) {
	page := w.job.geometry.page
	w.inside(t, "reading again what was written", func(mem []byte) {
		for range min(samples, len(t.pages)) {
			p := uint64(t.pages[w.rng.IntN(len(t.pages))])
			want := w.dirt(t, p)
			subtle.XORBytes(want, want, w.pad[t.rot:])
			got := mem[p*page:][:len(want)]
			w.counts.compared += uint64(len(want))
			if string(got) != string(want) {
				bad := differ(p*page, want, got)
				w.job.findings.add(finding{
					What: "not what the tenant wrote", Slot: t.lease.Slot(), Image: t.subject.name,
					Offset: int64(bad.off), Want: hexByte(bad.want), Got: hexByte(bad.got),
				})
			}
		}
	})
}

// giveBack ends a lease that the worker holds.
func (w *worker) giveBack(i int) {
	t := w.held[i]
	last := len(w.held) - 1
	w.held[i] = w.held[last]
	w.held = w.held[:last]
	w.unharmed(t)
	slot := t.lease.Slot()
	w.job.last[slot] = append(w.job.last[slot][:0], t.pages...)
	began := time.Now()
	err := t.lease.Release()
	w.reset.add(time.Since(began))
	if err != nil {
		w.wrong(t, 0, err.Error())
	}
	if err := t.lease.Release(); !errors.Is(err, highlevel.ErrReleased) {
		w.wrong(t, 0, fmt.Sprintf("a second Release is %v, want %v", err, highlevel.ErrReleased))
	}
	w.spare = append(w.spare, t)
}

// giveAllBack ends all leases of the worker.
func (w *worker) giveAllBack(context.Context) {
	for len(w.held) > 0 {
		w.giveBack(len(w.held) - 1)
	}
}
