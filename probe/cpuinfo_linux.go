package probe

import (
	"os"
	"regexp"
	"runtime"
	"strings"
)

var (
	cpuFlags = regexp.MustCompile(`(?m)^(?:flags|Features)\s*:(.*)$`)
	cpuMMU   = regexp.MustCompile(`(?m)^MMU\s*:\s*(\w+)`)
)

// whyNoKeys is what /proc/cpuinfo has to say about it: words for people. Nothing
// is decided by it.
func whyNoKeys() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	return readCPUInfo(string(b), runtime.GOARCH)
}

func readCPUInfo(info, arch string) string {
	flags := " "
	if m := cpuFlags.FindStringSubmatch(info); m != nil {
		flags += m[1] + " "
	}
	has := func(flag string) bool { return strings.Contains(flags, " "+flag+" ") }
	virtual := ""
	if has("hypervisor") {
		virtual = "; this is a virtual machine, so its hypervisor may hide them"
	}
	switch {
	case arch == "amd64" || arch == "386":
		switch {
		case has("ospke"):
			return "; yet /proc/cpuinfo has the flag ospke: something else is in the way"
		case has("pku"):
			return "; the processor has them (/proc/cpuinfo has the flag pku), the kernel does not use them"
		}
		return "; the processor shows none (/proc/cpuinfo has no flag pku)" + virtual
	case arch == "arm64" && !has("poe"):
		return "; /proc/cpuinfo has no flag poe"
	case arch == "ppc64" || arch == "ppc64le":
		if m := cpuMMU.FindStringSubmatch(info); m != nil {
			return "; /proc/cpuinfo says that the MMU is " + m[1] + ": only Hash has them, and a hypervisor may hide them"
		}
	}
	return ""
}
