package main

import (
	"fmt"
	"slices"
	"strings"
)

// port is one GOARCH of Linux.
type port struct {
	goarch string
	// target is clang's name of the port, and the directory of its headers in
	// some trees; more names of that directory are in dirs.
	target string
	dirs   []string
	// srcarch is the kernel's name of the architecture: its directory in arch/.
	srcarch string
}

// ports is every port that package sys has.
var ports = []port{
	{"386", "i386-linux-gnu", []string{"i686-linux-gnu"}, "x86"},
	{"amd64", "x86_64-linux-gnu", nil, "x86"},
	{"arm", "arm-linux-gnueabihf", []string{"arm-linux-gnueabi"}, "arm"},
	{"arm64", "aarch64-linux-gnu", nil, "arm64"},
	{"loong64", "loongarch64-linux-gnu", nil, "loongarch"},
	{"mips", "mips-linux-gnu", nil, "mips"},
	{"mipsle", "mipsel-linux-gnu", nil, "mips"},
	{"mips64", "mips64-linux-gnuabi64", nil, "mips"},
	{"mips64le", "mips64el-linux-gnuabi64", nil, "mips"},
	{"ppc64", "powerpc64-linux-gnu", nil, "powerpc"},
	{"ppc64le", "powerpc64le-linux-gnu", nil, "powerpc"},
	{"riscv64", "riscv64-linux-gnu", nil, "riscv"},
	{"s390x", "s390x-linux-gnu", nil, "s390"},
}

// signs has, for each architecture, a macro that its headers define and no
// other architecture's do: headers of the wrong one mostly compile, and give
// wrong numbers. signHeaders are where the macros stand.
var (
	signs = map[string]string{
		"x86":       "X86_EFLAGS_CF",
		"arm":       "ARM_pc",
		"arm64":     "PSR_MODE_EL0t",
		"loongarch": "GPR_NUM",
		"mips":      "DSP_CONTROL",
		"powerpc":   "PT_NIP",
		"riscv":     "COMPAT_HWCAP_ISA_I",
		"s390":      "PT_PSWMASK",
	}
	signHeaders = []string{"asm/ptrace.h", "asm/hwcap.h", "asm/processor-flags.h"}
)

// choosePorts reads the value of -ports: GOARCHes separated by commas, all of
// them if it is empty. The order is always that of the table.
func choosePorts(list string) ([]port, error) {
	if list == "" {
		return ports, nil
	}
	want := strings.Split(list, ",")
	for _, name := range want {
		if !slices.ContainsFunc(ports, func(p port) bool { return p.goarch == name }) {
			return nil, fmt.Errorf("-ports: no port %q; there are %s", name, strings.Join(names(ports), ","))
		}
	}
	var chosen []port
	for _, p := range ports {
		if slices.Contains(want, p.goarch) {
			chosen = append(chosen, p)
		}
	}
	return chosen, nil
}

// names returns the GOARCHes of ports.
func names(ports []port) []string {
	list := make([]string, len(ports))
	for i, p := range ports {
		list[i] = p.goarch
	}
	return list
}
