//go:build !linux

package uffd

import (
	"errors"
	"testing"
)

func TestElsewhere(t *testing.T) {
	if d, err := Open(Options{}); d != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Open: %v, %v", d, err)
	}
	if yes, err := WriteProtectTraps(); yes || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("WriteProtectTraps: %v, %v", yes, err)
	}
	var d Descriptor
	if d.FD() != -1 || d.Close() != nil || d.Available() != 0 || d.Enabled() != 0 || d.Ioctls() != 0 || d.UserModeOnly() {
		t.Error("a descriptor that cannot be is open")
	}
	if err := d.Control(func(int) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("Control: %v", err)
	}
}
