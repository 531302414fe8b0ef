package debian

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestKernel(t *testing.T) {
	r := newRepo(t)
	p := r.build("linux-1", "1", kernel)
	r.both(t, func(t *testing.T, archive func() (Archive, error)) {
		c := Cache{t.TempDir()}
		if _, ok := c.Have(p, member); ok {
			t.Error("an empty cache has it")
		}
		f, err := c.Kernel(t.Context(), archive, p, member, nil)
		if err != nil {
			t.Fatal(err)
		}
		if f.Cached || f.Fallback || f.Package.SHA256 != p.SHA256 || readFile(t, f) != "a kernel" || filepath.Base(f.File) != "vmlinuz-1" {
			t.Errorf("got %+v", f)
		}
		left, _ := filepath.Glob(c.path("*", "*"))
		if len(left) != 3 { // the entry, its lock, that of tmp
			t.Errorf("the cache has %q", left)
		}
		again, err := c.Kernel(t.Context(), noArchive(t), p, member, nil)
		if err != nil || !again.Cached || again.File != f.File {
			t.Errorf("the second time: %+v, %v", again, err)
		}
		if have, ok := c.Have(p, member); !ok || have.File != f.File {
			t.Errorf("Have: %+v, %v", have, ok)
		}
	})
}

// An entry that was cut off, or whose description was, is made again.
func TestKernelDamaged(t *testing.T) {
	r := newRepo(t)
	p := r.build("linux-1", "1", kernel)
	for name, damage := range map[string]func(f Fetched) error{
		"cut off":     func(f Fetched) error { return os.Truncate(f.File, 3) },
		"changed":     func(f Fetched) error { return os.WriteFile(f.File, []byte("A kernel"), 0o644) },
		"gone":        func(f Fetched) error { return os.Remove(f.File) },
		"description": func(f Fetched) error { return os.Truncate(filepath.Join(filepath.Dir(f.File), "about.json"), 5) },
	} {
		t.Run(name, func(t *testing.T) {
			c := Cache{t.TempDir()}
			f, err := c.Kernel(t.Context(), r.direct, p, member, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := damage(f); err != nil {
				t.Fatal(err)
			}
			if _, ok := c.Have(p, member); ok {
				t.Error("a damaged entry is had")
			}
			f, err = c.Kernel(t.Context(), r.direct, p, member, nil)
			if err != nil || f.Cached || readFile(t, f) != "a kernel" {
				t.Errorf("got %+v, %v", f, err)
			}
			if left, _ := filepath.Glob(c.path("tmp", "*")); len(left) != 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// Several at once fetch once.
func TestKernelAtOnce(t *testing.T) {
	r := newRepo(t)
	p := r.build("linux-1", "1", kernel)
	c := Cache{t.TempDir()}
	var all sync.WaitGroup
	var fetched [4]Fetched
	for i := range fetched {
		all.Go(func() {
			f, err := c.Kernel(t.Context(), r.direct, p, member, nil)
			if err != nil {
				t.Error(err)
			}
			fetched[i] = f
		})
	}
	all.Wait()
	news := 0
	for _, f := range fetched {
		if !f.Cached {
			news++
		}
		if f.File != fetched[0].File {
			t.Errorf("got %s and %s", f.File, fetched[0].File)
		}
	}
	if news != 1 || r.requests(p.Path) != 1 {
		t.Errorf("%d fetched it, with %d requests", news, r.requests(p.Path))
	}
}

func TestKernelMembers(t *testing.T) {
	r := newRepo(t)
	content := maps.Clone(kernel)
	content["boot/vmlinuz"] = "-> vmlinuz-1"
	content["boot/vmlinux-1"], content["boot/vmlinux-2"] = "one", "two"
	content["usr/lib/modules/1/vmlinuz"] = "the other"
	content["lib"] = "-> usr/lib"
	p := r.build("linux-1", "1", content)
	for pattern, want := range map[string]string{
		"boot/vmlinuz-*": "a kernel", "boot/vmlinuz": "a kernel", "usr/lib/modules/*/vmlinuz*": "the other", "lib/modules/*/vmlinuz": "the other",
	} {
		f, err := Cache{t.TempDir()}.Kernel(t.Context(), r.direct, p, pattern, nil)
		if err != nil || readFile(t, f) != want {
			t.Errorf("%s: got %+v, %v", pattern, f, err)
		}
	}
	for pattern, want := range map[string]string{"boot/vmlinux-*": "several files", "boot/nothing": "has no file", "[": "no pattern", "": "no pattern"} {
		c := Cache{t.TempDir()}
		_, err := c.Kernel(t.Context(), r.direct, p, pattern, nil)
		oneLine(t, err, want)
		checkEmpty(t, c)
	}
}

// Whose process was killed leaves a folder, which goes with the next call; one
// that is in use stays.
func TestKernelSweeps(t *testing.T) {
	r := newRepo(t)
	p := r.build("linux-1", "1", kernel)
	c := Cache{t.TempDir()}
	r.write(c.path("tmp", "left", "package.deb"), "half of it")
	used, remove, err := c.temp(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	if _, err := c.Kernel(t.Context(), r.direct, p, member, nil); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(c.path("tmp", "*")); len(left) != 1 || left[0] != used {
		t.Errorf("want %s, got %q", used, left)
	}
}

func TestKernelWithoutTools(t *testing.T) {
	p := Package{Name: "linux-1", Version: "1", Path: "pool/x.deb", SHA256: strings.Repeat("0", 64)}
	t.Setenv("PATH", t.TempDir())
	c := Cache{t.TempDir()}
	_, err := c.Kernel(t.Context(), func() (Archive, error) { return Archive{Mirror: "http://localhost/x"}, nil }, p, member, nil)
	oneLine(t, err, "dpkg-deb is missing", "package dpkg has it")
	if !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	checkEmpty(t, c)
}

func TestKernelRefuses(t *testing.T) {
	p := Package{Name: "linux-1", Version: "1", Path: "pool/x.deb", SHA256: strings.Repeat("0", 64)}
	for want, c := range map[string]struct {
		sum    string
		mirror Archive
		err    error
	}{
		"SHA-256":       {sum: "../../x"},
		"mirror":        {sum: p.SHA256, mirror: Archive{Mirror: "nowhere"}},
		"no Debian arc": {sum: p.SHA256, err: ErrNoArchive},
	} {
		p.SHA256 = c.sum
		_, err := Cache{t.TempDir()}.Kernel(t.Context(), func() (Archive, error) { return c.mirror, c.err }, p, member, nil)
		oneLine(t, err, want)
	}
	p.SHA256 = strings.Repeat("0", 64)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Cache{filepath.Join(file, "cache")}.Kernel(t.Context(), nil, p, member, nil)
	var path *fs.PathError
	if !errors.As(err, &path) {
		t.Errorf("a cache below a file: %v", err)
	}
}
