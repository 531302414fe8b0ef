package debian

import "testing"

func TestThroughLinks(t *testing.T) {
	names := []string{"boot/vmlinuz", "boot/vmlinuz-6", "boot/loop", "lib", "usr/lib/modules/6/vmlinuz", "usr/lib/modules/7/x", "out", "odd", "usr/a*b", "usr/aXb"}
	links := map[string]string{
		"boot/vmlinuz": "vmlinuz-6", "boot/loop": "/boot/loop", "lib": "usr/lib", "out": "../../boot/vmlinuz", "odd": "/usr/a*b",
	}
	for pattern, want := range map[string]string{
		"boot/vmlinuz":          "boot/vmlinuz-6",
		"boot/vmlinu?":          "boot/vmlinuz-6",
		"lib/modules/*/vmlinuz": "usr/lib/modules/6/vmlinuz",
		"out":                   "boot/vmlinuz-6", // nothing is above the package's own root
		"odd":                   `usr/a\*b`,
		"boot/loop":             "",
		"lib/modules/*/*":       "", // two files
		"nothing":               "",
	} {
		if got, ok := throughLinks(names, links, pattern); got != want || ok != (want != "") {
			t.Errorf("%s: got %q, want %q", pattern, got, want)
		}
	}
}

func TestWanted(t *testing.T) {
	programs := []string{"qemu-system-riscv64"}
	for name, want := range map[string]bool{
		"usr/bin/qemu-system-riscv64": true, "usr/bin/qemu-system-arm": false, "usr/sbin/useradd": false, "bin/sh": false,
		"usr/bin": true, "usr/share/qemu/opensbi.bin": true, "usr/share/doc": false, "usr/share/doc/x": false, "usr/share/docs": true,
		"usr/lib/x/libc.so.6": true, "var/lib/x": false,
	} {
		if got := wanted(name, programs); got != want {
			t.Errorf("%s: got %v", name, got)
		}
	}
	if !wanted("usr/bin/qemu-system-arm", nil) {
		t.Error("without names, every program is wanted")
	}
}

func TestClosureKey(t *testing.T) {
	a := Closure{Suites: []string{"x", "y"}, Packages: []string{"p", "q"}, Programs: []string{"r"}}
	same := Closure{Suites: []string{"x", "y"}, Packages: []string{"q", "p", "q"}, Programs: []string{"r"}}
	if a.key() != same.key() {
		t.Error("the order of packages makes another tree")
	}
	for _, b := range []Closure{
		{[]string{"y", "x"}, []string{"p", "q"}, []string{"r"}},
		{[]string{"x", "y"}, []string{"p"}, []string{"r"}},
		{[]string{"x", "y"}, []string{"p", "q"}, nil},
		{[]string{"x", "y"}, []string{"p", "q", "r"}, nil},
		{[]string{"x", "y", "p"}, []string{"q"}, []string{"r"}},
	} {
		if a.key() == b.key() {
			t.Errorf("%v and %v are the same tree", a, b)
		}
	}
	for _, b := range []Closure{{}, {Suites: []string{"x"}}, {[]string{"x"}, []string{"-o"}, nil}, {[]string{"x"}, []string{"p"}, []string{"../sh"}}} {
		if b.check() == nil {
			t.Errorf("%v is accepted", b)
		}
	}
}

func TestPrintedSizes(t *testing.T) {
	n, sum := printedSizes("Reading...\n'http://m/a.deb' a.deb 10 SHA256:1\n'http://m/b.deb' b.deb 32 \nafter that\n")
	if n != 2 || sum != 42 {
		t.Errorf("got %d packages, %d bytes", n, sum)
	}
}
