package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrongUsageOfSince(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-headers", "x", "-facts-only", "-older", "y"}, "-facts-only stops before"},
		{[]string{"-headers", "x", "-facts-only", "-since", "y"}, "-facts-only stops before"},
		{[]string{"-emit-only", "-ports", "amd64", "-since", "y"}, "all ports"},
		{[]string{"-emit-only", "-facts", "x", "-older", "y"}, "want -since"},
		{[]string{"-emit-only", "-out", "x", "-docs", "y"}, "want -since"},
		{[]string{"-emit-only", "-older", "y", "-clang", "z"}, "root of the repository"}, // tests run in gen/
	} {
		status, stdout, stderr := gen(c.args...)
		if status != 2 || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: status %d, want 2; %q, want %q in it", c.args, status, stderr, c.want)
		}
	}
}

// ownPlace copies what the repository says about since when.
func ownPlace(t *testing.T) (dir string, args []string) {
	t.Helper()
	committed(t)
	dir = t.TempDir()
	for name, from := range map[string]string{
		"since.json": committedSince, "since-exact.json": exactPath(committedSince), "docs.md": committedDocs,
	} {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir, []string{"-emit-only", "-facts", committedFacts, "-out", filepath.Join(dir, "sys"),
		"-since", filepath.Join(dir, "since.json"), "-docs", filepath.Join(dir, "docs.md")}
}

// edit replaces text in a file.
func editFile(t *testing.T, path, old, new string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(replace(t, old, new)(string(text))), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestSinceGoesThrough: one exact release is edited, and the constants and the
// document follow; nothing else changes.
func TestSinceGoesThrough(t *testing.T) {
	dir, args := ownPlace(t)
	if status, _, stderr := gen(args...); status != 0 {
		t.Fatal(stderr)
	}
	compareTrees(t, filepath.Join(dir, "docs.md"), committedDocs)
	if status, stdout, stderr := gen(append(args, "-check")...); status != 0 {
		t.Errorf("nothing changed and -check says: %d\n%s%s", status, stdout, stderr)
	}
	editFile(t, filepath.Join(dir, "since.json"), " \"PAGE_IS_ACCESSED\": \"7.3\",\n", "")
	if status, _, stderr := gen(args...); status != 0 {
		t.Fatal(stderr)
	}
	compareTrees(t, filepath.Join(dir, "since.json"), committedSince) // the facts have it
	editFile(t, filepath.Join(dir, "since-exact.json"), `"linux": "6.9"`, `"linux": "6.10"`)
	status, stdout, stderr := gen(append(args, "-check")...)
	if status != 1 {
		t.Errorf("-check after an edit: %d\n%s", status, stderr)
	}
	wantAll(t, stdout, "docs.md", "zconst_linux_s390x.go")
	if status, _, stderr := gen(args...); status != 0 {
		t.Fatal(stderr)
	}
	for path, want := range map[string]string{
		"docs.md":                   "| `PIDFD_THREAD` | 6.10 | all |\n",
		"sys/zconst_linux_s390x.go": "= 0x80 // Linux 6.10\n",
	} {
		text, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("%s has no %q", path, want)
		}
	}
}

// TestSinceFailsWhole breaks one of the files: nothing is written.
func TestSinceFailsWhole(t *testing.T) {
	for _, c := range []struct{ file, old, new, want string }{
		{"since.json", `"linux": "6.12"`, `"linux": "6"`, "since.json: "},
		{"since-exact.json", `"linux": "6.9"`, `"linux": "6.13"`, "PIDFD_THREAD: Linux 6.13 is not within 6.2..6.12"},
		{"since-exact.json", `"versions"`, `"releases"`, "since-exact.json: "},
		{"docs.md", docsEnd, "", "docs.md: there is no line"},
	} {
		dir, args := ownPlace(t)
		editFile(t, filepath.Join(dir, c.file), c.old, c.new)
		before := snapshot(t, dir)
		status, _, stderr := gen(args...)
		if status != 1 {
			t.Errorf("%s: status %d, want 1", c.want, status)
		}
		wantAll(t, stderr, c.want)
		if after := snapshot(t, dir); len(after) != len(before) {
			t.Errorf("%s: something was written", c.want)
		}
	}
	dir, args := ownPlace(t)
	if err := os.Remove(filepath.Join(dir, "since.json")); err != nil {
		t.Fatal(err)
	}
	status, _, stderr := gen(args...)
	if status != 1 {
		t.Errorf("without since.json: status %d, want 1", status)
	}
	wantAll(t, stderr, "since.json", "-older DIR")
}
