package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFindHeaders builds each tree out of empty directories.
func TestFindHeaders(t *testing.T) {
	arm64, mips, i386 := mustPorts(t, "arm64")[0], mustPorts(t, "mips")[0], mustPorts(t, "386")[0]
	for _, c := range []struct {
		name string
		dirs []string
		port port
		want []string // nil: none
	}{
		{"Debian, all architectures", []string{"usr/lib/linux/uapi/arm64/asm", "usr/include/linux"}, arm64,
			[]string{"usr/lib/linux/uapi/arm64", "usr/include"}},
		{"Debian, one architecture", []string{"usr/include/aarch64-linux-gnu/asm", "usr/include/linux"}, arm64,
			[]string{"usr/include/aarch64-linux-gnu", "usr/include"}},
		{"Debian, cross", []string{"usr/mips-linux-gnu/include/asm"}, mips, []string{"usr/mips-linux-gnu/include"}},
		{"Debian, cross, another name", []string{"usr/i686-linux-gnu/include/asm"}, i386, []string{"usr/i686-linux-gnu/include"}},
		{"make headers", []string{"x86/usr/include/asm", "arm64/usr/include/asm"}, arm64, []string{"arm64/usr/include"}},
		{"make headers_install", []string{"x86/include/asm"}, i386, []string{"x86/include"}},
		{"make headers of one", []string{"usr/include/asm"}, arm64, []string{"usr/include"}},
		{"make headers_install of one", []string{"include/asm"}, arm64, []string{"include"}},
		{"another port's", []string{"x86/usr/include/asm", "usr/i686-linux-gnu/include/asm"}, arm64, nil},
		{"nothing", []string{"usr/include/linux"}, arm64, nil},
	} {
		root := t.TempDir()
		for _, d := range c.dirs {
			if err := os.MkdirAll(filepath.Join(root, d), 0o777); err != nil {
				t.Fatal(err)
			}
		}
		got, err := findHeaders(root, c.port)
		if c.want == nil {
			if err == nil {
				t.Errorf("%s: found %v", c.name, got)
			} else {
				wantAll(t, err.Error(), root, c.port.srcarch, "usr/lib/linux/uapi/"+c.port.srcarch)
			}
			continue
		}
		for i := range got {
			got[i], _ = strings.CutPrefix(filepath.ToSlash(got[i]), filepath.ToSlash(root)+"/")
		}
		if err != nil || strings.Join(got, " ") != strings.Join(c.want, " ") {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

// TestRelativeTree: debug information has absolute names of files.
func TestRelativeTree(t *testing.T) {
	dirs, err := findHeaders("testdata/headers", mustPorts(t, "mips")[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if !filepath.IsAbs(d) {
			t.Errorf("%s is not absolute", d)
		}
	}
}

func TestHeaderOf(t *testing.T) {
	dirs := []string{"/t/asm-tree", "/t/usr/include"}
	for path, want := range map[string]string{
		"/t/asm-tree/asm/mman.h":            "asm/mman.h",
		"/t/usr/include/linux/fs.h":         "linux/fs.h",
		"/t/usr/include/./linux/../a.h":     "a.h",
		"/t/usr/include-other/linux/fs.h":   "",
		"/usr/lib/clang/16/include/stddef.": "",
		"<stdin>":                           "",
		"":                                  "",
	} {
		if got := headerOf(path, dirs); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}
