package harness

import (
	"context"
	"errors"
	"fmt"

	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/populate"
	"github.com/pageslot/pageslot/uffd/resolver"
	"github.com/pageslot/pageslot/uffd/sigbus"
)

// way is a way to serve faults of the own process.
type way struct {
	features uffd.Features
	serve    func(*faults, *uffd.Descriptor) error
	access   func(*faults, *uffd.Descriptor) access // for one goroutine
}

var ways = map[string]way{
	"resolver":  {0, (*faults).resolver, (*faults).plain},
	"spin":      {0, (*faults).spinner, (*faults).plain},
	"goroutine": {0, (*faults).goroutine, (*faults).plain},
	"sigbus":    {uffd.FeatureSIGBUS, (*faults).watched, (*faults).caught},
	"populate":  {0, (*faults).populatable, (*faults).populated},
	"manager":   {0, (*faults).manager, (*faults).plain},
}

func (f *faults) resolver(d *uffd.Descriptor) error { return f.threads(d, resolver.Options{}) }

// spinner looks for messages as often as C does.
func (f *faults) spinner(d *uffd.Descriptor) error {
	return f.threads(d, resolver.Options{Spin: f.looks})
}

func (f *faults) threads(d *uffd.Descriptor, o resolver.Options) error {
	r, err := resolver.Start(d, o)
	if err != nil {
		return err
	}
	if f.cpu >= 0 {
		if err := moveThread("pageslot-faults", f.cpu); err != nil {
			return err
		}
	}
	return r.Serve(resolver.Rule{Range: f.rangeOf(), Granule: uint64(f.bytes), Missing: resolver.Copy, Source: f.source})
}

// watched leaves it to the accesses to serve themselves.
func (f *faults) watched(d *uffd.Descriptor) error {
	_, err := d.Register(f.rangeOf(), uffd.ModeMissing)
	return err
}

// caught is one access in a call of Do, so that the time is that of one fault.
func (f *faults) caught(d *uffd.Descriptor) access {
	var at int
	var b byte
	read := func(sigbus.Fault) error {
		b = f.memory[at]
		return nil
	}
	regions := []sigbus.Region{{Range: f.rangeOf(), Resolve: func(fault sigbus.Fault) error { return f.copy(d, fault.Address) }}}
	return func(block int) (byte, error) {
		at = block * f.bytes
		err := sigbus.Do(read, regions...)
		return b, err
	}
}

// goroutine serves as programs do that have nothing else. It works here since no
// collection begins and there is a P for everybody.
func (f *faults) goroutine(d *uffd.Descriptor) error {
	if err := f.watched(d); err != nil {
		return err
	}
	go func() {
		events := make([]uffd.Event, batch)
		for {
			n, err := d.Read(events)
			if err != nil {
				die(err)
			}
			for i := range events[:n] {
				if err := f.copy(d, events[i].Fault().Address); err != nil {
					die(err)
				}
			}
		}
	}()
	return nil
}

// populatable is what resolver threads serve, if system calls may ask for it.
func (f *faults) populatable(d *uffd.Descriptor) error {
	if d.UserModeOnly() {
		return fmt.Errorf("the descriptor does not see faults of system calls: %w", errors.ErrUnsupported)
	}
	if err := populate.Supported(); err != nil {
		return err
	}
	return f.resolver(d)
}

// populated asks for the block before it touches it.
func (f *faults) populated(*uffd.Descriptor) access {
	ctx := context.Background()
	return func(block int) (byte, error) {
		at := block * f.bytes
		if _, err := populate.Read(ctx, f.memory[at:][:f.bytes]); err != nil {
			return 0, err
		}
		return f.memory[at], nil
	}
}
