package resolver

import (
	"bufio"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/pkey"
)

func TestTellsKey(t *testing.T) {
	const first = "00400000-00401000 r--p 00000000 00:00 0\nSize: 4 kB\n"
	for text, want := range map[string]bool{
		"":    false,
		first: false,
		first + "ProtectionKey:         0\nVmFlags: rd\n":      true,
		first + "VmFlags: rd\n" + first + "ProtectionKey: 1\n": false,
	} {
		if got := tellsKey(bufio.NewScanner(strings.NewReader(text))); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// Keys are seen when others have all of them, too.
func TestHaveKeys(t *testing.T) {
	there := pkey.Supported() == nil
	if haveKeys() != there {
		t.Errorf("%v, want %v", !there, there)
	}
	for {
		key, err := pkey.Alloc()
		if err != nil {
			break
		}
		defer key.Free()
	}
	if haveKeys() != there {
		t.Errorf("without a free one: %v, want %v", !there, there)
	}
}
