package debian

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// An ELF file with an interpreter, or none, by the least that debug/elf reads.
func elfFile(interpreter string) []byte {
	const header, entry = 64, 56
	b := make([]byte, header+entry)
	copy(b, "\x7fELF\x02\x01\x01")
	b[16], b[18], b[20] = 2, 62, 1 // executable, x86-64, version
	b[32], b[52], b[54] = header, header, entry
	if interpreter == "" {
		return b
	}
	b[56] = 1         // one entry
	b[header] = 3     // PT_INTERP
	b[header+8] = 120 // at the end of the file
	b[header+32] = byte(len(interpreter) + 1)
	return append(append(b, interpreter...), 0)
}

func TestProgram(t *testing.T) {
	tree := t.TempDir()
	put := func(name string, content []byte) string {
		t.Helper()
		file := filepath.Join(tree, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content, 0o755); err != nil {
			t.Fatal(err)
		}
		return file
	}
	dynamic := put("usr/bin/dynamic", elfFile("/lib64/ld.so"))
	static := put("usr/sbin/static", elfFile(""))
	put("usr/bin/script", []byte("#!/bin/sh\n"))
	if got, err := Program(tree, "static"); err != nil || !slices.Equal(got, []string{static}) {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := Program(tree, "dynamic"); err == nil {
		t.Error("a tree without a dynamic linker is accepted")
	}
	linker := put("usr/lib64/ld.so", nil)
	put("usr/lib/port/libc.so.6", nil)
	put("lib/port/libz.so.1", nil)
	put("usr/lib/other/x", nil)
	libraries := filepath.Join(tree, "usr/lib/port") + ":" + filepath.Join(tree, "lib/port")
	if got, err := Program(tree, "dynamic"); err != nil || !slices.Equal(got, []string{linker, "--library-path", libraries, dynamic}) {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := Program(tree, "nothing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := Program(tree, "script"); err == nil {
		t.Error("a script is accepted")
	}
}
