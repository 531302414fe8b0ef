package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/pageslot/pageslot/internal/vm/wire"
)

// A job's files are made in order, with their modes, for its user.
func TestMakeFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("store"), []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	job := wire.Job{
		Dir:  at("work/pkg"),
		User: os.Getuid(),
		Files: []wire.Entry{
			{To: at("work/pkg/testdata"), Dir: true, Mode: 0o750},
			{To: at("work/pkg/testdata/file"), Store: at("store"), Mode: 0o751},
			{To: at("work/pkg/testdata/link"), Link: "file"},
		},
		Back: []string{at("back/0/file")},
	}
	if os.Getgid() != os.Getuid() {
		job.User = -1 // leaves both as they are
	}
	if err := makeFiles(job); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(at("work/pkg/testdata/link")); err != nil || string(text) != "content" {
		t.Errorf("%q, %v", text, err)
	}
	for name, want := range map[string]os.FileMode{"work/pkg": 0o755, "work/pkg/testdata": 0o750, "work/pkg/testdata/file": 0o751, "back/0": 0o755} {
		if info, err := os.Stat(at(name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	job.Files[1].Store = at("none")
	if err := makeFiles(job); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
}
