package probe

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pageslot/pageslot/pkey"
	"github.com/pageslot/pageslot/testgate"
)

// One key that is taken is one less that is free, and as many as before in all.
func TestKeysAreCounted(t *testing.T) {
	all := need(t, Pkey, testgate.Pkey)
	free := need(t, PkeyFree, testgate.Pkey)
	if all.Values[0] != free.Values[0] {
		t.Errorf("nobody has a key, and of %s there are %s free", all.Values[0], free.Values[0])
	}
	var n int
	if _, err := fmt.Sscan(free.Values[0], &n); err != nil || n < 1 {
		t.Fatalf("%q (%v)", free.Values, err)
	}
	key, err := pkey.Alloc()
	if err != nil {
		t.Fatal(err)
	}
	if a := Ask(Pkey); a.Verdict != Yes || !slices.Equal(a.Values, all.Values) {
		t.Errorf("with a key taken: %+v, want %v", a, all.Values)
	}
	if a := Ask(PkeyFree); n > 1 && (a.Verdict != Yes || a.Values[0] != fmt.Sprintf("%d keys", n-1)) {
		t.Errorf("with a key of %d taken: %+v", n, a)
	}
	if err := key.Free(); err != nil {
		t.Fatal(err)
	}
	if a := Ask(PkeyFree); !slices.Equal(a.Values, free.Values) {
		t.Errorf("with the key given back: %+v, want %v", a, free.Values)
	}
}

// Where all keys are taken there are keys, and none is free.
func TestAllKeysTaken(t *testing.T) {
	all := need(t, Pkey, testgate.Pkey)
	_, inChild, err := testgate.Child(t, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if !inChild {
		return
	}
	for {
		_, err := pkey.Alloc()
		if errors.Is(err, pkey.ErrExhausted) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if a := Ask(Pkey); a.Verdict != Yes || !slices.Equal(a.Values, all.Values) {
		t.Errorf("%+v, want %v", a, all.Values)
	}
	check(t, PkeyFree, No, "all protection keys of this process are taken")
}

func TestReadCPUInfo(t *testing.T) {
	for _, tc := range []struct{ info, arch, want string }{
		{"flags\t\t: fpu sse\n", "amd64", "no flag pku)"},
		{"flags\t\t: fpu hypervisor sse\n", "386", "hypervisor may hide them"},
		{"flags\t\t: fpu pku sse\n", "amd64", "the kernel does not use them"},
		{"flags\t\t: fpu pku ospke\n", "amd64", "something else is in the way"},
		{"Features\t: fp asimd\n", "arm64", "no flag poe"},
		{"MMU\t\t: Radix\n", "ppc64le", "MMU is Radix"},
	} {
		if got := readCPUInfo(tc.info, tc.arch); !strings.HasPrefix(got, "; ") || !strings.Contains(got, tc.want) {
			t.Errorf("%q on %s: %q, want %q", tc.info, tc.arch, got, tc.want)
		}
	}
	for _, arch := range []string{"arm64", "s390x", "ppc64", "mips"} {
		if got := readCPUInfo("Features : fp poe\n", arch); got != "" {
			t.Errorf("%s: %q", arch, got)
		}
	}
}
