//go:build !linux

package manager

import (
	"context"
	"errors"
	"testing"
)

func TestElsewhere(t *testing.T) {
	if m, err := New(Options{}); m != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("New: %v, %v", m, err)
	}
	if _, err := New(Options{Granule: 1 << 40}); err == nil || errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("New with a bad option: %v", err)
	}
	var m Manager
	if _, err := m.Add(nil, Process{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Add: %v", err)
	}
	if err := m.Map(1); !errors.Is(err, ErrClosed) {
		t.Errorf("Map: %v", err)
	}
	if err := m.Run(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("Run: %v", err)
	}
	if m.Processes() != 0 || m.Stats() != (Stats{}) || m.Close() != nil {
		t.Error("a Manager that cannot be does something")
	}
}
