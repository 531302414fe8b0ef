//go:build !linux

package memfd

import (
	"errors"
	"testing"
)

func TestElsewhere(t *testing.T) {
	if f, err := Create("test", AllowSealing); f != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Create: %v, %v", f, err)
	}
	if im, err := NewImage([]Segment{{0, []byte{1}}}, ImageOptions{}); im != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("NewImage: %v, %v", im, err)
	}
	if _, err := NewImage([]Segment{{0, []byte{1}}, {0, []byte{1}}}, ImageOptions{}); !errors.Is(err, ErrOverlap) {
		t.Errorf("an overlap: %v", err)
	}
	// An image of zeros needs no file, so it works everywhere.
	im, err := NewImage([]Segment{{5, make([]byte, 10)}}, ImageOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b := []byte{1}
	if n, err := im.ReadAt(b, 7); n != 1 || err != nil || b[0] != 0 {
		t.Errorf("ReadAt: %d, %v, %v", n, err, b)
	}
	if err := im.Close(); err != nil {
		t.Error(err)
	}
	var f File
	for name, err := range map[string]error{
		"truncate": f.Truncate(1),
		"seals":    f.AddSeals(SealGrow),
	} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if f.Fd() != -1 || f.Close() != nil {
		t.Error("a file that cannot be has a descriptor")
	}
}
