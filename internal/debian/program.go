package debian

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Program is how a program of a tree is started on a host that has other
// libraries: by the tree's own dynamic linker. Arguments follow.
func Program(tree, name string) ([]string, error) {
	file, err := find(tree, name)
	if err != nil {
		return nil, fmt.Errorf("debian: %w", err)
	}
	linker, err := interpreter(file)
	if err != nil {
		return nil, fmt.Errorf("debian: program %s: %w", file, err)
	}
	if linker == "" {
		return []string{file}, nil
	}
	own := ""
	for _, p := range []string{filepath.Join(tree, linker), filepath.Join(tree, "usr", linker)} {
		if _, err := os.Stat(p); err == nil {
			own = p
			break
		}
	}
	libraries := libraryFolders(tree)
	if own == "" || len(libraries) == 0 {
		return nil, fmt.Errorf("debian: program %s: the tree has no %s or no C library", file, linker)
	}
	return []string{own, "--library-path", strings.Join(libraries, ":"), file}, nil
}

// find looks for a program in a tree.
func find(tree, name string) (string, error) {
	for _, folder := range []string{"usr/bin", "usr/sbin", "bin", "sbin"} {
		file := filepath.Join(tree, folder, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file, nil
		}
	}
	return "", fmt.Errorf("none of the packages has a program %s: %w", name, fs.ErrNotExist)
}

// interpreter is the dynamic linker that an ELF file asks for; none if it is
// static.
func interpreter(file string) (string, error) {
	f, err := elf.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		text, err := io.ReadAll(p.Open())
		name := string(bytes.TrimRight(text, "\x00"))
		if err == nil && !filepath.IsAbs(name) {
			err = errors.New("it names no dynamic linker")
		}
		return name, err
	}
	return "", nil
}

// libraryFolders are those of the port, each once: with the C library in one of
// them, the same folder below the others.
func libraryFolders(tree string) (folders []string) {
	for _, at := range []string{"usr/lib/*", "lib/*"} {
		found, _ := filepath.Glob(filepath.Join(tree, at))
		for _, f := range found {
			base := filepath.Base(f)
			for _, root := range []string{"usr/lib", "lib"} {
				if _, err := os.Stat(filepath.Join(tree, root, base, "libc.so.6")); err == nil {
					folders = append(folders, f)
					break
				}
			}
		}
	}
	return folders
}
