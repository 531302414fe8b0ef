package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

// TestFetchHeadersRefuses runs the script with what it must refuse before it
// asks any archive.
func TestFetchHeadersRefuses(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		testgate.Skip(t, testgate.Port, err.Error())
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "file"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, full)
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"no directory", nil, "usage:"},
		{"too many arguments", []string{"a", "b", "c", "d", "e"}, "usage:"},
		{"a directory that is in use", []string{full}, "is not empty"},
	} {
		out, err := exec.Command("sh", append([]string{"./fetch-headers"}, c.args...)...).CombinedOutput()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 1 {
			t.Errorf("%s: %v, want exit status 1", c.name, err)
		}
		if !strings.Contains(string(out), c.want) {
			t.Errorf("%s: %q, want %q in it", c.name, out, c.want)
		}
	}
	if after := snapshot(t, full); len(after) != len(before) {
		t.Errorf("the directory in use changed: %v", after)
	}
}

// TestFetchHeadersVersion: without a version the script takes the one in the
// facts. It reads it with sed, so the form of the file matters.
func TestFetchHeadersVersion(t *testing.T) {
	if _, err := exec.LookPath("sed"); err != nil {
		testgate.Skip(t, testgate.Port, err.Error())
	}
	want := committed(t)[1].Headers.Package
	script, err := os.ReadFile("fetch-headers")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(script), "version=$(sed -n '")
	program, _, ok := strings.Cut(rest, "'")
	if !ok {
		t.Fatal("fetch-headers has no sed program")
	}
	out, err := exec.Command("sed", "-n", program, committedFacts+"/amd64.json").Output()
	if err != nil || "linux "+strings.TrimSpace(string(out)) != want {
		t.Errorf("the script reads %q (%v), the facts are of %q", out, err, want)
	}
}
