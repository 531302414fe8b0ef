package main

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// The macros of linux/version.h. LINUX_VERSION_CODE has room for a sublevel of
// 255 at most: 5.10.262 reads 5.10.255 there. The three others, which newer
// headers have too, say it exactly.
var versionNames = []string{"LINUX_VERSION_CODE", "LINUX_VERSION_MAJOR", "LINUX_VERSION_PATCHLEVEL", "LINUX_VERSION_SUBLEVEL"}

// linuxVersion reads the version of the kernel out of evaluated macros.
func linuxVersion(values map[string]value) (string, error) {
	code, ok := values["LINUX_VERSION_CODE"]
	if !ok {
		return "", errors.New("not defined")
	}
	major, minor, sub := code.bits>>16, code.bits>>8&255, code.bits&255
	exact := ""
	if s, ok := values["LINUX_VERSION_SUBLEVEL"]; ok {
		sub = s.bits
	} else if sub == 255 {
		exact = " or later"
	}
	for name, got := range map[string]uint64{"LINUX_VERSION_MAJOR": major, "LINUX_VERSION_PATCHLEVEL": minor} {
		if v, ok := values[name]; ok && v.bits != got {
			return "", fmt.Errorf("%#x contradicts %s = %d", code.bits, name, v.bits)
		}
	}
	return fmt.Sprintf("%d.%d.%d%s", major, minor, sub, exact), nil
}

// changelogTop is the first line of a Debian changelog.
var changelogTop = regexp.MustCompile(`^([a-z0-9][a-z0-9+.-]*) \(([^)\s]+)\)`)

// sourcePackage looks for the changelog of a Debian package in the tree root
// and returns the source package and its version, "linux 7.3.4-1". It is empty
// for a tree that has none.
func sourcePackage(root string) (string, error) {
	logs, err := filepath.Glob(filepath.Join(root, "usr/share/doc/linux-libc-dev*/changelog.Debian.gz"))
	if err != nil {
		return "", err
	}
	var found []string
	for _, path := range logs {
		line, err := firstLineOfGzip(path)
		if err != nil {
			return "", err
		}
		m := changelogTop.FindStringSubmatch(line)
		if m == nil {
			return "", fmt.Errorf("%s: the first line names no package and version: %q", path, line)
		}
		found = append(found, m[1]+" "+m[2])
	}
	slices.Sort(found)
	found = slices.Compact(found)
	if len(found) > 1 {
		return "", fmt.Errorf("the tree holds several packages: %q", found)
	}
	if len(found) == 0 {
		return "", nil
	}
	return found[0], nil
}

func firstLineOfGzip(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	s := bufio.NewScanner(z)
	s.Scan()
	if err := s.Err(); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return s.Text(), nil
}
