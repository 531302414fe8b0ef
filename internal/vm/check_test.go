package vm

import (
	"debug/elf"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// sample is a machine and a job with which nothing is wrong, but that there is no
// such machine.
func sample(t *testing.T) (Config, Job) {
	t.Helper()
	dir := t.TempDir()
	kernel, program := filepath.Join(dir, "kernel"), filepath.Join(dir, "program")
	if err := os.WriteFile(kernel, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	text := header(elf.EM_AARCH64, elf.ELFCLASS64, elf.ELFDATA2LSB, elf.ET_EXEC, elf.ELFOSABI_NONE, elf.PT_LOAD)
	if err := os.WriteFile(program, text, 0o755); err != nil {
		t.Fatal(err)
	}
	return Config{QEMU: []string{"no-such-qemu"}, Kernel: kernel, Arch: "arm64", Cache: filepath.Join(dir, "cache")},
		Job{Name: "one", Program: program, Dir: "/there"}
}

func TestCheck(t *testing.T) {
	c, j := sample(t)
	if err := check(c, []Job{j}); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Config, *Job){
		"QEMU names no program":               func(c *Config, j *Job) { c.QEMU = nil },
		"Cache names no folder":               func(c *Config, j *Job) { c.Cache = "" },
		"Slow must be from 1 to 1000, is 0.5": func(c *Config, j *Job) { c.Slow = 0.5 },
		"Slow must be from 1 to 1000, is NaN": func(c *Config, j *Job) { c.Slow = math.NaN() },
		"Boot is negative":                    func(c *Config, j *Job) { c.Boot = -1 },
		"is not one line":                     func(c *Config, j *Job) { c.Append = "a\nb" },
		"\"pdp11\", which is no port":         func(c *Config, j *Job) { c.Arch = "pdp11" },
		"no such file":                        func(c *Config, j *Job) { c.Kernel += "x" },
		"is not a file":                       func(c *Config, j *Job) { c.Kernel = t.TempDir() },
		"built for arm64, and the machine is": func(c *Config, j *Job) { c.Arch = "amd64" },
		"job one: open ":                      func(c *Config, j *Job) { j.Program += "x" },
		"is not an ELF program":               func(c *Config, j *Job) { j.Program = c.Kernel },
		"user -1":                             func(c *Config, j *Job) { j.User = -1 },
		"limit is negative":                   func(c *Config, j *Job) { j.Limit = -1 },
		"\"work\" is not an absolute path":    func(c *Config, j *Job) { j.Dir = "work" },
		"\"/a/../b\" is not an absolute path": func(c *Config, j *Job) { j.Files = []File{{Guest: "/a/../b"}} },
		"/proc/x is within /proc":             func(c *Config, j *Job) { j.Dir = "/proc/x" },
		"/pageslot is within":                 func(c *Config, j *Job) { j.Back = []File{{Guest: "/pageslot"}} },
		"has a zero byte":                     func(c *Config, j *Job) { j.Args = []string{"\x00"} },
	} {
		c, j := sample(t)
		spoil(&c, &j)
		if err := check(c, []Job{j}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestStretch(t *testing.T) {
	if d := stretch(time.Second, 2.5); d != 2500*time.Millisecond {
		t.Errorf("got %v", d)
	}
	if d := stretch(math.MaxInt64, 1000); d <= 0 {
		t.Errorf("it overflows: %v", d)
	}
}

// What the guest gets is what the host has, and shared files are there once.
func TestInitrd(t *testing.T) {
	dir, _ := folder(t)
	if err := os.Symlink("deep/one", filepath.Join(dir, "testdata", "link")); err != nil {
		t.Fatal(err)
	}
	c, j := sample(t)
	j.Files = []File{{Host: filepath.Join(dir, "testdata"), Guest: "/there/testdata"}, {Host: filepath.Join(dir, "a.go"), Guest: "/there/a.go"}}
	j.Back = []File{{Host: "x", Guest: "/back/cov", Folder: true}}
	other := j
	other.Name, other.User, other.Env, other.Args = "two", 65534, []string{"HOME=/there"}, []string{"-v"}
	ird, err := plan("psword", c, []Job{j, other}, 3)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "initrd")
	w, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(ird.write(w, c.Kernel), w.Close()); err != nil {
		t.Fatal(err)
	}
	archive, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := readCpio(archive)
	if err != nil {
		t.Fatal(err)
	}
	seen, text := map[string]int{}, ""
	for _, e := range entries {
		seen[e.content]++
		if e.content != "" && strings.Contains(e.name, "store") {
			text += e.content + "|"
		}
		parent, _, nested := cutLast(e.name)
		if nested && !slices.ContainsFunc(entries, func(o cpioEntry) bool { return o.name == parent }) {
			t.Errorf("%s comes without its folder", e.name)
		}
	}
	if text != "1|package pkg|" {
		t.Errorf("stored: %q", text)
	}
	if last := entries[len(entries)-1]; last.name != "pageslot/end" {
		t.Errorf("the last file is %s", last.name)
	}
	var to []string
	for _, e := range ird.list.Jobs[0].Files {
		to = append(to, e.To)
	}
	want := []string{"/there/testdata", "/there/testdata/deep", "/there/testdata/deep/one", "/there/testdata/link", "/there/a.go", "/back/cov"}
	if !slices.Equal(to, want) {
		t.Errorf("files %q, want %q", to, want)
	}
	two := ird.list.Jobs[1]
	if env := []string{"TMPDIR=/tmp", "PATH=/", "PWD=/there", "PAGESLOT_TIME_SCALE=3", "HOME=/there"}; !slices.Equal(two.Env, env) {
		t.Errorf("environment %q, want %q", two.Env, env)
	}
	if two.Program != ird.list.Jobs[0].Program || two.Argv[0] != two.Program || two.Argv[1] != "-v" {
		t.Errorf("program %q, %q", two.Program, two.Argv)
	}
	if two.Limit != 3*defaultLimit || two.Grace != 3*grace {
		t.Errorf("limit %v and %v", two.Limit, two.Grace)
	}
}

func cutLast(name string) (parent, base string, nested bool) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return "", name, false
	}
	return name[:i], name[i+1:], true
}

func TestInitrdMissesAFile(t *testing.T) {
	c, j := sample(t)
	j.Files = []File{{Host: filepath.Join(t.TempDir(), "none"), Guest: "/x"}}
	if _, err := plan("psword", c, []Job{j}, 1); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "job one") {
		t.Errorf("got %v", err)
	}
}
