package main

import (
	"strings"
	"testing"
)

// edited returns facts of amd64 and of mips, the second ones changed.
func edited(edit func(*Facts)) []*Facts {
	return []*Facts{smallFacts("amd64", nil), smallFacts("mips", edit)}
}

// TestConstantsOnce looks where a constant stands: once if all ports agree,
// else in the file of each port that has it.
func TestConstantsOnce(t *testing.T) {
	files, err := emit(edited(func(f *Facts) {
		f.Constants[0].Value = "0x800" // MAP_ANONYMOUS
		f.Constants[1] = Constant{"MFD_NEW", "linux/memfd.h", "u32", "0x99"}
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]map[string]bool{
		"zconst_linux.go":       {"PIDFD_SELF": true, "MAP_ANONYMOUS": false, "MFD_CLOEXEC": false, "MFD_NEW": false},
		"zconst_linux_amd64.go": {"PIDFD_SELF": false, "MAP_ANONYMOUS = 0x20\n": true, "MFD_CLOEXEC": true, "MFD_NEW": false},
		"zconst_linux_mips.go":  {"PIDFD_SELF": false, "MAP_ANONYMOUS = 0x800\n": true, "MFD_CLOEXEC": false, "MFD_NEW": true},
	} {
		for text, there := range want {
			if strings.Contains(string(files[name]), text) != there {
				t.Errorf("%s has %q: %v, want %v\n%s", name, text, !there, there, files[name])
			}
		}
	}
	for name, text := range files {
		if strings.HasPrefix(name, "zconst") && strings.Contains(string(text), "NR_") {
			t.Errorf("%s has numbers of system calls", name)
		}
		if !isGenerated(text) {
			t.Errorf("%s does not begin like a generated file", name)
		}
	}
}

// TestSameHeaderIsNotNeeded: a constant with one value stands once even where
// ports have it from different headers, or of different types.
func TestSameHeaderIsNotNeeded(t *testing.T) {
	files, err := emit(edited(func(f *Facts) {
		f.Constants[0].Header, f.Constants[0].Type = "asm/mman.h", "u64"
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(files["zconst_linux.go"]), "MAP_ANONYMOUS") {
		t.Error("MAP_ANONYMOUS is not in zconst_linux.go")
	}
}

func TestCallVariants(t *testing.T) {
	files, err := emit(edited(func(f *Facts) {
		f.Constants = append(f.Constants[:3],
			Constant{"__NR_fcntl", "asm/unistd.h", "s32", "4055"},
			Constant{"__NR_fcntl64", "asm/unistd.h", "s32", "4220"},
			Constant{"__NR_memfd_secret", "asm/unistd.h", "s32", "4447"})
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	wantAll(t, string(files["zsysnum_linux_amd64.go"]), "nrFcntl       = SYS_FCNTL\n", "nrMemfdSecret = noSyscall\n")
	wantAll(t, string(files["zsysnum_linux_mips.go"]), "nrFcntl       = SYS_FCNTL64\n", "nrMemfdSecret = SYS_MEMFD_SECRET\n")
}

func TestEmitRefuses(t *testing.T) {
	field := func(f Field) func(*Facts) {
		return func(facts *Facts) { facts.Structs[0].Fields[1] = f }
	}
	for _, c := range []struct {
		name string
		all  []*Facts
		want string
	}{
		{"no facts", nil, "no facts"},
		{"two header trees", edited(func(f *Facts) { f.Headers.Linux = "9.5.7" }), "mips: "},
		{"two packages", edited(func(f *Facts) { f.Headers.Package = "" }), "mips: "},
		{"a structure less", edited(func(f *Facts) { f.Structs = nil }), "mips: has the structures []"},
		{"another size", edited(func(f *Facts) { f.Structs[0].Size = 24 }), "mips: linux/fs.h: struct page_region: "},
		{"another offset", edited(field(Field{Name: "end", Type: "u64", Offset: 12, Size: 8})), "page_region.end"},
		{"another type", edited(field(Field{Name: "end", Type: "s64", Offset: 8, Size: 8})), "page_region.end"},
		{"another name", edited(field(Field{Name: "stop", Type: "u64", Offset: 8, Size: 8})), "page_region.end"},
		{"a field less", edited(func(f *Facts) { f.Structs[0].Fields = f.Structs[0].Fields[:1] }), "page_region"},
		{"fields that overlap", []*Facts{smallFacts("amd64", field(Field{Name: "end", Type: "u32", Offset: 4, Size: 4}))}, "page_region.end"},
		{"one name twice", []*Facts{smallFacts("amd64", field(Field{Name: "Start", Type: "u64", Offset: 8, Size: 8}))}, "Start"},
		{"an unknown type", []*Facts{smallFacts("amd64", field(Field{Name: "end", Type: "f64", Offset: 8, Size: 8}))}, "f64"},
	} {
		files, err := emit(c.all, nil)
		if err == nil || files != nil {
			t.Errorf("%s: accepted", c.name)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", c.name, err, c.want)
		}
	}
}

func TestGoName(t *testing.T) {
	for c, want := range map[string]string{
		"uffd_msg": "UffdMsg", "len": "Len", "__pad": "Pad", "reserved1": "Reserved1", "a__b_": "AB",
	} {
		if got := goName(c); got != want {
			t.Errorf("%s: %s, want %s", c, got, want)
		}
	}
}
