package matrix

import (
	"errors"
	"fmt"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Subsets are the names that -subset takes.
var Subsets = []string{"ci"}

// ports are the ports that the matrix may have, with the kernels' ports that run
// their programs.
var ports = map[string][]string{
	"386":      {"386", "amd64"},
	"amd64":    {"amd64"},
	"arm":      {"arm", "arm64"},
	"arm64":    {"arm64"},
	"loong64":  {"loong64"},
	"mips64le": {"mips64le"},
	"ppc64le":  {"ppc64le"},
	"riscv64":  {"riscv64"},
	"s390x":    {"s390x"},
}

var (
	machineName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9.]+)+$`)
	releaseForm = regexp.MustCompile(`^[0-9]+\.[0-9]+$`)
	hashForm    = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Validate reports everything in the data that makes no sense.
func (m *Matrix) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	seen := map[string]bool{}
	for _, k := range m.Kernels {
		switch {
		case seen[k.ID]:
			bad("kernel %q is listed twice", k.ID)
		case !machineName.MatchString(k.ID):
			bad("kernel %q: the ID is not of the form arch-release", k.ID)
		}
		seen[k.ID] = true
		m.validateKernel(k, func(format string, args ...any) { bad("kernel %q: "+format, append([]any{k.ID}, args...)...) })
	}

	seen, used := map[string]bool{}, map[string]bool{}
	for _, p := range m.Programs {
		if seen[p.Program] || !strings.HasPrefix(p.Program, "qemu-system-") || p.Package == "" {
			bad("program %q: listed twice, no QEMU, or without a package", p.Program)
		}
		seen[p.Program] = true
	}

	seen = map[string]bool{}
	for _, x := range m.Machines {
		if seen[x.Name] {
			bad("machine %q is listed twice", x.Name)
		}
		seen[x.Name], used[x.Kernel] = true, true
		m.validateMachine(x, func(format string, args ...any) { bad("machine %q: "+format, append([]any{x.Name}, args...)...) })
	}
	for _, k := range m.Kernels {
		if !used[k.ID] {
			bad("kernel %q: no machine starts it", k.ID)
		}
	}
	for _, a := range m.Absent {
		if a.What == "" || a.Why == "" {
			bad("absent: %+v says not what or not why", a)
		}
	}
	if len(m.Machines) == 0 {
		bad("there are no machines")
	}
	return errors.Join(errs...)
}

func (m *Matrix) validateKernel(k Kernel, bad func(string, ...any)) {
	p := k.Package
	if !releaseForm.MatchString(k.Release) {
		bad("release %q is not two numbers", k.Release)
	}
	if _, ok := ports[k.Arch]; !ok {
		bad("there is no port %q", k.Arch)
	}
	if k.Page <= 0 || bits.OnesCount(uint(k.Page)) != 1 {
		bad("%d is no size of a page", k.Page)
	}
	if k.Member == "" || p.Name == "" || p.Version == "" || p.Arch == "" || p.Suite == "" || p.Path == "" || p.Size <= 0 {
		bad("a part of its package is missing: %+v", p)
	}
	if !hashForm.MatchString(p.SHA256) {
		bad("%q is no SHA-256", p.SHA256)
	}
	if r, err := regexp.Compile("^(?:" + p.Pattern + ")$"); err != nil || p.Pattern == "" || !r.MatchString(p.Name) {
		bad("the pattern %q does not match the package's own name %q (%v)", p.Pattern, p.Name, err)
	}
}

func (m *Matrix) validateMachine(x Machine, bad func(string, ...any)) {
	k, ok := m.kernel(x.Kernel)
	runners, known := ports[x.Port]
	switch {
	case !ok:
		bad("there is no kernel %q", x.Kernel)
	case !known:
		bad("there is no port %q", x.Port)
	case !slices.Contains(runners, k.Arch):
		bad("a kernel of %s runs no programs of %s", k.Arch, x.Port)
	case !machineName.MatchString(x.Name) || x.Name != x.Port+"-"+k.Release && !strings.HasPrefix(x.Name, x.Port+"-"+k.Release+"-"):
		bad("the name does not begin with %s-%s", x.Port, k.Release)
	}
	if _, ok := m.program(x.QEMU.Program); !ok {
		bad("the program %q is not listed", x.QEMU.Program)
	}
	if !releaseForm.MatchString(x.QEMU.Oldest) {
		bad("the oldest QEMU is %q, not two numbers", x.QEMU.Oldest)
	}
	if w := x.QEMU.Wanted; w != "" && (!releaseForm.MatchString(w) || compareVersions(w, x.QEMU.Oldest) <= 0) {
		bad("the QEMU that is wanted is %q, not two numbers, or not newer than the oldest", w)
	}
	if x.Memory() == 0 {
		bad("the arguments have no -m with a number of MiB")
	}
	if !strings.HasPrefix(x.Append, "console=") {
		bad("the kernel's command line does not begin with its console")
	}
	if x.Initrd < 0 {
		bad("initrd is %d: no limit is 0", x.Initrd)
	}
	if x.Slow < 1 || x.Slow > 1000 {
		bad("slow is %v, and goes from 1 to 1000", x.Slow)
	}
	for p, why := range x.Without {
		if p == "" || why == "" {
			bad("package %q is left out for the reason %q", p, why)
		}
	}
	for _, s := range x.Subsets {
		if !slices.Contains(Subsets, s) {
			bad("there is no subset %q; there is %s", s, strings.Join(Subsets, ", "))
		}
	}
}

// Memory is the machine's memory in MiB, as -m says.
func (x Machine) Memory() int {
	args := strings.Fields(x.QEMU.Args)
	if i := slices.Index(args, "-m"); i >= 0 && i+1 < len(args) {
		n, err := strconv.Atoi(args[i+1])
		if err == nil && n > 0 {
			return n
		}
	}
	return 0
}

// WithMemory is the machine with another amount of memory, in MiB.
func (x Machine) WithMemory(mib int) Machine {
	args := strings.Fields(x.QEMU.Args)
	if i := slices.Index(args, "-m"); i >= 0 && i+1 < len(args) {
		args[i+1] = strconv.Itoa(mib)
	}
	x.QEMU.Args = strings.Join(args, " ")
	return x
}
