//go:build !linux

package pkey

import (
	"errors"
	"testing"
)

func TestElsewhere(t *testing.T) {
	if err := Supported(); !errors.Is(err, errors.ErrUnsupported) || errors.Is(err, ErrExhausted) {
		t.Errorf("Supported: %v", err)
	}
	if key, err := Alloc(); key != 0 || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Alloc: %v, %v", key, err)
	}
	if err := Protect(0, 0, ProtRead, 1); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Protect: %v", err)
	}
	if err := Key(3).Free(); !errors.Is(err, ErrNotAllocated) {
		t.Errorf("Free: %v", err)
	}
}
