package main

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pageslot/pageslot/testgate"
)

var update = flag.Bool("update", false, "rewrite testdata/golden")

// samplePorts are the ports of the header tree in testdata/headers: 32 and 64
// bits, both byte orders, three architectures.
const samplePorts = "386,amd64,mips,mips64le,s390x"

// needClang skips the test where there is no clang, or one that is too old.
func needClang(t *testing.T, ports []port) string {
	t.Helper()
	clang, err := findClang("")
	if err != nil {
		testgate.Skip(t, testgate.Clang, err.Error())
	}
	for _, p := range ports {
		if err := (compiler{clang: clang, port: p}).check(); err != nil {
			testgate.Skip(t, testgate.Clang, err.Error())
		}
	}
	return clang
}

func mustPorts(t *testing.T, list string) []port {
	t.Helper()
	ports, err := choosePorts(list)
	if err != nil {
		t.Fatal(err)
	}
	return ports
}

// gen runs the command.
func gen(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = run(args, &out, &errs)
	return status, out.String(), errs.String()
}

// snapshot reads a directory: path below it -> content. A directory is there
// as "name/".
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			files[rel+"/"] = ""
			return nil
		}
		text, err := os.ReadFile(path)
		files[rel] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// compareTrees compares two directories file by file.
func compareTrees(t *testing.T, got, want string) {
	t.Helper()
	if diff := cmp.Diff(snapshot(t, want), snapshot(t, got)); diff != "" {
		t.Errorf("%s differs from %s (-want +got):\n%s", got, want, diff)
	}
}

// sampleTree copies testdata/headers, with changes: path -> edit of its text,
// nil to remove it.
func sampleTree(t *testing.T, edits map[string]func(string) string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/headers")); err != nil {
		t.Fatal(err)
	}
	for path, edit := range edits {
		path = filepath.Join(dir, path)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if edit == nil {
			err = os.Remove(path)
		} else {
			err = os.WriteFile(path, []byte(edit(string(text))), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// add appends to a header.
func add(lines string) func(string) string {
	return func(text string) string { return text + "\n" + lines + "\n" }
}

// replace changes a header; the old text must be there.
func replace(t *testing.T, old, new string) func(string) string {
	return func(text string) string {
		t.Helper()
		if !strings.Contains(text, old) {
			t.Fatalf("no %q in\n%s", old, text)
		}
		return strings.ReplaceAll(text, old, new)
	}
}

// wantAll checks that a message has all the parts.
func wantAll(t *testing.T, message string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(message, p) {
			t.Errorf("the message does not say %q:\n%s", p, message)
		}
	}
}
