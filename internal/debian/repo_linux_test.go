package debian

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// repo is a made-up archive on a server of this process.
type repo struct {
	t    *testing.T
	dir  string
	url  string
	mu   sync.Mutex
	got  map[string]int // requests by path
	hook http.HandlerFunc
}

func newRepo(t *testing.T) *repo {
	t.Helper()
	needApt(t)
	r := &repo{t: t, dir: t.TempDir(), got: map[string]int{}}
	files := http.FileServer(http.Dir(r.dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		r.got[strings.TrimPrefix(q.URL.Path, "/")]++
		hook := r.hook
		r.mu.Unlock()
		if hook != nil && strings.HasSuffix(q.URL.Path, ".deb") {
			hook(w, q)
			return
		}
		files.ServeHTTP(w, q)
	}))
	t.Cleanup(server.CloseClientConnections)
	t.Cleanup(server.Close)
	r.url = server.URL
	// A proxy of this machine is of no use for this server.
	for _, name := range []string{"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	config := filepath.Join(t.TempDir(), "apt.conf")
	r.write(config, `Acquire::http::Proxy::127.0.0.1 "DIRECT";`+"\n")
	t.Setenv("APT_CONFIG", config)
	return r
}

func (r *repo) archive() (Archive, error) { return Archive{Mirror: r.url, trusted: true}, nil }

func (r *repo) direct() (Archive, error) {
	return Archive{Mirror: r.url, trusted: true, direct: true}, nil
}

// serve lets hook answer requests for packages.
func (r *repo) serve(hook http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hook = hook
}

func (r *repo) requests(path string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got[path]
}

func (r *repo) write(file, text string) {
	r.t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

// build puts a package into the pool. Content that begins with "-> " makes a
// symbolic link. Fields, if any, are lines of its control file.
func (r *repo) build(name, version string, content map[string]string, fields ...string) Package {
	r.t.Helper()
	tree := r.t.TempDir()
	for file, text := range content {
		if to, ok := strings.CutPrefix(text, "-> "); ok {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(tree, file)), 0o755); err != nil {
				r.t.Fatal(err)
			}
			if err := os.Symlink(to, filepath.Join(tree, file)); err != nil {
				r.t.Fatal(err)
			}
			continue
		}
		r.write(filepath.Join(tree, file), text)
	}
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: nobody <n@example.org>\nDescription: made up\n", name, version)
	for _, f := range fields {
		control += f + "\n"
	}
	r.write(filepath.Join(tree, "DEBIAN/control"), control)
	p := Package{Name: name, Version: version, Arch: "amd64", Suite: "made", Path: "pool/" + name + "_" + version + "_all.deb"}
	file := filepath.Join(r.dir, p.Path)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if out, err := exec.Command("dpkg-deb", "--root-owner-group", "-Zgzip", "-b", tree, file).CombinedOutput(); err != nil {
		r.t.Fatalf("dpkg-deb -b: %v: %s", err, out)
	}
	p.SHA256, p.Size = r.sum(file)
	return p
}

func (r *repo) sum(file string) (string, int64) {
	r.t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		r.t.Fatal(err)
	}
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:]), int64(len(b))
}

// suite writes the indexes of a suite for an architecture.
func (r *repo) suite(name, arch string, packages ...Package) {
	r.t.Helper()
	var b strings.Builder
	for _, p := range packages {
		control, err := exec.Command("dpkg-deb", "-f", filepath.Join(r.dir, p.Path)).Output()
		if err != nil {
			r.t.Fatal(err)
		}
		fmt.Fprintf(&b, "%sFilename: %s\nSize: %d\nSHA256: %s\n\n", control, p.Path, p.Size, p.SHA256)
	}
	dists := filepath.Join(r.dir, "dists", name)
	index := "main/binary-" + arch + "/Packages"
	r.write(filepath.Join(dists, index), b.String())
	sum, size := r.sum(filepath.Join(dists, index))
	r.write(filepath.Join(dists, "Release"), fmt.Sprintf(
		"Origin: made up\nSuite: %[1]s\nCodename: %[1]s\nArchitectures: %s\nComponents: main\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n %s %d %s\n",
		name, arch, sum, size, index))
}

// remove takes a package from the pool.
func (r *repo) remove(p Package) {
	r.t.Helper()
	if err := os.Remove(filepath.Join(r.dir, p.Path)); err != nil {
		r.t.Fatal(err)
	}
}

// both runs a test with apt's helper and without.
func (r *repo) both(t *testing.T, test func(t *testing.T, archive func() (Archive, error))) {
	t.Run("apt", func(t *testing.T) { test(t, r.archive) })
	t.Run("direct", func(t *testing.T) { test(t, r.direct) })
}

// content of a made-up kernel.
var kernel = map[string]string{"boot/vmlinuz-1": "a kernel", "boot/config-1": "its settings"}

const member = "boot/vmlinuz-*"

// checkEmpty demands that nothing is left in the cache but locks.
func checkEmpty(t *testing.T, c Cache) {
	t.Helper()
	for _, folder := range []string{"kernel", "tree", "tmp"} {
		left, _ := filepath.Glob(c.path(folder, "*"))
		if len(left) != 0 {
			t.Errorf("left behind: %q", left)
		}
	}
	// Nor does a child of ours go on, but for the moment in which a killed one ends.
	var goes []string
	for range 100 {
		goes = nil
		all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range all {
			if text, _ := os.ReadFile(file); strings.Contains(string(text), c.Dir) {
				goes = append(goes, fmt.Sprintf("%s: %q", file, text))
			}
		}
		if goes == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("children go on: %s", goes)
}

// oneLine demands an error of one line with certain words.
func oneLine(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not say %q: %v", w, err)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %v", err)
	}
}

func readFile(t *testing.T, f Fetched) string {
	t.Helper()
	b, err := os.ReadFile(f.File)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// noArchive fails the test if the network is asked for.
func noArchive(t *testing.T) func() (Archive, error) {
	return func() (Archive, error) {
		t.Error("the archive is asked for")
		return Archive{}, context.Canceled
	}
}
