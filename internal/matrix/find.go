package matrix

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Find picks the machine for a program of a port. A name picks that machine; a
// release the first machine of the port with that kernel, the smaller page
// first; neither of them the newest kernel of the port.
func (m *Matrix) Find(release, port, name string) (Machine, error) {
	if name != "" {
		return m.named(name, release, port)
	}
	var fit []Machine
	for _, x := range m.Machines {
		if x.Port == port && (release == "" || m.KernelOf(x).Release == release) {
			fit = append(fit, x)
		}
	}
	if len(fit) > 0 {
		return slices.MinFunc(fit, func(a, b Machine) int {
			ka, kb := m.KernelOf(a), m.KernelOf(b)
			return cmp.Or(compareVersions(kb.Release, ka.Release), cmp.Compare(ka.Page, kb.Page))
		}), nil
	}
	ofPort := m.releases(func(x Machine) bool { return x.Port == port })
	switch all := m.releases(func(Machine) bool { return true }); {
	case release != "" && !slices.Contains(all, release):
		return Machine{}, fmt.Errorf("there is no kernel %q; there are %s", release, strings.Join(all, ", "))
	case len(ofPort) == 0:
		return Machine{}, fmt.Errorf("no machine runs programs of %s; there are machines of %s", port, strings.Join(m.ports(), ", "))
	default:
		return Machine{}, fmt.Errorf("no machine runs programs of %s on kernel %s; on %s there are kernels %s", port, release, port, strings.Join(ofPort, ", "))
	}
}

func (m *Matrix) named(name, release, port string) (Machine, error) {
	i := slices.IndexFunc(m.Machines, func(x Machine) bool { return x.Name == name })
	if i < 0 {
		var near []string
		for _, x := range m.Machines {
			if port == "" || x.Port == port {
				near = append(near, x.Name)
			}
		}
		if len(near) == 0 {
			return Machine{}, fmt.Errorf("there is no machine %q; \"pageslot vm list\" shows all", name)
		}
		return Machine{}, fmt.Errorf("there is no machine %q; there are %s", name, strings.Join(near, ", "))
	}
	x := m.Machines[i]
	switch k := m.KernelOf(x); {
	case port != "" && x.Port != port:
		return Machine{}, fmt.Errorf("the machine %s runs programs of %s, and this one was built for %s", name, x.Port, port)
	case release != "" && release != k.Release:
		return Machine{}, fmt.Errorf("the machine %s has kernel %s, not %s", name, k.Release, release)
	}
	return x, nil
}

// Select picks the machines of a subset ("" is all) whose name matches run, if
// that is not nil.
func (m *Matrix) Select(subset string, run *regexp.Regexp) ([]Machine, error) {
	if subset != "" && !slices.Contains(Subsets, subset) {
		return nil, fmt.Errorf("there is no subset %q; there is %s", subset, strings.Join(Subsets, ", "))
	}
	var out []Machine
	for _, x := range m.Machines {
		if (subset == "" || slices.Contains(x.Subsets, subset)) && (run == nil || run.MatchString(x.Name)) {
			out = append(out, x)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no machine matches; \"pageslot vm list\" shows all")
	}
	return out, nil
}

// releases lists the kernels of the chosen machines, the oldest first.
func (m *Matrix) releases(chosen func(Machine) bool) []string {
	var out []string
	for _, x := range m.Machines {
		if r := m.KernelOf(x).Release; chosen(x) && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, compareVersions)
	return out
}

// ports lists the ports that have a machine, in the order of the data.
func (m *Matrix) ports() []string {
	var out []string
	for _, x := range m.Machines {
		if !slices.Contains(out, x.Port) {
			out = append(out, x.Port)
		}
	}
	return out
}

// compareVersions orders "6.1" before "6.12". What is not a number counts as 0.
func compareVersions(a, b string) int {
	number := func(s string) []int {
		var out []int
		for part := range strings.SplitSeq(s, ".") {
			n, _ := strconv.Atoi(part)
			out = append(out, n)
		}
		return out
	}
	return slices.Compare(number(a), number(b))
}
