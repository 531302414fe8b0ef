package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

// olderTree is a folder with the releases of gen/older.go, all empty.
func olderTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, r := range older {
		if err := os.Mkdir(filepath.Join(dir, r.String()), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCheckOlder(t *testing.T) {
	if err := checkOlder(olderTree(t)); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		spoil func(dir string) error
		want  string
	}{
		"no folder at all":     {os.RemoveAll, "no such file"},
		"a release is missing": {func(dir string) error { return os.Remove(dir + "/6.1") }, "no folder 6.1"},
		"a release too much":   {func(dir string) error { return os.Mkdir(dir+"/6.6", 0o777) }, "6.6 is of none"},
		"a file for a folder": {func(dir string) error {
			if err := os.Remove(dir + "/6.1"); err != nil {
				return err
			}
			return os.WriteFile(dir+"/6.1", nil, 0o666)
		}, "no folder 6.1"},
	} {
		dir := olderTree(t)
		if err := c.spoil(dir); err != nil {
			t.Fatal(err)
		}
		if err := checkOlder(dir); err == nil {
			t.Errorf("%s: accepted", name)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
}

// TestOlderIsAllOrNothing runs the command over older headers of which one
// release is not what its folder says and the others are not there: it must name
// all of them and write nothing.
func TestOlderIsAllOrNothing(t *testing.T) {
	needClang(t, ports)
	committed(t)
	dir := olderTree(t)
	if err := os.CopyFS(filepath.Join(dir, "5.10"), os.DirFS("testdata/headers")); err != nil {
		t.Fatal(err)
	}
	place := t.TempDir()
	files := map[string]string{"since.json": "old", "since-exact.json": "{}", "docs.md": docsBegin + docsEnd}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(place, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	status, _, stderr := gen("-emit-only", "-facts", committedFacts, "-out", filepath.Join(place, "sys"), "-older", dir,
		"-since", filepath.Join(place, "since.json"), "-docs", filepath.Join(place, "docs.md"))
	if status != 1 {
		t.Errorf("status %d, want 1", status)
	}
	wantAll(t, stderr, "gen: Linux 5.10: arm: ", "gen: Linux 6.1: amd64: ", "gen: Linux 7.2: s390x: ")
	if strings.Contains(stderr, "Linux 6.1: loong64") {
		t.Errorf("headers are missed that nobody has:\n%s", stderr)
	}
	after := snapshot(t, place)
	delete(after, "./")
	if !maps.Equal(after, files) {
		t.Errorf("something was written: %v", slices.Sorted(maps.Keys(after)))
	}
}

// TestHeadersOfAnotherRelease: the folder says one release and the headers
// another.
func TestHeadersOfAnotherRelease(t *testing.T) {
	clang := needClang(t, mustPorts(t, samplePorts))
	allReleases, allPorts := older, ports
	defer func() { older, ports = allReleases, allPorts }()
	ports = mustPorts(t, samplePorts)
	dir := t.TempDir()
	for _, c := range []struct{ folder, want string }{{"9.5", ""}, {"9.4", "Linux 9.4: mips: holds headers of Linux 9.5.6"}} {
		older = []release{mustRelease(t, c.folder)}
		tree := filepath.Join(dir, c.folder)
		if err := os.CopyFS(filepath.Join(tree, c.folder), os.DirFS("testdata/headers")); err != nil {
			t.Fatal(err)
		}
		all, err := extractOlder(clang, tree)
		switch {
		case c.want != "":
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", c.folder, err, c.want)
			}
		case err != nil:
			t.Error(err)
		default:
			s, err := deriveSince(all)
			if err != nil {
				t.Fatal(err)
			}
			wantAll(t, string(s.encode()), `"linux 9.5.6-1":"386,amd64,mips,mips64le,s390x"`, `"UFFDIO_COPY": "9.5"`)
		}
	}
}

var debianArch = map[string]string{"386": "i386", "arm": "armhf", "mipsle": "mipsel", "mips64le": "mips64el", "ppc64le": "ppc64el"}

// TestFetchOlder holds the table in the script to gen/older.go: every release
// and, for each, every port.
func TestFetchOlder(t *testing.T) {
	script, err := os.ReadFile("fetch-older")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, m := range regexp.MustCompile(`(?m)^\t+([0-9.]+) ([a-z-]+) ([0-9.]+)-\S+ (.+)$`).FindAllStringSubmatch(string(script), -1) {
		if !strings.HasPrefix(m[3], m[1]+".") {
			t.Errorf("the version %s is not of %s", m[3], m[1])
		}
		got[m[1]] = append(got[m[1]], strings.Fields(m[4])...)
	}
	for _, r := range older {
		var want []string
		for _, p := range names(portsAt(r)) {
			if d, ok := debianArch[p]; ok {
				p = d
			}
			want = append(want, p)
		}
		list := got[r.String()]
		delete(got, r.String())
		if slices.Equal(list, []string{"all"}) {
			continue
		}
		slices.Sort(list)
		slices.Sort(want)
		if !slices.Equal(list, want) {
			t.Errorf("Linux %v: the script fetches %v, want %v", r, list, want)
		}
	}
	if len(got) > 0 {
		t.Errorf("the script fetches what gen/older.go does not have: %v", got)
	}
}

func TestFetchOlderRefuses(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		testgate.Skip(t, testgate.Port, err.Error())
	}
	there := t.TempDir()
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"no directory", nil, "usage:"},
		{"too many arguments", []string{"a", "b", "c"}, "usage:"},
		{"a directory that is there", []string{there}, "is there already"},
	} {
		out, err := exec.Command("sh", append([]string{"./fetch-older"}, c.args...)...).CombinedOutput()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 1 {
			t.Errorf("%s: %v, want exit status 1", c.name, err)
		}
		if !strings.Contains(string(out), c.want) {
			t.Errorf("%s: %q, want %q in it", c.name, out, c.want)
		}
	}
}
