package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/internal/matrix"
	"github.com/pageslot/pageslot/testgate"
)

// moduleOf makes a module with one test the working folder; nothing but the go
// command is in PATH.
func moduleOf(t *testing.T) {
	t.Helper()
	tool, err := exec.LookPath("go")
	if err != nil {
		testgate.Skip(t, testgate.GoTool, err.Error())
	}
	dir, bin := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.org/other\n\ngo 1.26\n", "a_test.go": "package other\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(tool, filepath.Join(bin, "go")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	t.Setenv("PATH", bin)
	t.Setenv("PAGESLOT_CACHE", t.TempDir())
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "")
}

// A machine that cannot be had makes the matrix red, with its name and a reason,
// and the JSON says so too. Nothing is left.
func TestMatrixRed(t *testing.T) {
	moduleOf(t)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	name := filepath.Join(t.TempDir(), "report.json")
	got := call("vm", "matrix", "-run", "^amd64-6.1$", "-mirror", "file:///no/such/mirror", "-json", name)
	if got.status != exitFailed || got.stderr != "pageslot vm matrix: 1 of 1 machines failed; see above\n" {
		t.Errorf("%+v", got)
	}
	for _, words := range []string{"amd64-6.1               FAILED  machine amd64-6.1: qemu-system-x86_64 is not installed", "apt-get install qemu-system-x86", "\namd64-6.1  -        FAILED\n", "1 machine in "} {
		if !strings.Contains(got.stdout, words) {
			t.Errorf("%q is missing in\n%s", words, got.stdout)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var r matrix.Report
	if err := json.Unmarshal(text, &r); err != nil || r.OK || r.Module != "example.org/other" || len(r.Machines) != 1 || r.Machines[0].Error == "" {
		t.Errorf("%v, %s", err, text)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
}

func TestMatrixCannot(t *testing.T) {
	moduleOf(t)
	checkOneLine(t, call("vm", "matrix", "-update"), exitUsage, "-update", matrix.Module, "example.org/other")
	checkOneLine(t, call("vm", "probe", "-update"), exitUsage, "-update")
	if err := os.Remove("go.mod"); err != nil {
		t.Fatal(err)
	}
	checkOneLine(t, call("vm", "matrix"), exitFailed, "go.mod")
	t.Setenv("PATH", "")
	checkOneLine(t, call("vm", "matrix"), exitFailed, "the go command is not in PATH")
}
