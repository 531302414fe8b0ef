//go:build !linux

package main

import (
	"errors"
	"strings"
	"testing"
)

func TestLayoutOffLinux(t *testing.T) {
	if err := tryMap(nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	if h := thisHost(); h.maxMappings != -1 || h.mappings != -1 || h.top != 0 || h.limit != 0 {
		t.Errorf("%+v", h)
	}
	got := call("layout")
	for _, words := range []string{"vm.max_map_count: unknown", "RLIMIT_AS is unknown", "Whether it fits here is unknown"} {
		if got.status != exitOK || !strings.Contains(got.stdout, words) {
			t.Errorf("%q is missing: %+v", words, got)
		}
	}
}
