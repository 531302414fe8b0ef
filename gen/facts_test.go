package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// smallFacts are facts of one port; edit may change them.
func smallFacts(goarch string, edit func(*Facts)) *Facts {
	f := &Facts{Port: goarch, Headers: Origin{Linux: "9.5.6", Package: "linux 9.5.6-1"}}
	for _, p := range ports {
		if p.goarch == goarch {
			f.Target = p.target
		}
	}
	f.Constants = []Constant{
		{"MAP_ANONYMOUS", "asm-generic/mman-common.h", "s32", "0x20"},
		{"MFD_CLOEXEC", "linux/memfd.h", "u32", "0x1"},
		{"PIDFD_SELF", "linux/fcntl.h", "s32", "-10000"},
		{"__NR_fcntl", "asm/unistd.h", "s32", "72"},
		{"__NR_read", "asm/unistd.h", "s32", "0"},
	}
	f.Structs = []Struct{{"page_region", "linux/fs.h", 16, 8, []Field{
		{Name: "start", Type: "u64", Offset: 0, Size: 8},
		{Name: "end", Type: "u64", Offset: 8, Size: 8},
	}}}
	if edit != nil {
		edit(f)
	}
	return f
}

func TestFactsRoundTrip(t *testing.T) {
	for name, f := range map[string]*Facts{
		"small":         smallFacts("amd64", nil),
		"no constants":  smallFacts("amd64", func(f *Facts) { f.Constants = nil }),
		"no structures": smallFacts("amd64", func(f *Facts) { f.Structs = nil }),
		"no package":    smallFacts("amd64", func(f *Facts) { f.Headers.Package = "" }),
	} {
		got, err := decodeFacts(f.encode())
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, f.encode())
			continue
		}
		if len(f.Structs) == 0 {
			f.Structs = []Struct{}
		}
		if diff := cmp.Diff(f, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestBadFacts edits the file as a person might.
func TestBadFacts(t *testing.T) {
	good := string(smallFacts("amd64", nil).encode())
	for _, c := range []struct{ name, old, new, want string }{
		{"cut short", "\n}\n", "\n", "unexpected EOF"},
		{"something behind", "\n}\n", "\n}\n{}\n", "follows"},
		{"a field that is unknown", `"target"`, `"targets"`, "targets"},
		{"no version", "9.5.6\",", "\",", "version of Linux"},
		{"an unknown port", `"amd64"`, `"amd65"`, "amd65"},
		{"the target of another port", "x86_64-", "arm-", "arm-linux-gnu"},
		{"a value that is no number", `"0x1"`, `"1 << 0"`, "amd64: linux/memfd.h: MFD_CLOEXEC: "},
		{"a value that is too large", `"0x1"`, `"0x10000000000000000"`, "MFD_CLOEXEC"},
		{"a value that is too small", `"-10000"`, `"-9223372036854775809"`, "PIDFD_SELF"},
		{"a name without a rule", "MFD_CLOEXEC", "XFD_CLOEXEC", "XFD_CLOEXEC: no rule"},
		{"a header without a rule", "linux/memfd.h", "linux/xmemfd.h", "no rule"},
		{"a name twice", `"asm-generic/mman-common.h": {`, `"asm/mman.h": { "MAP_ANONYMOUS": {"type": "s32", "value": "0x20"} }, "asm-generic/mman-common.h": {`, "MAP_ANONYMOUS: also from"},
	} {
		if !strings.Contains(good, c.old) {
			t.Fatalf("%s: no %s in\n%s", c.name, c.old, good)
		}
		_, err := decodeFacts([]byte(strings.Replace(good, c.old, c.new, 1)))
		if err == nil {
			t.Errorf("%s: accepted", c.name)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", c.name, err, c.want)
		}
	}
}

func TestNewConstant(t *testing.T) {
	for _, c := range []struct {
		name string
		v    value
		want Constant
	}{
		{"MFD_X", value{0, 4, true}, Constant{Type: "s32", Value: "0x0"}},
		{"MFD_X", value{0xaa, 8, false}, Constant{Type: "u64", Value: "0xaa"}},
		{"MFD_X", value{^uint64(0), 8, false}, Constant{Type: "u64", Value: "0xffffffffffffffff"}},
		{"MFD_X", value{^uint64(0), 8, true}, Constant{Type: "s64", Value: "-1"}},
		{"MFD_X", value{^uint64(9999), 4, true}, Constant{Type: "s32", Value: "-10000"}},
		{"__NR_x", value{4000, 4, true}, Constant{Type: "s32", Value: "4000"}},
	} {
		c.want.Name, c.want.Header = c.name, "h"
		if got := newConstant(c.name, "h", c.v); got != c.want {
			t.Errorf("%+v: %+v, want %+v", c.v, got, c.want)
		}
	}
}
