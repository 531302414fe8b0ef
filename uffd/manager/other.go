//go:build !linux

package manager

import (
	"context"
	"errors"
	"fmt"

	"github.com/pageslot/pageslot/uffd"
)

// Manager serves the faults of other processes, on Linux. Here there is none.
type Manager struct{}

// New makes a Manager on Linux; here it fails.
func New(o Options) (*Manager, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("manager: not a Linux system: %w", errors.ErrUnsupported)
}

// Add answers ErrClosed.
func (m *Manager) Add(d *uffd.Descriptor, p Process) (ID, error) {
	if _, err := newLayout(p.Regions); err != nil {
		return 0, fmt.Errorf("manager: add: %w", err)
	}
	return 0, fmt.Errorf("manager: add: %w", ErrClosed)
}

// Map answers ErrClosed.
func (m *Manager) Map(id ID, regions ...Region) error {
	return fmt.Errorf("manager: map: process %d: %w", id, ErrClosed)
}

// Run answers ErrClosed.
func (m *Manager) Run(ctx context.Context) error { return fmt.Errorf("manager: run: %w", ErrClosed) }

// Stats is empty.
func (m *Manager) Stats() Stats { return Stats{} }

// Processes is 0.
func (m *Manager) Processes() int { return 0 }

// Close does nothing.
func (m *Manager) Close() error { return nil }
