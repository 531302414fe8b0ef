//go:build !linux

package track

import (
	"errors"
	"testing"

	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/pagemap"
)

func TestElsewhere(t *testing.T) {
	tr, e1 := Open()
	tr2, e2 := New(nil, 0)
	w, e3 := OpenWorkingSet()
	w2, e4 := NewWorkingSet(nil, 0)
	if tr != nil || tr2 != nil || w != nil || w2 != nil {
		t.Error("something was opened")
	}
	for _, err := range []error{e1, e2, e3, e4} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Error(err)
		}
	}
	type both interface {
		Add(uffd.Range) error
		Remove(uffd.Range) error
		Reset() error
		Ranges() []uffd.Range
		Close() error
		Collect([]pagemap.Region, func(uffd.Range) error) error
	}
	for _, x := range []both{new(Tracker), new(WorkingSet)} {
		for _, err := range []error{
			x.Add(uffd.Range{}), x.Remove(uffd.Range{}), x.Reset(), x.Collect(nil, nil),
			new(Tracker).Dirty(nil, nil), new(WorkingSet).Accessed(nil, nil),
		} {
			if !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		}
		if x.Close() != nil || x.Ranges() != nil {
			t.Error("something is open")
		}
	}
}
