package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// layout is one way in which a tree of exported kernel headers is laid out.
type layout struct {
	name string
	// dirs gives the include directories of one port below the root of the
	// tree; the first one holds asm/.
	dirs func(p port, triple string) []string
	// perTriple says that the answer depends on triple: all of a port's are
	// tried.
	perTriple bool
}

// layouts are the trees that -headers takes, in the order of trying.
var layouts = []layout{
	{name: "Debian's linux-libc-dev, 6.12 and newer, for all architectures",
		dirs: func(p port, _ string) []string {
			return []string{"usr/lib/linux/uapi/" + p.srcarch, "usr/include"}
		}},
	{name: "Debian's linux-libc-dev, one package for each architecture",
		dirs: func(_ port, triple string) []string {
			return []string{"usr/include/" + triple, "usr/include"}
		}, perTriple: true},
	{name: "Debian's linux-libc-dev-$ARCH-cross",
		dirs: func(_ port, triple string) []string {
			return []string{"usr/" + triple + "/include"}
		}, perTriple: true},
	{name: "make ARCH=$SRCARCH O=$DIR/$SRCARCH headers, for each architecture",
		dirs: func(p port, _ string) []string {
			return []string{p.srcarch + "/usr/include"}
		}},
	{name: "make ARCH=$SRCARCH INSTALL_HDR_PATH=$DIR/$SRCARCH headers_install",
		dirs: func(p port, _ string) []string {
			return []string{p.srcarch + "/include"}
		}},
	{name: "make headers, for one architecture",
		dirs: func(port, string) []string { return []string{"usr/include"} }},
	{name: "make headers_install, for one architecture",
		dirs: func(port, string) []string { return []string{"include"} }},
}

// findHeaders returns the include directories for p in the tree root. They are
// absolute, as the names of files in debug information are.
func findHeaders(root string, p port) ([]string, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("no header tree: %w", err)
	}
	if info, err := os.Stat(root); err != nil {
		return nil, fmt.Errorf("no header tree: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("no header tree: %w", &fs.PathError{Op: "open", Path: root, Err: fs.ErrInvalid})
	}
	var tried []string
	for _, l := range layouts {
		triples := []string{""}
		if l.perTriple {
			triples = append([]string{p.target}, p.dirs...)
		}
		for _, triple := range triples {
			dirs := l.dirs(p, triple)
			asm := dirs[0] + "/asm"
			if info, err := os.Stat(filepath.Join(root, asm)); err != nil || !info.IsDir() {
				tried = append(tried, asm)
				continue
			}
			for i, d := range dirs {
				dirs[i] = filepath.Join(root, d)
			}
			return dirs, nil
		}
	}
	return nil, fmt.Errorf("no headers of %s in %s: there is none of %s",
		p.srcarch, root, strings.Join(tried, ", "))
}

// headerOf turns the path of a file that clang read into the name by which it
// is included: linux/mman.h. It is empty for a file outside of dirs, such as
// those of clang itself.
func headerOf(path string, dirs []string) string {
	path = filepath.ToSlash(filepath.Clean(path))
	for _, d := range dirs {
		if rel, ok := strings.CutPrefix(path, filepath.ToSlash(filepath.Clean(d))+"/"); ok {
			return rel
		}
	}
	return ""
}
