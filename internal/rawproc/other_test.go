//go:build !linux

package rawproc_test

import (
	"errors"
	"testing"

	"github.com/pageslot/pageslot/internal/rawproc"
)

func TestOtherSystems(t *testing.T) {
	if err := rawproc.Supported(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Supported: %v", err)
	}
	for name, f := range map[string]func(...rawproc.Op) (*rawproc.Process, error){"Share": rawproc.Share, "Fork": rawproc.Fork} {
		if p, err := f(rawproc.Exit(0)); p != nil || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	var p rawproc.Process
	if _, err := p.Wait(t.Context()); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Wait: %v", err)
	}
	if err := p.Kill(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Kill: %v", err)
	}
	_, done := p.Result(0)
	_, fault := p.Fault()
	if p.Pid() != 0 || p.Done() != 0 || done || fault {
		t.Error("a process that does not exist has done something")
	}
}
