package harness

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// faults is what c/faults.c is: faults of this process, served in one of the ways of
// Go programs.
type faults struct {
	cpu    int // where the thread that serves is to run, or -1
	looks  int // in vain, before it sleeps
	bytes  int // of a block
	skip   int // so many blocks of a toucher in a pass, and then time
	share  int // so many
	passes int

	memory, source []byte
	touchers       []*toucher
	clock          clock
	all            []time.Duration
}

// access reads the first byte of a block, whatever has to be done for that.
type access func(block int) (byte, error)

// toucher is a goroutine, on a thread of its own, that takes faults. It begins a pass when
// start says so.
type toucher struct {
	first      int
	read       access
	took       []time.Duration
	begin, end time.Duration
	start      chan struct{}
	done       chan error
}

var errContents = errors.New("a page holds something else than it should")

func newFaults(variant string, args []string) (sampler, error) {
	usage := fmt.Errorf("faults CPU HOW LOOKS THREADS BYTES COUNT PASSES WARM, not %q", args)
	if len(args) != 8 {
		return nil, usage
	}
	var n [8]int
	for i, arg := range args {
		var err error
		if n[i], err = strconv.Atoi(arg); err != nil && i != 1 || i > 2 && n[i] < 1 {
			return nil, usage
		}
	}
	threads := n[3]
	f := &faults{cpu: n[0], looks: n[2], bytes: n[4], skip: n[7] / threads, share: n[5] / threads, passes: n[6], clock: newClock()}
	if f.share < 1 {
		return nil, usage
	}
	w, ok := ways[variant]
	if !ok {
		return nil, fmt.Errorf("there is no way %q to serve faults", variant)
	}
	// A goroutine that waits for a page keeps its P, and a collection would wait too.
	debug.SetGCPercent(-1)
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), threads+1))
	if err := f.prepare(w, threads); err != nil {
		return nil, err
	}
	return f.sample, nil
}

// prepare makes memory, service and touchers. All stay until the process ends.
func (f *faults) prepare(w way, threads int) (err error) {
	blocks := (f.skip + f.share) * threads
	if f.source, err = aligned(f.bytes, blocks); err != nil {
		return err
	}
	for i := range f.source {
		f.source[i] = 1
	}
	if f.memory, err = aligned(f.bytes, blocks); err != nil {
		return err
	}
	d, err := open(w.features)
	if err != nil {
		return err
	}
	if err := w.serve(f, d); err != nil {
		return err
	}
	f.all = times(f.passes * f.share * threads)
	for i := range threads {
		t := &toucher{first: i * (f.skip + f.share), took: times(f.passes * f.share), start: make(chan struct{}), done: make(chan error)}
		t.read = w.access(f, d)
		f.touchers = append(f.touchers, t)
		go t.run(f)
	}
	return nil
}

// times is room for so many, which is there: its own faults are not to be timed.
func times(n int) []time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = 1
	}
	return all[:0]
}

// aligned is memory that begins at a multiple of the size of a block.
func aligned(bytes, count int) ([]byte, error) {
	mem, err := mapped(bytes*(count+1), -1)
	if err != nil {
		return nil, err
	}
	off := -int(uffd.RangeOf(mem).Start) & (bytes - 1)
	return mem[off:][:bytes*count], nil
}

// run never ends: its thread is nobody else's.
func (t *toucher) run(f *faults) {
	runtime.LockOSThread()
	for range t.start {
		t.done <- t.touch(f)
	}
}

// touch times its accesses, but for the first.
func (t *toucher) touch(f *faults) error {
	for i := range f.skip + f.share {
		begin := f.clock.now()
		b, err := t.read(t.first + i)
		if err != nil || b != 1 {
			return errors.Join(errContents, err)
		}
		t.end = f.clock.now()
		if i == f.skip {
			t.begin = begin
		}
		if i >= f.skip {
			t.took = append(t.took, t.end-begin)
		}
	}
	return nil
}

func (f *faults) sample() ([]float64, int, error) {
	for _, t := range f.touchers {
		t.took = t.took[:0]
	}
	var total time.Duration
	for range f.passes {
		took, err := f.pass()
		if err != nil {
			return nil, 0, err
		}
		total += took
	}
	f.all = f.all[:0]
	for _, t := range f.touchers {
		f.all = append(f.all, t.took...)
	}
	slices.Sort(f.all)
	quantile := func(q float64) float64 { return float64(f.all[int(float64(len(f.all)-1)*q)]) }
	return []float64{float64(total) / float64(len(f.all)), quantile(0.5), quantile(0.99)}, len(f.all), nil
}

// pass lets all of them touch their share, and returns how long that took.
func (f *faults) pass() (time.Duration, error) {
	for _, t := range f.touchers {
		t.start <- struct{}{}
	}
	var err error
	for _, t := range f.touchers {
		err = errors.Join(err, <-t.done)
	}
	if err != nil {
		return 0, err
	}
	begin, end := f.touchers[0].begin, f.touchers[0].end
	for _, t := range f.touchers {
		begin, end = min(begin, t.begin), max(end, t.end)
	}
	return end - begin, f.discard()
}

func (f *faults) discard() error { return unix.Madvise(f.memory, unix.MADV_DONTNEED) }

// rangeOf is where the memory lies.
func (f *faults) rangeOf() uffd.Range { return uffd.RangeOf(f.memory) }

// plain is an access, and nothing else.
func (f *faults) plain(*uffd.Descriptor) access {
	return func(block int) (byte, error) { return f.memory[block*f.bytes], nil }
}

// copy resolves the fault at an address. Another message about it may have been
// answered before.
func (f *faults) copy(d *uffd.Descriptor, address uint64) error {
	off := (address - f.rangeOf().Start) &^ uint64(f.bytes-1)
	to := f.rangeOf().Start + off
	_, err := d.Copy(to, f.source[off:][:f.bytes], 0)
	if errors.Is(err, uffd.ErrExists) {
		return d.Wake(uffd.Range{Start: to, Len: uint64(f.bytes)})
	}
	return err
}

// die is for goroutines that nobody waits for: whoever waits for a page would do so
// for ever.
func die(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(statusFailed)
}
