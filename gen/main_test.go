package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrongUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "-headers"},
		{[]string{"-facts-only"}, "-headers"},
		{[]string{"-headers", "x", "more"}, `"more"`},
		{[]string{"-facts-only", "-emit-only"}, "nothing to do"},
		{[]string{"-emit-only", "-headers", "x"}, "-headers"},
		{[]string{"-emit-only", "-clang", "x"}, "-clang"},
		{[]string{"-emit-only", "-ports", "amd64,vax"}, `"vax"`},
		{[]string{"-emit-only", "-ports", "amd64,"}, `""`},
		{[]string{"-emit-only"}, "root of the repository"}, // tests run in gen/
		{[]string{"-no-such-flag"}, "no-such-flag"},
	} {
		status, stdout, stderr := gen(c.args...)
		if status != 2 || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: status %d, want 2; %q, want %q in it", c.args, status, stderr, c.want)
		}
	}
	if status, _, stderr := gen("-help"); status != 0 || !strings.Contains(stderr, "-headers DIR") {
		t.Errorf("-help: status %d\n%s", status, stderr)
	}
}

func TestChoosePorts(t *testing.T) {
	if all := mustPorts(t, ""); len(all) != 13 {
		t.Errorf("%d ports", len(all))
	}
	if got := strings.Join(names(mustPorts(t, "s390x,386,386")), ","); got != "386,s390x" {
		t.Errorf("s390x,386,386 chooses %s", got)
	}
	for _, p := range ports {
		if signs[p.srcarch] == "" {
			t.Errorf("no sign of %s", p.srcarch)
		}
	}
}

// TestFactsOfAnotherPort: a file under the wrong name.
func TestFactsOfAnotherPort(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "arm.json"), smallFacts("amd64", nil).encode(), 0o666); err != nil {
		t.Fatal(err)
	}
	status, _, stderr := gen("-emit-only", "-ports", "arm", "-facts", dir, "-out", filepath.Join(dir, "sys"))
	if status != 1 {
		t.Errorf("status %d, want 1", status)
	}
	wantAll(t, stderr, "arm.json", "amd64")
	status, _, stderr = gen("-emit-only", "-ports", "amd64", "-facts", dir, "-out", filepath.Join(dir, "sys"))
	if status != 1 {
		t.Errorf("status %d, want 1", status)
	}
	wantAll(t, stderr, "amd64: ", "amd64.json")
}
