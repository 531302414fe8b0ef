package storm

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

var page = os.Getpagesize()

// lapBytes is how much an access touches before the pages are given up again, so
// that a storm needs little memory.
const lapBytes = 4 << 20

// storm is one that runs.
type storm struct {
	Config
	d      *uffd.Descriptor
	r      *resolver.Resolver
	areas  []*area
	source []byte // of all areas, each a page further

	quiet   chan struct{} // closed when all accesses have ended
	failed  chan struct{} // closed with the first error
	fail    sync.Once
	err     error
	repeats []atomic.Uint64 // of each disturbance
}

// area is memory that one goroutine touches in one way.
type area struct {
	access
	mem, want []byte
}

// Run makes a storm and waits for its end. That comes when every access has touched
// enough pages, and everything else has happened meanwhile at least once.
//
// Errors: EINVAL with the reason in words; those of uffd.Open and resolver.Start,
// errors.ErrUnsupported among them; that of an access which found something else than
// the rules say; what the resolver counted that it should not have.
func Run(c Config) (_ *Report, failed error) {
	if c.Procs > 0 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(c.Procs))
	}
	s := &storm{Config: c, quiet: make(chan struct{}), failed: make(chan struct{})}
	if odd := s.oddity(); odd != "" {
		return nil, fmt.Errorf("storm: %s: %w", odd, unix.EINVAL)
	}
	d, err := uffd.Open(uffd.Options{UserMode: uffd.UserModeFallback, Wanted: uffd.FeaturePoison})
	if err != nil {
		return nil, fmt.Errorf("storm: %w", err)
	}
	s.d = d
	defer d.Close()
	if err := s.begin(); err != nil {
		return nil, fmt.Errorf("storm: %w", err)
	}
	defer func() { failed = errors.Join(failed, s.unmap()) }()
	begin := time.Now()
	s.run()
	report := &Report{Took: time.Since(begin), Repeats: map[string]uint64{}}
	for i, x := range s.More {
		report.Repeats[x.Name] = s.repeats[i].Load()
	}
	if s.r != nil {
		s.note(s.r.Err())
		err = s.r.Stop()
		stats := s.r.Stats() // complete only now
		report.Faults = stats.Missing
		s.check(stats)
	}
	if err := errors.Join(s.err, err); err != nil {
		return report, fmt.Errorf("storm: %w", err)
	}
	return report, nil
}

// oddity says why there would be no such storm, or nothing.
func (s *storm) oddity() string {
	touch, happen := []string{}, []string{"greed"}
	for _, a := range accesses {
		touch = append(touch, a.name)
	}
	for _, x := range s.disturbances() {
		happen = append(happen, x.Name)
	}
	switch {
	case s.Pages < 1:
		return fmt.Sprintf("%d pages", s.Pages)
	case unknown(s.Accesses, touch) != "":
		return "no access is " + unknown(s.Accesses, touch)
	case unknown(s.Disturbances, happen) != "":
		return "no disturbance is " + unknown(s.Disturbances, happen)
	}
	return ""
}

// begin has everything ready, and the faults served.
func (s *storm) begin() error {
	bytes := min(lapBytes, s.Pages*page) / page * page
	s.source = pattern(bytes + len(accesses)*page)
	for i, x := range accesses {
		if !chosen(s.Accesses, x.name) {
			continue
		}
		mem, err := uffd.Map(bytes)
		if err != nil {
			return errors.Join(fmt.Errorf("mmap of %d bytes: %w", bytes, err), s.unmap())
		}
		s.areas = append(s.areas, &area{x, mem, s.source[i*page:][:bytes]})
	}
	serve := s.serve
	if s.Goroutine {
		serve = s.serveBadly
	}
	if err := serve(); err != nil {
		return errors.Join(err, s.unmap())
	}
	for _, x := range s.disturbances() {
		if chosen(s.Disturbances, x.Name) {
			s.More = append(s.More, x)
		}
	}
	s.repeats = make([]atomic.Uint64, len(s.More))
	return nil
}

// serve starts a resolver.
func (s *storm) serve() (err error) {
	s.r, err = resolver.Start(s.d, resolver.Options{Threads: s.Threads, Spin: s.Spin, Batch: s.Batch})
	if err != nil {
		return err
	}
	for _, a := range s.areas {
		if err := s.r.Serve(s.rule(a)); err != nil {
			return errors.Join(err, s.r.Stop())
		}
	}
	return nil
}

func (s *storm) rule(a *area) resolver.Rule {
	return resolver.Rule{Range: uffd.RangeOf(a.mem), Granule: s.Granule, Missing: resolver.Copy, Source: a.want}
}

// serveBadly has a goroutine serve the faults. It ends with the process.
func (s *storm) serveBadly() error {
	for _, a := range s.areas {
		if _, err := s.d.Register(uffd.RangeOf(a.mem), uffd.ModeMissing); err != nil {
			return err
		}
	}
	go func() {
		events := make([]uffd.Event, 16)
		for {
			n, err := s.d.Read(events)
			if err != nil {
				return
			}
			for i := range n {
				at := events[i].Fault().Address &^ uint64(page-1)
				for _, a := range s.areas {
					r := uffd.RangeOf(a.mem)
					if offset := at - r.Start; offset < r.Len {
						s.note(only(s.d.CopyAll(at, a.want[offset:][:page], 0, uffd.Retry{Exist: uffd.ExistSkip})))
					}
				}
			}
		}
	}()
	return nil
}

func only(_ int, err error) error { return err }

// note keeps the first error, which ends the storm.
func (s *storm) note(err error) {
	if err != nil {
		s.fail.Do(func() {
			s.err = err
			close(s.failed)
		})
	}
}

func (s *storm) unmap() (failed error) {
	for _, a := range s.areas {
		failed = errors.Join(failed, unix.Munmap(a.mem))
	}
	s.areas = nil
	return failed
}

// run is the storm itself.
func (s *storm) run() {
	var touching, disturbing sync.WaitGroup
	for i, x := range s.More {
		disturbing.Go(func() { s.disturb(x, &s.repeats[i]) })
	}
	restore := s.greed(&disturbing)
	for _, a := range s.areas {
		touching.Go(func() { s.touch(a) })
	}
	touching.Wait()
	close(s.quiet)
	disturbing.Wait()
	restore()
}

// touch makes laps until it has touched enough pages, and until everything else has
// happened.
func (s *storm) touch(a *area) {
	var own scratch
	for pages := 0; pages < s.Pages || !s.disturbed(); pages += len(a.mem) / page {
		if s.over(s.failed) {
			return
		}
		// The first time too: a huge page of a neighbour's may reach in here.
		if err := unix.Madvise(a.mem, unix.MADV_DONTNEED); err != nil {
			s.note(fmt.Errorf("madvise of %v: %w", uffd.RangeOf(a.mem), err))
			return
		}
		if !a.touch(a.mem, a.want, &own) {
			s.note(fmt.Errorf("%s of %v: %w", a.name, uffd.RangeOf(a.mem), errContent))
			return
		}
	}
}

func (s *storm) over(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// disturbed says whether every disturbance has happened.
func (s *storm) disturbed() bool {
	for i := range s.repeats {
		if s.repeats[i].Load() == 0 {
			return false
		}
	}
	return true
}

// disturb goes on until nobody touches anything any more.
func (s *storm) disturb(x Disturbance, repeats *atomic.Uint64) {
	for !s.over(s.quiet) && !s.over(s.failed) {
		if err := x.Do(); err != nil {
			s.note(fmt.Errorf("%s: %w", x.Name, err))
			return
		}
		repeats.Add(1)
	}
}

// check looks for what should not have happened.
func (s *storm) check(x resolver.Stats) {
	touched := uint64(len(s.areas) * s.Pages)
	if s.err != nil {
		return
	}
	if s.Granule <= uint64(page) && x.Missing < touched || x.Bytes < touched*uint64(page) {
		s.note(fmt.Errorf("only %d faults and %d bytes for %d pages: %+v", x.Missing, x.Bytes, touched, x))
	}
	if x.Outside|x.Minor|x.Written|x.Stale|x.Guards|x.Failed|x.Parked|x.Handed|x.Lost != 0 {
		s.note(fmt.Errorf("what no rule says happened: %+v", x))
	}
}
