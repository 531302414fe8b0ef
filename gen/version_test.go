package main

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLinuxVersion(t *testing.T) {
	v := func(n uint64) value { return value{bits: n, size: 4, signed: true} }
	for _, c := range []struct {
		values map[string]value
		want   string // empty: an error
	}{
		{map[string]value{"LINUX_VERSION_CODE": v(0x070304)}, "7.3.4"},
		{map[string]value{"LINUX_VERSION_CODE": v(0x050aff)}, "5.10.255 or later"},
		{map[string]value{"LINUX_VERSION_CODE": v(0x050aff), "LINUX_VERSION_MAJOR": v(5), "LINUX_VERSION_PATCHLEVEL": v(10), "LINUX_VERSION_SUBLEVEL": v(262)}, "5.10.262"},
		{map[string]value{"LINUX_VERSION_CODE": v(0x070304), "LINUX_VERSION_MAJOR": v(6)}, ""},
		{nil, ""},
	} {
		got, err := linuxVersion(c.values)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%v: %q, %v; want %q", c.values, got, err, c.want)
		}
	}
}

func TestSourcePackages(t *testing.T) {
	root := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		path = filepath.Join(root, "usr/share/doc", path)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z := gzip.NewWriter(f)
		if _, err := z.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want ...string) {
		t.Helper()
		got, err := sourcePackages(root)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	check()
	write("linux-libc-dev/changelog.Debian.gz", "linux (7.3.4-1~bpo13+1) trixie-backports; urgency=medium\n\nlinux (7.3.3-1) sid\n")
	check("linux 7.3.4-1~bpo13+1")
	// A -cross package: the changelog of the toolchain, and the kernel's.
	write("linux-libc-dev-arm64-cross/changelog.Debian.gz", "cross-toolchain-base (66) unstable; urgency=medium\n")
	write("linux-libc-dev-arm64-cross/changelog.Debian.linux.gz", "linux (6.1.4-1) unstable; urgency=medium\n")
	write("linux-libc-dev-s390x-cross/changelog.Debian.linux.gz", "linux (6.1.4-1) unstable; urgency=medium\n")
	check("linux 6.1.4-1", "linux 7.3.4-1~bpo13+1")

	write("linux-libc-dev-mips-cross/changelog.Debian.gz", "not a changelog\n")
	if _, err := sourcePackages(root); err == nil {
		t.Error("a changelog that is none was accepted")
	}
	if err := os.WriteFile(filepath.Join(root, "usr/share/doc/linux-libc-dev-mips-cross/changelog.Debian.gz"), []byte("no gzip"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := sourcePackages(root); err == nil {
		t.Error("a changelog that is not compressed was accepted")
	}
}

func TestChoosePackage(t *testing.T) {
	for _, c := range []struct {
		packages []string
		want     string
	}{
		{nil, ""},
		{[]string{"own 1"}, "own 1"},
		{[]string{"linux 6.1.4-1", "linux 6.1.8-1"}, "linux 6.1.8-1"},
		{[]string{"linux 6.1.8-1", "linux 6.1.8-2"}, ""},
		{[]string{"linux 6.1.4-1", "linux 6.1.5-1"}, ""},
	} {
		if got := choosePackage(c.packages, "6.1.8"); got != c.want {
			t.Errorf("%q: %q, want %q", c.packages, got, c.want)
		}
	}
}
