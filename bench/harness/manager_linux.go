package harness

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/manager"
)

// serving serves all faults of a process.
type serving func(*faulting) error

// newManager is what c/manager.c is: it serves the faults of another process.
func newManager(variant string, args []string) (sampler, error) {
	if len(args) != 3 {
		return nil, fmt.Errorf("manager FAULTER PAGES WARM, not %q", args)
	}
	source, err := mapped(os.Getpagesize(), -1)
	if err != nil {
		return nil, err
	}
	for i := range source {
		source[i] = 1
	}
	ways := map[string]serving{"uffd": newLoop(source), "manager": withManager(source)}
	serve := ways[variant]
	if serve == nil {
		return nil, fmt.Errorf("there is no way %q to serve faults", variant)
	}
	return func() ([]float64, int, error) {
		f, err := startFaulter(args[0], "touch", args[1], args[2])
		if err != nil {
			return nil, 0, err
		}
		if err := serve(f); err != nil {
			return nil, 0, err
		}
		values, err := f.result()
		return values, f.pages(), err
	}, nil
}

// newLoop serves with nothing but package uffd, in one loop.
func newLoop(source []byte) serving {
	events := make([]uffd.Event, 16)
	return func(f *faulting) error {
		for served := 0; served < f.pages(); {
			n, err := f.d.Read(events)
			if err != nil {
				return err
			}
			for i := range events[:n] {
				if events[i].Kind != uffd.EventPagefault {
					return fmt.Errorf("an event that was not asked for: %v", &events[i])
				}
				at := events[i].Fault().Address
				_, err := f.d.Copy(at, source, 0)
				switch {
				case err == nil:
					served++
				case errors.Is(err, uffd.ErrExists):
					err = f.d.Wake(uffd.Range{Start: at, Len: f.page})
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// withManager serves with package manager, a page at a time as the others do.
func withManager(source []byte) serving {
	return func(f *faulting) (err error) {
		m, err := manager.New(manager.Options{Granule: f.page})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, m.Close()) }()
		_, err = m.Add(f.d, manager.Process{PID: f.cmd.Process.Pid, Regions: []manager.Region{{Range: f.memory, Source: pages(source)}}})
		if err != nil {
			return err
		}
		return m.Run(context.Background())
	}
}

// pages is a source whose pages are all the same, and in memory, as the others have
// theirs.
type pages []byte

// View is the page.
func (p pages) View(_ int64, n int) []byte { return p[:min(n, len(p))] }

// ReadAt copies the page.
func (p pages) ReadAt(b []byte, _ int64) (int, error) {
	for n := 0; n < len(b); {
		n += copy(b[n:], p)
	}
	return len(b), nil
}
