//go:build !linux

package main

import (
	"os"
	"strings"
	"testing"
)

func TestThisMachine(t *testing.T) {
	m := thisMachine()
	if m.pageSize != uint64(os.Getpagesize()) || m.maxMappings != -1 || m.mappings != -1 || m.top != 0 || m.limit != 0 || m.try != nil {
		t.Errorf("%+v", m)
	}
	if space := m.space(); space != 1<<31 && space != 1<<47 {
		t.Errorf("%d bytes of address space", space)
	}
	got := call("layout")
	for _, words := range []string{"vm.max_map_count: unknown", "RLIMIT_AS is unknown", "Whether it fits here is unknown"} {
		if got.status != exitOK || !strings.Contains(got.stdout, words) {
			t.Errorf("%q is missing: %+v", words, got)
		}
	}
}
