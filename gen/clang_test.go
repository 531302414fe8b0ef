package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

// fakeClang is a program that writes messages and fails.
func fakeClang(t *testing.T, messages string) string {
	t.Helper()
	if runtime.GOOS == "windows" || runtime.GOOS == "plan9" || runtime.GOOS == "js" || runtime.GOOS == "wasip1" {
		testgate.Skip(t, testgate.Port, "no shell scripts")
	}
	if _, err := exec.LookPath("sh"); err != nil {
		testgate.Skip(t, testgate.Port, err.Error())
	}
	path := filepath.Join(t.TempDir(), "clang")
	script := "#!/bin/sh\ncat >/dev/null\ncat >&2 <<'EOF'\n" + messages + "\nEOF\nexit 1\n"
	if err := os.WriteFile(path, []byte(script), 0o777); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOldClang is one that does not know a port.
func TestOldClang(t *testing.T) {
	clang := fakeClang(t, "error: unknown target triple 'loongarch64-unknown-linux-gnu'")
	tree := t.TempDir()
	if err := os.MkdirAll(filepath.Join(tree, "loongarch/usr/include/asm"), 0o777); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	status, _, stderr := gen("-headers", tree, "-clang", clang, "-ports", "loong64", "-facts", out+"/facts", "-out", out+"/sys")
	if status != 1 {
		t.Errorf("status %d, want 1", status)
	}
	wantAll(t, stderr, "loong64: ", clang, "loongarch64-linux-gnu", "clang 16 or newer", "unknown target triple")
	if files := snapshot(t, out); len(files) != 1 {
		t.Errorf("written: %v", files)
	}
}

func TestNoClang(t *testing.T) {
	status, _, stderr := gen("-headers", "testdata/headers", "-clang", filepath.Join(t.TempDir(), "clang"),
		"-facts", t.TempDir(), "-out", t.TempDir())
	if status != 1 {
		t.Errorf("status %d, want 1", status)
	}
	wantAll(t, stderr, "-clang")
	t.Setenv("PATH", t.TempDir())
	status, _, stderr = gen("-headers", "testdata/headers", "-facts", t.TempDir(), "-out", t.TempDir())
	if status != 1 {
		t.Errorf("status %d, want 1", status)
	}
	wantAll(t, stderr, "clang-16", "PATH")
}

func TestExplain(t *testing.T) {
	c := compiler{clang: "/usr/bin/clang", port: ports[1], dirs: []string{"/t/asm", "/t/inc"}}
	for messages, want := range map[string]string{
		"/t/inc/linux/memfd.h:5:1: error: expected ';'\nmore":         "amd64: linux/memfd.h: line 5: expected ';'",
		"In file included from x:\n/t/asm/asm/a.h:7:2: error: \"no\"": `amd64: asm/a.h: line 7: "no"`,
		"<stdin>:3:10: fatal error: 'linux/memfd.h' file not found":   "amd64: linux/memfd.h: not in /t/asm or /t/inc",
		"/t/inc/linux/a.h:3:10: fatal error: 'b.h' file not found":    "amd64: linux/a.h: line 3: 'b.h' file not found",
		"sym:UFFD_X:1:19: error: use of undeclared identifier 'Y'":    "amd64: UFFD_X: use of undeclared identifier 'Y'",
		"clang: error: unable to execute command\nsecond line":        "amd64: /usr/bin/clang: exit: clang: error: unable to execute command",
		"": "amd64: /usr/bin/clang: exit",
	} {
		if got := c.explain(messages, errors.New("exit")).Error(); got != want {
			t.Errorf("%q:\n got %s\nwant %s", messages, got, want)
		}
	}
}

// TestEnvironment: variables that add directories of headers must not reach
// clang.
func TestEnvironment(t *testing.T) {
	t.Setenv("CPATH", "/elsewhere")
	t.Setenv("C_INCLUDE_PATH", "/elsewhere")
	t.Setenv("LC_ALL", "de_DE.UTF-8")
	got := strings.Join(environment(), "\n")
	if strings.Contains(got, "elsewhere") || strings.Contains(got, "de_DE") || !strings.Contains(got, "PATH=") {
		t.Errorf("clang's environment:\n%s", got)
	}
}

// TestReadFactsRefuses gives it what is no object file of ours.
func TestReadFactsRefuses(t *testing.T) {
	clang := needClang(t, ports[1:2])
	c := compiler{clang: clang, port: ports[1]}
	for name, source := range map[string]string{
		"no section": "int x;",
		"relocations": `extern int other;
__attribute__((used, section(".facts"))) int *const value_x[2] = { &other };`,
		"too short": `__attribute__((used, section(".facts"))) const char value_x[3] = "ab";`,
	} {
		object, err := c.run(source, "-c", "-o", "-", "-")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := readFacts(object); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, _, err := readFacts([]byte("no ELF")); err == nil {
		t.Error("what is no object file was accepted")
	}
}
