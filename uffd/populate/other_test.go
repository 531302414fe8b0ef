//go:build !linux

package populate

import (
	"errors"
	"testing"

	"github.com/pageslot/pageslot/uffd"
)

func TestElsewhere(t *testing.T) {
	mem := make([]byte, 1)
	called := false
	n1, e1 := Read(t.Context(), mem)
	n2, e2 := Write(t.Context(), mem)
	n3, e3 := Range(t.Context(), uffd.RangeOf(mem), Options{})
	e4 := Do(t.Context(), mem, Options{}, func([]byte) error { called = true; return nil })
	if n1 != 0 || n2 != 0 || n3 != 0 || called {
		t.Error("something was done")
	}
	for _, err := range []error{Supported(), e1, e2, e3, e4} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Error(err)
		}
	}
}
