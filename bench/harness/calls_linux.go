package harness

import (
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// calls is what c/calls.c is: calls one after the other, on memory of this process
// that nobody touches.
type calls struct {
	d      *uffd.Descriptor
	memory []byte
	start  uint64
	source []byte
	bytes  int
	count  int
}

// callCase is one of the calls. A pass makes count of them; reset is not timed.
type callCase struct {
	features uffd.Features
	mode     uffd.Mode
	pass     func(*calls) error
	reset    func(*calls) error
}

var callCases = map[string]callCase{
	"copy":         {0, uffd.ModeMissing, (*calls).copy, (*calls).discard},
	"zeropage":     {0, uffd.ModeMissing, (*calls).zeropage, (*calls).discard},
	"poison":       {uffd.FeaturePoison, uffd.ModeMissing, (*calls).poison, (*calls).discard},
	"continue":     {uffd.FeatureMinorShmem, uffd.ModeMinor, (*calls).resume, (*calls).discard},
	"writeprotect": {uffd.FeaturePagefaultFlagWP, uffd.ModeMissing | uffd.ModeWP, (*calls).protect, (*calls).keep},
	"wake":         {0, uffd.ModeMissing, (*calls).wake, (*calls).keep},
}

func newCalls(_ string, args []string) (sampler, error) {
	if len(args) != 5 {
		return nil, fmt.Errorf("calls CASE BYTES COUNT WARM RUN, not %q", args)
	}
	one, ok := callCases[args[0]]
	bytes, err := strconv.Atoi(args[1])
	count, err2 := strconv.Atoi(args[2])
	if !ok || err != nil || err2 != nil {
		return nil, fmt.Errorf("calls CASE BYTES COUNT WARM RUN, not %q", args)
	}
	t, err := newTimer(args[3], args[4])
	if err != nil {
		return nil, err
	}
	c, err := prepare(one, bytes, count)
	if err != nil {
		return nil, err
	}
	clock := newClock()
	once := func() (time.Duration, error) {
		begin := clock.now()
		err := one.pass(c)
		took := clock.now() - begin
		if err == nil {
			err = one.reset(c)
		}
		return took, err
	}
	return func() ([]float64, int, error) {
		median, times, err := t.sample(clock, once)
		return []float64{median / float64(count)}, times * count, err
	}, nil
}

// prepare makes the memory and the descriptor. Both stay until the process ends.
func prepare(one callCase, bytes, count int) (*calls, error) {
	c := &calls{bytes: bytes, count: count}
	var err error
	if c.d, err = open(one.features); err != nil {
		return nil, err
	}
	if c.source, err = mapped(bytes, -1); err != nil {
		return nil, err
	}
	for i := range c.source {
		c.source[i] = 1
	}
	file := -1
	if one.mode.Has(uffd.ModeMinor) {
		if file, err = shared(c.source, count); err != nil {
			return nil, err
		}
	}
	if c.memory, err = mapped(bytes*count, file); err != nil {
		return nil, err
	}
	c.start = uffd.RangeOf(c.memory).Start
	if _, err := c.d.Register(uffd.RangeOf(c.memory), one.mode); err != nil {
		return nil, err
	}
	if one.mode.Has(uffd.ModeWP) {
		return c, c.copy()
	}
	return c, nil
}

// mapped is memory in small pages; file is -1 for private anonymous memory.
func mapped(size, file int) ([]byte, error) {
	flags := unix.MAP_SHARED
	if file < 0 {
		flags = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS
	}
	mem, err := unix.Mmap(file, 0, size, unix.PROT_READ|unix.PROT_WRITE, flags)
	if err != nil {
		return nil, fmt.Errorf("mmap: %w", err)
	}
	_ = unix.Madvise(mem, unix.MADV_NOHUGEPAGE) // EINVAL where there are none
	return mem, nil
}

// shared makes a file of count times source.
func shared(source []byte, count int) (int, error) {
	file, err := unix.MemfdCreate("bench", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("memfd_create: %w", err)
	}
	for range count {
		if n, err := unix.Write(file, source); n != len(source) {
			return -1, fmt.Errorf("write: %d of %d bytes: %w", n, len(source), err)
		}
	}
	return file, nil
}

func (c *calls) copy() error {
	for i := range c.count {
		if n, err := c.d.Copy(c.start+uint64(i*c.bytes), c.source, 0); err != nil || n != c.bytes {
			return fmt.Errorf("%d bytes, %w", n, err)
		}
	}
	return nil
}

func (c *calls) zeropage() error {
	for i := range c.count {
		n, err := c.d.Zero(uffd.Range{Start: c.start + uint64(i*c.bytes), Len: uint64(c.bytes)}, 0)
		if err != nil || n != uint64(c.bytes) {
			return fmt.Errorf("%d bytes, %w", n, err)
		}
	}
	return nil
}

func (c *calls) poison() error {
	for i := range c.count {
		n, err := c.d.Poison(uffd.Range{Start: c.start + uint64(i*c.bytes), Len: uint64(c.bytes)}, 0)
		if err != nil || n != uint64(c.bytes) {
			return fmt.Errorf("%d bytes, %w", n, err)
		}
	}
	return nil
}

func (c *calls) resume() error {
	for i := range c.count {
		n, err := c.d.Continue(uffd.Range{Start: c.start + uint64(i*c.bytes), Len: uint64(c.bytes)}, 0)
		if err != nil || n != uint64(c.bytes) {
			return fmt.Errorf("%d bytes, %w", n, err)
		}
	}
	return nil
}

// protect sets and takes away in turn, so it makes an even number of calls.
func (c *calls) protect() error {
	for i := 0; i < c.count; i += 2 {
		r := uffd.Range{Start: c.start + uint64(i/2*c.bytes), Len: uint64(c.bytes)}
		if err := c.d.WriteProtect(r); err != nil {
			return err
		}
		if err := c.d.WriteUnprotect(r, 0); err != nil {
			return err
		}
	}
	return nil
}

func (c *calls) wake() error {
	for i := range c.count {
		if err := c.d.Wake(uffd.Range{Start: c.start + uint64(i*c.bytes), Len: uint64(c.bytes)}); err != nil {
			return err
		}
	}
	return nil
}

func (c *calls) discard() error { return unix.Madvise(c.memory, unix.MADV_DONTNEED) }

func (c *calls) keep() error { return nil }
