package main

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
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

// sourcePackages looks for the changelogs of Debian packages in the tree root
// and returns the source packages and their versions, such as "linux 7.3.4-1".
// A -cross package has a changelog of the toolchain and one of the kernel
// beside it: the second one counts.
func sourcePackages(root string) ([]string, error) {
	dirs, err := filepath.Glob(filepath.Join(root, "usr/share/doc/linux-libc-dev*"))
	if err != nil {
		return nil, err
	}
	var found []string
	for _, dir := range dirs {
		for _, name := range []string{"changelog.Debian.linux.gz", "changelog.Debian.gz"} {
			path := filepath.Join(dir, name)
			line, err := firstLineOfGzip(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			m := changelogTop.FindStringSubmatch(line)
			if m == nil {
				return nil, fmt.Errorf("%s: the first line names no package and version: %q", path, line)
			}
			found = append(found, m[1]+" "+m[2])
			break
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// choosePackage returns the package whose headers say that they are of a
// version of Linux: the only one there is, or else the only one of that
// version, or none.
func choosePackage(packages []string, linux string) string {
	if len(packages) > 1 {
		packages = slices.DeleteFunc(slices.Clone(packages), func(p string) bool {
			_, version, _ := strings.Cut(p, " ")
			upstream, _, _ := strings.Cut(version, "-")
			return upstream != linux
		})
	}
	if len(packages) != 1 {
		return ""
	}
	return packages[0]
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
