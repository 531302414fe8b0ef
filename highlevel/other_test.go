//go:build !linux

package highlevel

import (
	"errors"
	"testing"
)

// Outside Linux the arithmetic works and the memory does not, and says so.
func TestNotOnThisSystem(t *testing.T) {
	if _, err := New(Config{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("New: %v", err)
	}
	s, err := NewSlot(1<<20, 1<<20, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Instantiate(nil, 1); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Instantiate: %v", err)
	}
	if s.State() != SlotUnknown {
		t.Errorf("the slot is %v", s.State())
	}
	if err := s.Reserve(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Reserve: %v", err)
	}
	var p Pool
	if _, err := p.Usage(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Usage: %v", err)
	}
}
