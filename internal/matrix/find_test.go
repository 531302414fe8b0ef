package matrix

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	m := the(t)
	for _, test := range []struct{ release, port, name, want string }{
		{"6.1", "amd64", "", "amd64-6.1"},
		{"", "amd64", "", "amd64-7.3"},
		{"5.10", "386", "", "386-5.10"},
		{"7.3", "386", "", "386-7.3-on-amd64"},
		{"", "386", "386-6.1", "386-6.1"},
		{"7.3", "arm", "", "arm-7.3"},
		{"6.12", "arm64", "", "arm64-6.12"}, // not the one with larger pages
		{"6.12", "arm64", "arm64-6.12-16k", "arm64-6.12-16k"},
		{"6.1", "ppc64le", "", "ppc64le-6.1-64k"},
		{"7.3", "ppc64le", "", "ppc64le-7.3"},
		{"", "riscv64", "", "riscv64-7.2"},
		{"", "riscv64", "riscv64-7.2-svrsw60t59b", "riscv64-7.2-svrsw60t59b"},
		{"", "loong64", "", "loong64-7.3"},
	} {
		got, err := m.Find(test.release, test.port, test.name)
		if err != nil || got.Name != test.want {
			t.Errorf("%+v: %s, %v", test, got.Name, err)
		}
	}
}

func TestFindNothing(t *testing.T) {
	m := the(t)
	for _, test := range []struct{ release, port, name, want string }{
		{"6.2", "amd64", "", `there is no kernel "6.2"; there are 5.10, 6.1, 6.12, 7.2, 7.3`},
		{"", "mips", "", "no machine runs programs of mips; there are machines of amd64, 386, arm64"},
		{"6.1", "mips", "", "no machine runs programs of mips; there are"},
		{"5.10", "riscv64", "", "no machine runs programs of riscv64 on kernel 5.10; on riscv64 there are kernels 6.12, 7.2"},
		{"", "loong64", "vax", `there is no machine "vax"; there are loong64-7.2, loong64-7.3`},
		{"", "mips", "vax", `there is no machine "vax"; "pageslot vm list" shows all`},
		{"", "arm64", "amd64-6.1", "the machine amd64-6.1 runs programs of amd64, and this one was built for arm64"},
		{"6.12", "amd64", "amd64-6.1", "the machine amd64-6.1 has kernel 6.1, not 6.12"},
	} {
		got, err := m.Find(test.release, test.port, test.name)
		if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.ContainsRune(err.Error(), '\n') {
			t.Errorf("%+v: %s, %v", test, got.Name, err)
		}
	}
}

// Whatever Find returns is what was asked for, and the smallest page of it, in
// whatever order the machines are listed.
func TestFindProperty(t *testing.T) {
	m := clone(t, the(t))
	slices.Reverse(m.Machines)
	for _, port := range m.ports() {
		for _, release := range m.releases(func(x Machine) bool { return x.Port == port }) {
			got, err := m.Find(release, port, "")
			if err != nil || got.Port != port || m.KernelOf(got).Release != release {
				t.Errorf("%s %s: %s, %v", port, release, got.Name, err)
			}
			for _, x := range m.Machines {
				if x.Port == port && m.KernelOf(x).Release == release && m.KernelOf(x).Page < m.KernelOf(got).Page {
					t.Errorf("%s %s: %s, though %s has smaller pages", port, release, got.Name, x.Name)
				}
			}
		}
	}
}

func TestSelect(t *testing.T) {
	m := the(t)
	all, err := m.Select("", nil)
	if err != nil || len(all) != len(m.Machines) {
		t.Errorf("%d of %d, %v", len(all), len(m.Machines), err)
	}
	some, err := m.Select("ci", regexp.MustCompile("^arm64-"))
	if err != nil || len(some) == 0 || slices.ContainsFunc(some, func(x Machine) bool { return x.Port != "arm64" || !slices.Contains(x.Subsets, "ci") }) {
		t.Errorf("%v, %v", some, err)
	}
	if _, err := m.Select("nightly", nil); err == nil || !strings.Contains(err.Error(), `no subset "nightly"; there is ci`) {
		t.Error(err)
	}
	if _, err := m.Select("", regexp.MustCompile("vax")); err == nil || !strings.Contains(err.Error(), "vm list") {
		t.Error(err)
	}
}

func TestCompareVersions(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"6.1", "6.12", -1}, {"6.12", "6.2", 1}, {"7.2", "7.2", 0}, {"7.2.22", "7.2", 1}, {"11.0", "7.2", 1}, {"10.0.2", "11.0", -1},
	} {
		if got := compareVersions(test.a, test.b); got != test.want || compareVersions(test.b, test.a) != -test.want {
			t.Errorf("%s, %s: %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
