package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pageslot/pageslot/testgate"
)

// write makes the files below dir.
func write(t *testing.T, dir string, files map[string]string) ([]string, error) {
	t.Helper()
	out := newOutput()
	for name, text := range files {
		out.add(dir, map[string][]byte{name: []byte(text)})
	}
	return out.write()
}

func TestWriteOnlyWhatChanged(t *testing.T) {
	dir := t.TempDir()
	if _, err := write(t, dir, map[string]string{"a": "1", "sub/b": "2"}); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	changed, err := write(t, dir, map[string]string{"a": "1", "sub/b": "3"})
	if err != nil || len(changed) != 1 || filepath.Base(changed[0]) != "b" {
		t.Errorf("changed %v, %v; want b", changed, err)
	}
	after, err := os.Stat(filepath.Join(dir, "a"))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("a was written again: %v", err)
	}
	want := map[string]string{"./": "", "a": "1", "sub/": "", "sub/b": "3"}
	if diff := cmp.Diff(want, snapshot(t, dir)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestWriteAllOrNothing makes one place after the other impossible: as a
// directory, which no file can be renamed to, and below a file.
func TestWriteAllOrNothing(t *testing.T) {
	files := map[string]string{"a": "new", "b": "new", "deep/er/c": "new", "d": "new"}
	for bad := range files {
		for kind, spoil := range map[string]func(path string) error{
			"a directory": func(path string) error { return os.MkdirAll(filepath.Join(path, "x"), 0o777) },
			"below a file": func(path string) error {
				os.RemoveAll(filepath.Dir(path))
				return os.WriteFile(filepath.Dir(path), nil, 0o666)
			},
		} {
			dir := t.TempDir()
			if kind == "below a file" && bad != "deep/er/c" {
				continue
			}
			for name, text := range map[string]string{"b": "old", "deep/other": "old"} {
				path := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			os.Remove(filepath.Join(dir, bad))
			if err := spoil(filepath.Join(dir, bad)); err != nil {
				t.Fatal(err)
			}
			before := snapshot(t, dir)
			if changed, err := write(t, dir, files); err == nil {
				t.Errorf("%s is %s, and it was written: %v", bad, kind, changed)
			}
			if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
				t.Errorf("%s is %s; -before +after:\n%s", bad, kind, diff)
			}
		}
	}
}

// TestRenameFailsLate: the files before the one that cannot be renamed get
// their old content back.
func TestRenameFailsLate(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for name, text := range map[string]string{"a": "old", ".a.new": "new", ".b.new": "new", ".c.new": "new"} {
		if err := os.WriteFile(path(name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(path(".c.new")); err != nil {
		t.Fatal(err)
	}
	if err := rename([]string{path("a"), path("b"), path("c")}); err == nil {
		t.Error("what is not there was renamed")
	}
	if diff := cmp.Diff(map[string]string{"./": "", "a": "old"}, snapshot(t, dir)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestReadOnlyDirectory is one that an ordinary user may not write to.
func TestReadOnlyDirectory(t *testing.T) {
	testgate.NeedUser(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o777)
	_, err := write(t, dir, map[string]string{"a": "new", "b": "new", "sub/c": "new"})
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v, want a permission error", err)
	}
	if diff := cmp.Diff(map[string]string{"./": "", "a": "old"}, snapshot(t, dir)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestStrangers(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"zconst_linux.go": generatedMark + "\n", "zold.go": generatedMark + "\n",
		"zhand.go": "package sys\n", "other.go": generatedMark + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := strangers(dir, map[string][]byte{"zconst_linux.go": nil})
	if err != nil || len(got) != 1 || got[0] != "zold.go" {
		t.Errorf("%v, %v; want zold.go", got, err)
	}
}
