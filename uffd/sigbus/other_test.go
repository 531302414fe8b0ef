//go:build !linux

package sigbus

import (
	"errors"
	"testing"

	"github.com/pageslot/pageslot/uffd"
)

func TestElsewhere(t *testing.T) {
	called := false
	err := Do(func(Fault) error { called = true; return nil })
	if !errors.Is(err, errors.ErrUnsupported) || called {
		t.Error(err, called)
	}
	r, err := From(nil, uffd.Range{}, nil, Options{})
	if !errors.Is(err, errors.ErrUnsupported) || r.Resolve != nil {
		t.Error(err)
	}
	if (Fault{}).Poisoned() {
		t.Error("a page is poisoned")
	}
}
