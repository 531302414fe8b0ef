//go:build !linux

package resolver

import (
	"context"
	"errors"

	"github.com/pageslot/pageslot/uffd"
)

// Resolver serves page faults, on Linux. Here there is none that runs.
type Resolver struct{}

// Start makes a Resolver on Linux; here it fails.
func Start(d *uffd.Descriptor, o Options) (*Resolver, error) {
	return nil, &Error{Op: "start", Detail: "on a system that is not Linux", Err: errors.ErrUnsupported}
}

// Serve answers ErrClosed, as all that follows.
func (r *Resolver) Serve(rules ...Rule) error { return closed("serve") }

// Change answers ErrClosed.
func (r *Resolver) Change(rules ...Rule) error { return closed("change") }

// Fail answers ErrClosed.
func (r *Resolver) Fail(ranges ...uffd.Range) error { return closed("end") }

// Finish answers ErrClosed.
func (r *Resolver) Finish(ranges ...uffd.Range) error { return closed("end") }

// Hits answers ErrClosed.
func (r *Resolver) Hits(of uffd.Range, to []uint64) ([]uint64, error) {
	return to, closed("take notes")
}

// Writes answers ErrClosed.
func (r *Resolver) Writes(of uffd.Range, to []uint64) ([]uint64, error) {
	return to, closed("take notes")
}

// Reset answers ErrClosed.
func (r *Resolver) Reset(of uffd.Range) error { return closed("reset") }

// Read answers ErrClosed.
func (r *Resolver) Read(ctx context.Context, to []Message) (int, error) { return 0, closed("read") }

// Stats is empty.
func (r *Resolver) Stats() Stats { return Stats{} }

// Ranges is empty.
func (r *Resolver) Ranges() []uffd.Range { return nil }

// Err is nil.
func (r *Resolver) Err() error { return nil }

// Stop answers ErrClosed.
func (r *Resolver) Stop() error { return closed("stop") }

// StopFinished answers ErrClosed.
func (r *Resolver) StopFinished() error { return closed("stop") }

func closed(op string) error { return &Error{Op: op, Err: ErrClosed} }
