package pkey

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestStrings(t *testing.T) {
	for want, got := range map[string]string{
		"key 0":           Key(0).String(),
		"key 15":          Key(15).String(),
		"NONE":            ProtNone.String(),
		"READ|WRITE|EXEC": (ProtRead | ProtWrite | ProtExec).String(),
		"WRITE|0x1000":    (ProtWrite | 0x1000).String(),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestCheckProtect(t *testing.T) {
	page := uintptr(os.Getpagesize())
	top := ^uintptr(0) &^ (page - 1) // where the last page begins
	for _, test := range []struct {
		name         string
		addr, length uintptr
		key          Key
		want         error
		words        string
	}{
		{"fine", 16 * page, 3 * page, 1, nil, ""},
		{"part of a page", 16 * page, 1, 0, nil, ""},
		{"nothing", 16 * page, 0, 1, nil, ""},
		{"up to the last page but one", top - page, page, 1, nil, ""},
		{"unaligned", 16*page + 1, page, 1, ErrAlign, "READ|WRITE, key 1"},
		{"no key", 16 * page, page, -1, ErrNotAllocated, "key -1"},
		{"to the end", top, page, 1, ErrRange, "of "},
		{"to the end but for a byte", top - page, 2*page - 1, 1, ErrRange, ""},
		{"past the end", 2 * page, top, 1, ErrRange, ""},
		{"everything", 0, ^uintptr(0), 1, ErrRange, ""},
	} {
		err := checkProtect(test.addr, test.length, ProtRead|ProtWrite, test.key)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		if err == nil {
			continue
		}
		if !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: %q lacks %q", test.name, err, test.words)
		}
		if got := Protect(test.addr, test.length, ProtRead|ProtWrite, test.key); got == nil || got.Error() != err.Error() {
			t.Errorf("%s: Protect says %v, not %v", test.name, got, err)
		}
	}
}

// Key 0 and keys that cannot be are refused before the kernel is asked, with
// and without keys.
func TestFreeRefuses(t *testing.T) {
	if err := Key(0).Free(); !errors.Is(err, ErrKeyZero) {
		t.Errorf("key 0: %v", err)
	}
	for _, k := range []Key{-1, 12345} {
		if err := k.Free(); !errors.Is(err, ErrNotAllocated) && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v: %v", k, err)
		}
	}
}
