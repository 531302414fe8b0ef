//go:build !linux

package uffd

import (
	"errors"
	"strings"
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
	if d.Ready() || d.Path() != AnyPath {
		t.Error("a descriptor that cannot be is ready")
	}
	if mem, err := Map(1); mem != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Map: %v, %v", mem, err)
	}
	if d, err := FromFD(0); d != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("FromFD: %v, %v", d, err)
	}
}

// Every call is that on a closed descriptor.
func TestCallsElsewhere(t *testing.T) {
	var d Descriptor
	r, page, events := Range{0x10000, 0x10000}, make([]byte, 0x10000), make([]Event, 1)
	count := func(n int, err error) (uint64, error) { return uint64(n), err }
	only := func(err error) (uint64, error) { return 0, err }
	for op, call := range map[string]func() (uint64, error){
		"UFFDIO_API":           func() (uint64, error) { return only(d.Handshake(Options{})) },
		"UFFDIO_REGISTER":      func() (uint64, error) { i, err := d.Register(r, ModeMissing); return uint64(i), err },
		"UFFDIO_UNREGISTER":    func() (uint64, error) { return only(d.Unregister(r)) },
		"UFFDIO_WAKE":          func() (uint64, error) { return only(d.Wake(r)) },
		"UFFDIO_COPY":          func() (uint64, error) { return count(d.Copy(r.Start, page, 0)) },
		"UFFDIO_ZEROPAGE":      func() (uint64, error) { return d.Zero(r, 0) },
		"UFFDIO_CONTINUE":      func() (uint64, error) { return d.Continue(r, 0) },
		"UFFDIO_POISON":        func() (uint64, error) { return d.Poison(r, 0) },
		"UFFDIO_MOVE":          func() (uint64, error) { return d.Move(r.Start, 0, r.Len, 0) },
		"UFFDIO_COPY ":         func() (uint64, error) { return count(d.CopyAll(r.Start, page, 0, Retry{})) },
		"UFFDIO_ZEROPAGE ":     func() (uint64, error) { return d.ZeroAll(r, 0, Retry{}) },
		"UFFDIO_CONTINUE ":     func() (uint64, error) { return d.ContinueAll(r, 0, Retry{}) },
		"UFFDIO_POISON ":       func() (uint64, error) { return d.PoisonAll(r, 0, Retry{}) },
		"UFFDIO_MOVE ":         func() (uint64, error) { return d.MoveAll(r.Start, 0, r.Len, 0, Retry{}) },
		"UFFDIO_WRITEPROTECT":  func() (uint64, error) { return only(d.WriteProtect(r)) },
		"UFFDIO_WRITEPROTECT ": func() (uint64, error) { return only(d.WriteUnprotect(r, 0)) },
		"UFFDIO_RWPROTECT":     func() (uint64, error) { return only(d.RWProtect(r)) },
		"UFFDIO_RWPROTECT ":    func() (uint64, error) { return only(d.RWUnprotect(r, 0)) },
		"UFFDIO_SET_MODE":      func() (uint64, error) { return only(d.SetMode(FeatureRWPAsync, 0)) },
		"read":                 func() (uint64, error) { return count(d.Read(events)) },
		"read ":                func() (uint64, error) { return count(d.ReadContext(t.Context(), events)) },
		"read  ":               func() (uint64, error) { return count(d.TryRead(events)) },
	} {
		n, err := call()
		e, ok := errors.AsType[*Error](err)
		if n != 0 || !ok || e.Op != strings.TrimSpace(op) || !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %d, %v", op, n, err)
		}
	}
	if f := events[0].Fault(); f != (Fault{}) || events[0].Child() != nil {
		t.Errorf("%v", f)
	}
}
