package vm

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// folder makes a package's folder with a binary beside it.
func folder(t *testing.T) (dir, binary string) {
	t.Helper()
	top := t.TempDir()
	dir = filepath.Join(top, "pkg")
	for name, text := range map[string]string{
		"pkg/a.go":              "package pkg",
		"pkg/testdata/deep/one": "1",
		"pkg/other/two":         "2",
		"pkg/.git/config":       "",
		"common/three":          "3",
		"pkg.test":              "",
	} {
		file := filepath.Join(top, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, filepath.Join(top, "pkg.test")
}

func TestTestJobFlags(t *testing.T) {
	dir, binary := folder(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	abs := filepath.Join(t.TempDir(), "c.out")
	for name, test := range map[string]struct {
		args, want []string
		back       []File
		limit      time.Duration
	}{
		"as they are": {
			args: []string{"-test.v", "-test.run=^A$", "-test.count=1", "-own", "x", "-test.paniconexit0"},
			want: []string{"-test.v", "-test.run=^A$", "-test.count=1", "-own", "x", "-test.paniconexit0"},
		},
		"time": {
			args: []string{"-test.timeout=2m"}, want: []string{"-test.timeout=2m"}, limit: 2*time.Minute + beyondTimeout,
		},
		"caches": {
			args: []string{"-test.testlogfile=" + abs, "-test.fuzzcachedir", "y", "-test.fuzz="}, want: []string{"-test.fuzz="},
		},
		"profiles": {
			args: []string{"-test.coverprofile=" + abs, "--test.cpuprofile", "cpu.out", "-test.trace="},
			want: []string{"-test.coverprofile=/back/0/c.out", "-test.cpuprofile=/back/1/cpu.out", "-test.trace="},
			back: []File{{Host: abs, Guest: "/back/0/c.out"}, {Host: at("cpu.out"), Guest: "/back/1/cpu.out"}},
		},
		"elsewhere": {
			args: []string{"-test.memprofile=m", "-test.outputdir=sub", "-test.blockprofile=" + abs},
			want: []string{"-test.memprofile=/back/0/m", "-test.blockprofile=/back/1/c.out"},
			back: []File{{Host: at("sub/m"), Guest: "/back/0/m"}, {Host: abs, Guest: "/back/1/c.out"}},
		},
		"artifacts": {
			args: []string{"-test.artifacts=true", "-test.outputdir", "sub"},
			want: []string{"-test.artifacts=true", "-test.outputdir=/back/0"},
			back: []File{{Host: at("sub/_artifacts"), Guest: "/back/0/_artifacts"}},
		},
		"no artifacts": {
			args: []string{"-test.artifacts=false"}, want: []string{"-test.artifacts=false"},
		},
		"coverage": {
			args: []string{"-test.gocoverdir=" + at("cov")}, want: []string{"-test.gocoverdir=/back/0/cov"},
			back: []File{{Host: at("cov"), Guest: "/back/0/cov", Folder: true}},
		},
		"after the flags": {
			args: []string{"-test.v", "--", "-test.coverprofile=x", "-test.fuzz=F"}, want: []string{"-test.v", "--", "-test.coverprofile=x", "-test.fuzz=F"},
		},
		"a value that is missing": {
			args: []string{"-test.coverprofile"}, want: []string{"-test.coverprofile"},
		},
	} {
		j, err := TestJob(append([]string{binary}, test.args...), dir, nil, TestOptions{})
		if err != nil || !slices.Equal(j.Args, test.want) || !slices.Equal(j.Back, test.back) {
			t.Errorf("%s: %v\nargs %q\nwant %q\nback %v\nwant %v", name, err, j.Args, test.want, j.Back, test.back)
		}
		if limit := cmp.Or(test.limit, noTimeout); j.Limit != limit {
			t.Errorf("%s: limit %v, want %v", name, j.Limit, limit)
		}
		if j.Name != "pkg" || j.Program != binary || j.Dir != guestPath(dir) {
			t.Errorf("%s: %+v", name, j)
		}
	}
}

func TestTestJobRefuses(t *testing.T) {
	dir, binary := folder(t)
	for want, args := range map[string][]string{
		"no program is given":              {},
		"-test.fuzz does not run":          {binary, "-test.fuzz=FuzzA"},
		"-test.fuzz does not":              {binary, "--test.fuzz", "FuzzA"},
		"-test.timeout=soon is not a dura": {binary, "-test.timeout=soon"},
	} {
		if _, err := TestJob(args, dir, nil, TestOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if _, err := TestJob([]string{binary}, filepath.Join(dir, "none"), nil, TestOptions{}); !os.IsNotExist(err) {
		t.Errorf("a folder that is not there: %v", err)
	}
	if _, err := TestJob([]string{binary}, dir, nil, TestOptions{Files: []string{"none"}}); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestTestJobEnvironment(t *testing.T) {
	dir, binary := folder(t)
	j, err := TestJob([]string{binary}, dir, []string{
		"HOME=/x", "GOGC=50", "GODEBUG=a=1", "GOFLAGS=-v", "MINE=1", "OTHER=2", "PAGESLOT_FORBID_SKIPS=all",
		"PAGESLOT_CACHE=/c", "PAGESLOT_SKIP_LOG=skips", "GOCOVERDIR=cov", "PAGESLOT_TEST_KERNEL=/k",
	}, TestOptions{Env: []string{"MINE"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"GOGC=50", "GODEBUG=a=1", "MINE=1", "PAGESLOT_FORBID_SKIPS=all", "PAGESLOT_SKIP_LOG=/back/0/skips", "GOCOVERDIR=/back/1/cov"}
	if !slices.Equal(j.Env, want) {
		t.Errorf("environment %q, want %q", j.Env, want)
	}
	back := []File{
		{Host: filepath.Join(dir, "skips"), Guest: "/back/0/skips", Append: true},
		{Host: filepath.Join(dir, "cov"), Guest: "/back/1/cov", Folder: true},
	}
	if !slices.Equal(j.Back, back) {
		t.Errorf("back %+v, want %+v", j.Back, back)
	}
}

func TestTestJobFiles(t *testing.T) {
	dir, binary := folder(t)
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, largestBeside+1); err != nil {
		t.Fatal(err)
	}
	j, err := TestJob([]string{binary}, dir, nil, TestOptions{Files: []string{"../common", large}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range j.Files {
		if f.Guest != guestPath(f.Host) {
			t.Errorf("%s is %s in the guest", f.Host, f.Guest)
		}
		got = append(got, f.Host)
	}
	want := []string{filepath.Join(dir, "a.go"), filepath.Join(dir, "testdata"), filepath.Join(filepath.Dir(dir), "common"), large}
	if !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
}
