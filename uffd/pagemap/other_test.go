//go:build !linux

package pagemap

import (
	"errors"
	"testing"

	"github.com/pageslot/pageslot/uffd"
)

func TestElsewhere(t *testing.T) {
	if m, err := Open(0); m != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Open: %v, %v", m, err)
	}
	var m Map
	if m.FD() != -1 || m.Pid() != 0 || m.Close() != nil {
		t.Error("a map that cannot be is open")
	}
	_, end, scan := m.Scan(uffd.Range{Start: 8}, Query{}, nil)
	_, categories := m.Categories()
	_, entries := m.Entries(0, nil)
	for what, err := range map[string]error{
		"Scan": scan, "Categories": categories, "Entries": entries,
		"Walk":    m.Walk(uffd.Range{}, Query{}, nil, nil),
		"Control": m.Control(nil),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if end != 8 {
		t.Errorf("end %d", end)
	}
}
